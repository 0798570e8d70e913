/**
 * Frames of Kerong lock boards (serial-hardware 4.1 and 4.2), bytes <-> fields, pure. All values are one byte; SUM is
 * the low byte of the sum of all before it. 02 and 03 occur within data, so a frame's length follows from its command.
 *
 * ```text
 * CU16, CU12   request 02 ADDR CMD 03 SUM                     ADDR: board in the high, lock - 1 in the low nibble
 *              reply   02 ADDR 35|36 H1 H2 I1 I2 03 SUM       hook bits, infrared bits; bit 0 of H1 is lock 1
 * CU48         request 02 ADDR LOCK 50|51 03 SUM              LOCK = lock - 1
 *              reply   02 ADDR xx 65 D1…D6 03 SUM             hook bits
 * CU48B        request 02 ADDR LOCK 60|61 03 SUM
 *              reply   02 ADDR xx 75 D1…D6 S1…S6 03 SUM       hook bits, sensor bits
 * ```
 */
import { sum8 } from '../wire/checksum.ts';
import type { Scanned } from '../wire/receive-buffer.ts';

export type Dialect = 'cu16' | 'cu48' | 'cu48b';

const STX = 0x02;
const ETX = 0x03;

/** Commands of each dialect; the open-all codes (33, lock 30, address 0A) have no name here and cannot be built. */
const COMMANDS = {
  cu16: {
    status: 0x30,
    unlock: 0x31,
    reply: 0x35,
    replyToAll: 0x36,
    statusAll: 0x32,
    unlockAll: 0x33,
  },
  cu48: { status: 0x50, unlock: 0x51, reply: 0x65 },
  cu48b: { status: 0x60, unlock: 0x61, reply: 0x75 },
} as const;

/** Bytes of hook bits, and whether as many sensor bytes follow. */
const SHAPE = {
  cu16: { hookBytes: 2, hasSensors: true, locks: 16, boards: 10 },
  cu48: { hookBytes: 6, hasSensors: false, locks: 48, boards: 10 },
  cu48b: { hookBytes: 6, hasSensors: true, locks: 48, boards: 10 },
} as const;

export type KerongFrame =
  | {
      readonly kind: 'status';
      readonly board: number;
      /** Lock 1 first; `true` is bit 1, which means latched in the usual wiring. */
      readonly hooks: readonly boolean[];
      /** Empty where the board has none. */
      readonly sensors: readonly boolean[];
    }
  /** Only a host says it: our own echo, or another master. */
  | { readonly kind: 'request'; readonly board: number; readonly command: number };

export function locksOf(dialect: Dialect): number {
  return SHAPE[dialect].locks;
}

export function statusRequest(dialect: Dialect, board: number): Uint8Array {
  checkBoard(dialect, board);
  const { status } = COMMANDS[dialect];
  return dialect === 'cu16'
    ? summed(STX, board << 4, status, ETX)
    : summed(STX, board, 0, status, ETX);
}

/** `lock` counts from 1. Throws `RangeError` for one that the board has not: lock 49 would be all of them. */
export function unlockRequest(dialect: Dialect, board: number, lock: number): Uint8Array {
  checkBoard(dialect, board);
  const { locks } = SHAPE[dialect];
  if (!Number.isInteger(lock) || lock < 1 || lock > locks) {
    throw new RangeError(`locks are 1 to ${locks}, found ${lock}`);
  }
  const { unlock } = COMMANDS[dialect];
  return dialect === 'cu16'
    ? summed(STX, (board << 4) | (lock - 1), unlock, ETX)
    : summed(STX, board, lock - 1, unlock, ETX);
}

/** What a board says of itself; for simulated boards and tests. */
export function statusReply(
  dialect: Dialect,
  board: number,
  hooks: readonly boolean[],
  sensors: readonly boolean[],
  command: number = COMMANDS[dialect].reply,
): Uint8Array {
  const { hookBytes, hasSensors } = SHAPE[dialect];
  const head = dialect === 'cu16' ? [STX, board << 4, command] : [STX, board, 0, command];
  const tail = hasSensors ? bytesOf(sensors, hookBytes) : [];
  return summed(...head, ...bytesOf(hooks, hookBytes), ...tail, ETX);
}

/** What stands at the beginning of received bytes. */
export function scanKerong(dialect: Dialect, bytes: Uint8Array): Scanned<KerongFrame> {
  const noise = { kind: 'noise', length: 1 } as const;
  if (bytes[0] !== STX) return noise;
  const commandAt = dialect === 'cu16' ? 2 : 3;
  const command = bytes[commandAt];
  if (command === undefined) return { kind: 'need-more' };
  const { hookBytes, hasSensors } = SHAPE[dialect];
  const isReply = replyCommands(dialect).includes(command);
  if (!isReply && !requestCommands(dialect).includes(command)) return noise;
  const data = isReply ? hookBytes * (hasSensors ? 2 : 1) : 0;
  const length = commandAt + 1 + data + 2;
  if (bytes.length < length) return { kind: 'need-more' };
  const whole = bytes.subarray(0, length);
  if (whole[length - 2] !== ETX) return noise;
  if (sum8(whole.subarray(0, -1)) !== whole[length - 1]) return { ...noise, checksum: true };
  const board = dialect === 'cu16' ? (whole[1] ?? 0) >> 4 : (whole[1] ?? 0);
  if (!isReply) return { kind: 'frame', length, frame: { kind: 'request', board, command } };
  const hooksAt = commandAt + 1;
  return {
    kind: 'frame',
    length,
    frame: {
      kind: 'status',
      board,
      hooks: bitsOf(whole.subarray(hooksAt, hooksAt + hookBytes)),
      sensors: hasSensors ? bitsOf(whole.subarray(hooksAt + hookBytes, -2)) : [],
    },
  };
}

/** No frame of any dialect is longer. */
export const KERONG_MOST = 18;

function replyCommands(dialect: Dialect): readonly number[] {
  const { cu16 } = COMMANDS;
  return dialect === 'cu16' ? [cu16.reply, cu16.replyToAll] : [COMMANDS[dialect].reply];
}

function requestCommands(dialect: Dialect): readonly number[] {
  const { cu16 } = COMMANDS;
  if (dialect === 'cu16') return [cu16.status, cu16.unlock, cu16.statusAll, cu16.unlockAll];
  return [COMMANDS[dialect].status, COMMANDS[dialect].unlock];
}

function checkBoard(dialect: Dialect, board: number): void {
  const { boards } = SHAPE[dialect];
  if (!Number.isInteger(board) || board < 0 || board >= boards) {
    throw new RangeError(`boards are 0 to ${boards - 1}, found ${board}`);
  }
}

function summed(...bytes: readonly number[]): Uint8Array {
  const body = Uint8Array.from(bytes);
  return Uint8Array.from([...body, sum8(body)]);
}

function bitsOf(bytes: Uint8Array): readonly boolean[] {
  return Array.from({ length: bytes.length * 8 }, (_, bit) => isSet(bytes[bit >> 3] ?? 0, bit & 7));
}

function isSet(byte: number, bit: number): boolean {
  return ((byte >> bit) & 1) === 1;
}

function bytesOf(bits: readonly boolean[], count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) =>
    bits
      .slice(8 * index, 8 * index + 8)
      .reduce((byte, bit, place) => (bit ? byte | (1 << place) : byte), 0),
  );
}
