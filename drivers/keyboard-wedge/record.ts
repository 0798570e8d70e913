/**
 * Records of the kernel's input devices (serial-hardware 8), bytes <-> fields, pure; all little-endian.
 *
 * ```text
 * 64-bit   seconds 8, microseconds 8, type 2, code 2, value 4     24 bytes
 * 32-bit   seconds 4, microseconds 4, type 2, code 2, value 4     16 bytes
 * ```
 * Type 1 is a key; value 1 is pressed, 0 released, 2 repeated by being held.
 */
import type { Scanned } from '../wire/receive-buffer.ts';

export interface InputRecord {
  readonly type: number;
  readonly code: number;
  readonly value: number;
}

export type WordBits = 32 | 64;

const KEY = 1;
const PRESSED = 1;
const TYPE_MOST = 0x1f;

export function recordBytes(wordBits: WordBits): number {
  return wordBits === 64 ? 24 : 16;
}

/** There is no mark to find a record by; one that cannot be is skipped byte by byte until one can. */
export function scanRecord(bytes: Uint8Array, wordBits: WordBits): Scanned<InputRecord> {
  const length = recordBytes(wordBits);
  if (bytes.length < length) return { kind: 'need-more' };
  const view = new DataView(bytes.buffer, bytes.byteOffset, length);
  const at = length - 8;
  const microseconds =
    wordBits === 64 ? view.getBigUint64(8, true) : BigInt(view.getUint32(4, true));
  const type = view.getUint16(at, true);
  const value = view.getInt32(at + 4, true);
  const isKeyLike = type !== KEY || (value >= 0 && value <= 2);
  if (microseconds >= 1_000_000n || type > TYPE_MOST || !isKeyLike) {
    return { kind: 'noise', length: 1 };
  }
  return { kind: 'frame', length, frame: { type, code: view.getUint16(at + 2, true), value } };
}

/** For simulated devices; the time of it is left at zero. */
export function encodeRecord({ type, code, value }: InputRecord, wordBits: WordBits): Uint8Array {
  const length = recordBytes(wordBits);
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  view.setUint16(length - 8, type, true);
  view.setUint16(length - 6, code, true);
  view.setInt32(length - 4, value, true);
  return bytes;
}

/** The key that was pressed: one character, `enter`, `other` for keys that mean nothing here. */
export function pressedKey({ type, code, value }: InputRecord): string | undefined {
  if (type !== KEY || value !== PRESSED || MUTE.includes(code)) return undefined;
  return KEYS[code] ?? 'other';
}

/** Shift changes what follows, and no digit, hex digit or comma needs it. */
const MUTE: readonly number[] = [42, 54];

/** Key codes are names, not positions in an order: linux/input-event-codes.h. */
const KEYS: Readonly<Record<number, string>> = {
  2: '1',
  3: '2',
  4: '3',
  5: '4',
  6: '5',
  7: '6',
  8: '7',
  9: '8',
  10: '9',
  11: '0',
  79: '1',
  80: '2',
  81: '3',
  75: '4',
  76: '5',
  77: '6',
  71: '7',
  72: '8',
  73: '9',
  82: '0',
  30: 'A',
  48: 'B',
  46: 'C',
  32: 'D',
  18: 'E',
  33: 'F',
  51: ',',
  55: '*',
  74: '-',
  14: 'backspace',
  28: 'enter',
  96: 'enter',
};
