/**
 * The generic "485 lock control board" with the box behind it. `8A` opens a channel and answers once the pulse is over,
 * `80` asks; the check is the exclusive or of all bytes before it. Three status bytes up to 24 channels, channel 1 in
 * the lowest bit of the last.
 */
import type { Scanned } from '../../drivers/wire/receive-buffer.ts';
import { yesOrNo } from '../arguments.ts';
import type { DeviceSurroundings } from '../device.ts';
import { type LockBoard, SimulatedLockBoard } from './lock-board.ts';

/** As the driver `lock-board-8a` parses them. */
export interface SimulatedLockBoard8aOptions {
  readonly address: number;
  readonly slots?: number;
  readonly statusBytes?: number | undefined;
  readonly statusOrder?: 'last-first' | 'first-first';
  readonly polarity?: { readonly door: 'normal' | 'inverted' };
  readonly pulseMs?: number;
}

export function simulatedLockBoard8a(
  name: string,
  options: SimulatedLockBoard8aOptions,
  around: DeviceSurroundings,
): SimulatedLockBoard {
  const { address, slots = 24, pulseMs = 300, polarity } = options;
  const statusBytes = options.statusBytes ?? Math.max(3, Math.ceil(slots / 8));
  const isFirstFirst = options.statusOrder === 'first-first';
  const habits = { speaksByItself: false };
  const board = new SimulatedLockBoard(
    name,
    {
      kind: 'lock-board-8a',
      address,
      slots,
      pulseMs,
      doorInverted: polarity?.door === 'inverted',
      presenceInverted: false,
      verbs: {
        'speak-up': {
          what: 'says by itself when a door changes, as some firmware does',
          arguments: { 'on?': 'true (the default) or false' },
          run(given) {
            habits.speaksByItself = yesOrNo(given, 'on', true);
            return null;
          },
        },
      },
    },
    around,
    {
      scan: scanRequest,
      most: 6,
      serve: (request: Request, on) => serve(request, on, statusBytes, isFirstFirst),
    },
  );
  let before = board.hookBits();
  board.box.watch(() => {
    const now = board.hookBits();
    const changed = now.findIndex((bit, index) => bit !== before[index]);
    before = now;
    if (!habits.speaksByItself || changed < 0) return;
    board.say(checked(0x82, board.address, changed + 1, now[changed] ? 0x11 : 0x00));
  });
  return board;
}

interface Request {
  readonly head: number;
  readonly board: number;
  readonly channel: number;
  readonly seconds: number | undefined;
}

/** The longer opening is told from the shorter by its check alone. */
function scanRequest(bytes: Uint8Array): Scanned<Request> {
  const [head = 0, board = 0, channel = 0, what = 0, fifth = 0] = bytes;
  if (head !== 0x8a && head !== 0x80) return { kind: 'noise', length: 1 };
  if (bytes.length < 5) return { kind: 'need-more' };
  if (what !== (head === 0x8a ? 0x11 : 0x33)) return { kind: 'noise', length: 1 };
  if (holds(bytes.subarray(0, 5))) {
    return { kind: 'frame', length: 5, frame: { head, board, channel, seconds: undefined } };
  }
  if (head === 0x80) return { kind: 'noise', length: 1 };
  if (bytes.length < 6) return { kind: 'need-more' };
  if (!holds(bytes.subarray(0, 6))) return { kind: 'noise', length: 1 };
  return { kind: 'frame', length: 6, frame: { head, board, channel, seconds: fifth } };
}

function serve(
  { head, board, channel, seconds }: Request,
  on: LockBoard,
  statusBytes: number,
  isFirstFirst: boolean,
): Uint8Array | undefined {
  if (board !== on.address) return undefined;
  if (head === 0x80 && channel === 0) return status(on, statusBytes, isFirstFirst);
  if (head === 0x80) return channel > on.slots ? undefined : one(0x80, on, channel);
  const first = channel === 0 ? 1 : channel;
  const last = channel === 0 ? on.slots : channel;
  const length = seconds === undefined ? on.pulseMs : seconds * 1000;
  for (let each = first; each <= last; each += 1) on.pulse(each, length);
  if (channel < 1 || channel > on.slots) return undefined;
  on.answerAfter(length, () => one(0x8a, on, channel));
  return undefined;
}

function one(head: number, on: LockBoard, channel: number): Uint8Array {
  return checked(head, on.address, channel, on.hookBits()[channel - 1] ? 0x11 : 0x00);
}

function status(on: LockBoard, count: number, isFirstFirst: boolean): Uint8Array {
  const bytes = Array.from({ length: count }, () => 0);
  for (const [index, bit] of on.hookBits().entries()) {
    const byte = isFirstFirst ? index >> 3 : count - 1 - (index >> 3);
    if (bit) bytes[byte] = (bytes[byte] ?? 0) + 2 ** (index % 8);
  }
  return checked(0x80, on.address, ...bytes, 0x33);
}

function holds(bytes: Uint8Array): boolean {
  return bytes.reduce((check, byte) => check ^ byte, 0) === 0;
}

function checked(...bytes: readonly number[]): Uint8Array {
  return Uint8Array.from([...bytes, bytes.reduce((check, byte) => check ^ byte, 0)]);
}
