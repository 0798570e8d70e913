/** Commands of a paired client, before their tail: challenge (32 bytes), then the security PIN (2 bytes). */
import { joinBytes } from '../wire/hex.ts';
import { COMMAND, type Message, u16, u32 } from './frame.ts';
import { lockDate } from './lock-date.ts';

/** `plain`: nothing follows. `challenge`: a fresh one. `pin`: that and the security PIN. */
export type Tail = 'plain' | 'challenge' | 'pin';

export interface Request {
  readonly command: number;
  readonly body: Uint8Array;
  readonly tail: Tail;
}

const NOTHING = new Uint8Array(0);

export function requestData(command: number): Request {
  return { command: COMMAND.requestData, body: u16(command), tail: 'plain' };
}

/** Whole message on the wire; `pin` must be there for a `pin` tail. */
export function complete(
  { command, body, tail }: Request,
  challenge: Uint8Array,
  pin: number | undefined,
): Message {
  if (tail === 'plain') return { command, payload: body };
  const secret = tail === 'pin' ? u16(pin ?? 0) : NOTHING;
  return { command, payload: joinBytes(body, challenge, secret) };
}

/** `appId` as in the pairing. No flags: neither automatic nor forced. */
export function lockAction(action: number, appId: number): Request {
  return {
    command: COMMAND.lockAction,
    body: joinBytes(Uint8Array.of(action), u32(appId), Uint8Array.of(0)),
    tail: 'challenge',
  };
}

export const REQUEST_CONFIG: Request = {
  command: COMMAND.requestConfig,
  body: NOTHING,
  tail: 'challenge',
};

export function updateTime(at: number): Request {
  return { command: COMMAND.updateTime, body: lockDate(at, 0, 'down'), tail: 'pin' };
}

/** `start` 0: the newest or oldest `count`; else those strictly after or before it. */
export function requestLog(
  start: number,
  count: number,
  order: 'ascending' | 'descending',
  total: boolean,
): Request {
  return {
    command: COMMAND.requestLog,
    body: joinBytes(
      u32(start),
      u16(count),
      Uint8Array.of(order === 'ascending' ? 0 : 1, total ? 1 : 0),
    ),
    tail: 'pin',
  };
}

export function requestCodes(offset: number, count: number): Request {
  return { command: COMMAND.requestCodes, body: joinBytes(u16(offset), u16(count)), tail: 'pin' };
}

export function removeCode(id: number): Request {
  return { command: COMMAND.removeCode, body: u16(id), tail: 'pin' };
}
