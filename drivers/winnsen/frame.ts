/**
 * Frames of Winnsen 16-way lock boards (serial-hardware 4.5), 9600 8N1, bytes <-> fields, pure. There is NO checksum: a
 * flipped bit opens another slot or shows another state, and nobody can tell.
 *
 * ```text
 * open   90 06 05 ST LK 03          reply  90 07 85 ST LK RS 03     RS 01 opened, 00 not, 02 still cooling down
 * poll   90 07 02 ST LO HI 03       reply  90 07 82 ST LO HI 03     masks of locks 1–8 and 9–16; 1 is open
 * ```
 * Some boards answer A5 and A2 in place of 85 and 82.
 */
import type { Scanned } from '../wire/receive-buffer.ts';

const HEAD = 0x90;
const END = 0x03;
const OPEN = 0x05;
const POLL = 0x02;
const OPENED: readonly number[] = [0x85, 0xa5];
const POLLED: readonly number[] = [0x82, 0xa2];

export const LOCKS = 16;
export const WINNSEN_MOST = 7;

export type WinnsenFrame =
  | {
      readonly kind: 'opened';
      readonly station: number;
      readonly lock: number;
      readonly result: number;
    }
  /** Lock 1 first. */
  | { readonly kind: 'polled'; readonly station: number; readonly isOpen: readonly boolean[] }
  | { readonly kind: 'request'; readonly station: number };

/** Throws `RangeError` for a lock that the board has not. */
export function openRequest(station: number, lock: number): Uint8Array {
  if (!Number.isInteger(lock) || lock < 1 || lock > LOCKS) {
    throw new RangeError(`locks are 1 to ${LOCKS}, found ${lock}`);
  }
  return Uint8Array.of(HEAD, 6, OPEN, station, lock, END);
}

/** Asks for locks 1 to `locks`. */
export function pollRequest(station: number, locks: number): Uint8Array {
  const mask = 2 ** locks - 1;
  return Uint8Array.of(HEAD, 7, POLL, station, mask & 0xff, mask >> 8, END);
}

export function scanWinnsen(bytes: Uint8Array): Scanned<WinnsenFrame> {
  const [head, length = 0, fn = 0, station = 0, fifth = 0, sixth = 0] = bytes;
  const noise = { kind: 'noise', length: 1 } as const;
  if (head !== HEAD) return noise;
  if (bytes.length < 3) return { kind: 'need-more' };
  if (length !== lengthOf(fn)) return noise;
  if (bytes.length < length) return { kind: 'need-more' };
  if (bytes[length - 1] !== END) return noise;
  if (OPENED.includes(fn)) {
    const frame = { kind: 'opened', station, lock: fifth, result: sixth } as const;
    return { kind: 'frame', length, frame };
  }
  if (!POLLED.includes(fn)) return { kind: 'frame', length, frame: { kind: 'request', station } };
  const mask = fifth | (sixth << 8);
  const isOpen = Array.from({ length: LOCKS }, (_, lock) => ((mask >> lock) & 1) === 1);
  return { kind: 'frame', length, frame: { kind: 'polled', station, isOpen } };
}

function lengthOf(fn: number): number | undefined {
  if (fn === OPEN) return 6;
  return fn === POLL || OPENED.includes(fn) || POLLED.includes(fn) ? 7 : undefined;
}
