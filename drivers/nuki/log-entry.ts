/** Entries of the lock's own log (API V2.1 and 2.2): who moved it by hand, by app, or at its keypad. */
import { readU16, readU32 } from './frame.ts';
import { DATE_BYTES, fromLockDate } from './lock-date.ts';

const DATA_AT = 4 + DATE_BYTES + 4 + 32 + 1;
const TYPE = {
  logging: 1,
  action: 2,
  calibration: 3,
  init: 4,
  keypad: 5,
  door: 6,
  doorLogging: 7,
} as const;

const ACTIONS: Readonly<Record<number, string>> = {
  1: 'unlock',
  2: 'lock',
  3: 'unlatch',
  4: "lock 'n' go",
  5: "lock 'n' go with unlatch",
  6: 'full lock',
};
const TRIGGERS: Readonly<Record<number, string>> = {
  0: 'by Bluetooth',
  1: 'by hand',
  2: 'by its button',
  3: 'by itself',
  6: 'by auto lock',
  171: 'by HomeKit',
  172: 'by MQTT',
};
const COMPLETIONS: Readonly<Record<number, string>> = {
  0: 'done',
  1: 'motor blocked',
  2: 'cancelled',
  3: 'too recent',
  4: 'busy',
  5: 'low voltage',
  6: 'clutch failure',
  7: 'motor power failure',
  8: 'incomplete',
  11: 'failed',
  224: 'invalid code',
};

export interface LogEntry {
  readonly index: number;
  /** Milliseconds since 1970 by the lock's clock, taken as UTC. */
  readonly at: number;
  readonly action: string;
  /** Never a name: an authorization's number, or a keypad code's. */
  readonly by: string;
  readonly detail: string;
}

/** `own`: our authorization. `tagOf`: what we call a keypad code, where it is one of ours. */
export function parseLogEntry(
  payload: Uint8Array,
  own: number,
  tagOf: (codeId: number) => string | undefined,
): LogEntry | undefined {
  if (payload.length < DATA_AT) return undefined;
  const at = fromLockDate(payload.subarray(4), 0);
  if (at === undefined) return undefined;
  const authorization = readU32(payload, 4 + DATE_BYTES);
  const by =
    authorization === own
      ? 'latchkey'
      : authorization === 0
        ? 'nobody'
        : `authorization ${authorization}`;
  const data = payload.subarray(DATA_AT);
  const head = { index: readU32(payload, 0), at };
  switch (payload[DATA_AT - 1]) {
    case TYPE.action:
    case TYPE.calibration:
    case TYPE.init:
      return {
        ...head,
        by,
        action: ACTIONS[data[0] ?? 0] ?? 'calibration',
        detail: `${TRIGGERS[data[1] ?? 0] ?? 'otherwise'}, ${outcome(data[3])}`,
      };
    case TYPE.keypad: {
      const id = readU16(data, 3);
      const isFinger = data[1] === 0x02;
      const code = tagOf(id);
      return {
        ...head,
        by: data[2] === 0xe0 ? 'nobody' : isFinger ? `fingerprint ${id}` : `code ${code ?? id}`,
        action: ACTIONS[data[0] ?? 0] ?? 'keypad',
        detail: `at the keypad, ${outcome(data[2])}`,
      };
    }
    case TYPE.door: {
      const words = ['door opened', 'door closed', 'door sensor jammed'];
      return {
        ...head,
        by: 'nobody',
        action: words[data[0] ?? 2] ?? 'door',
        detail: 'door sensor',
      };
    }
    case TYPE.logging:
    case TYPE.doorLogging:
      return { ...head, by, action: data[0] === 1 ? 'logging on' : 'logging off', detail: '' };
    default:
      return { ...head, by, action: 'unknown', detail: `type ${payload[DATA_AT - 1]}` };
  }
}

function outcome(completion: number | undefined): string {
  if (completion === undefined) return 'outcome unknown';
  return COMPLETIONS[completion] ?? `completion ${completion.toString(16)}`;
}
