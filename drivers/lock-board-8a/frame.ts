/**
 * Frames of the generic "485 lock control board" (serial-hardware 4.3), bytes <-> fields, pure. BCC is the exclusive or
 * of all bytes before it. ST is the feedback input, 11 or 00; which of them is shut depends on the lock.
 *
 * ```text
 * open       8A AA CC 11 BCC          or for SS seconds 8A AA CC 11 SS BCC;   reply 8A AA CC ST BCC
 * channel    80 AA CC 33 BCC                                                  reply 80 AA CC ST BCC
 * all        80 AA 00 33 BCC                                                  reply 80 AA Sn … S1 33 BCC
 * by itself                                                                   82 AA CC ST BCC (or 81)
 * ```
 * The reply to `all` has 2 to 7 status bytes, three also on boards of 8 channels; S1 holds channels 1–8 on all boards
 * but one known. Channel 00 opens everything: no function here builds it.
 */
import { xor8 } from '../wire/checksum.ts';
import type { Scanned } from '../wire/receive-buffer.ts';

const OPEN = 0x8a;
const QUERY = 0x80;
const ON = 0x11;
const ASK = 0x33;
const BY_ITSELF: readonly number[] = [0x81, 0x82];
/** Bitmaps and continuous power; this host never says them. */
const OTHERS_REQUESTS: readonly number[] = [0x90, 0x9a, 0x9b];

export const CHANNELS_MOST = 50;
const BOARDS_MOST = 31;

export type Frame8a =
  | {
      readonly kind: 'opened';
      readonly board: number;
      readonly channel: number;
      readonly isOn: boolean;
    }
  | {
      readonly kind: 'changed';
      readonly board: number;
      readonly channel: number;
      readonly isOn: boolean;
    }
  /** Status bytes as they stand in the frame. */
  | { readonly kind: 'all'; readonly board: number; readonly status: Uint8Array }
  | { readonly kind: 'request'; readonly board: number };

/** `seconds` (1–9) only for firmware that knows it. Throws `RangeError` for a channel that the board has not. */
export function openRequest(board: number, channel: number, seconds?: number): Uint8Array {
  check(board, channel);
  if (seconds === undefined) return checked(OPEN, board, channel, ON);
  if (!Number.isInteger(seconds) || seconds < 1 || seconds > 9) {
    throw new RangeError(`a board opens for 1 to 9 s, found ${seconds}`);
  }
  return checked(OPEN, board, channel, ON, seconds);
}

export function channelRequest(board: number, channel: number): Uint8Array {
  check(board, channel);
  return checked(QUERY, board, channel, ASK);
}

export function allRequest(board: number): Uint8Array {
  check(board, 1);
  return checked(QUERY, board, 0, ASK);
}

export interface Scan8aOptions {
  /** A frame with fewer status bytes is taken for the beginning of a longer one. */
  readonly statusBytesLeast: number;
  readonly statusBytesMost: number;
}

/** `isOver`: silence has followed these bytes. */
export function scan8a(
  bytes: Uint8Array,
  options: Scan8aOptions,
  isOver = false,
): Scanned<Frame8a> {
  const [head = 0, board = 0] = bytes;
  if (head === QUERY) return scanQuery(bytes, options, isOver);
  const isShort = head === OPEN || BY_ITSELF.includes(head) || OTHERS_REQUESTS.includes(head);
  if (!isShort || board > BOARDS_MOST) return { kind: 'noise', length: 1 };
  if (bytes.length < 5) return { kind: 'need-more' };
  if (xor8(bytes.subarray(0, 5)) !== 0) return { kind: 'noise', length: 1, checksum: true };
  const [, , channel = 0, status = 0] = bytes;
  if (OTHERS_REQUESTS.includes(head)) {
    return { kind: 'frame', length: 5, frame: { kind: 'request', board } };
  }
  if (status !== ON && status !== 0) return { kind: 'noise', length: 1 };
  const kind = head === OPEN ? 'opened' : 'changed';
  return { kind: 'frame', length: 5, frame: { kind, board, channel, isOn: status === ON } };
}

/**
 * The reply to `channelRequest`, which a stream of whole-board replies cannot be searched for: five bytes of one of
 * those may look the same. For commissioning, where one question is asked and one answer comes.
 */
export function readChannel(
  bytes: Uint8Array,
): { readonly board: number; readonly channel: number; readonly isOn: boolean } | undefined {
  const [head, board = 0, channel = 0, status] = bytes;
  const isReply = head === QUERY && bytes.length === 5 && xor8(bytes) === 0;
  if (!isReply || (status !== ON && status !== 0)) return undefined;
  return { board, channel, isOn: status === ON };
}

/** Neither length nor end is told by the frame itself: 33 and a check that holds, where a reply can end. */
function scanQuery(
  bytes: Uint8Array,
  { statusBytesLeast, statusBytesMost }: Scan8aOptions,
  isOver: boolean,
): Scanned<Frame8a> {
  const board = bytes[1] ?? 0;
  if (board > BOARDS_MOST) return { kind: 'noise', length: 1 };
  for (let count = statusBytesLeast; count <= statusBytesMost; count += 1) {
    const length = count + 4;
    if (!endsAt(bytes, length)) continue;
    return {
      kind: 'frame',
      length,
      frame: { kind: 'all', board, status: bytes.slice(2, length - 2) },
    };
  }
  // The beginning of a status can look like a request: only where no status can follow is it one.
  if ((isOver || bytes.length >= statusBytesMost + 4) && endsAt(bytes, 5)) {
    return { kind: 'frame', length: 5, frame: { kind: 'request', board } };
  }
  return bytes.length < statusBytesMost + 4
    ? { kind: 'need-more' }
    : { kind: 'noise', length: 1, checksum: true };
}

function endsAt(bytes: Uint8Array, length: number): boolean {
  return (
    bytes.length >= length && bytes[length - 2] === ASK && xor8(bytes.subarray(0, length)) === 0
  );
}

/** Channel 1 first. */
export function channelBits(
  status: Uint8Array,
  order: 'last-first' | 'first-first',
  count: number,
): readonly (boolean | undefined)[] {
  const bytes = order === 'last-first' ? status.toReversed() : status;
  return Array.from({ length: count }, (_, index) => {
    const byte = bytes[index >> 3];
    return byte === undefined ? undefined : ((byte >> (index & 7)) & 1) === 1;
  });
}

function check(board: number, channel: number): void {
  if (!Number.isInteger(board) || board < 1 || board > BOARDS_MOST) {
    throw new RangeError(`boards are 1 to ${BOARDS_MOST}, found ${board}`);
  }
  if (!Number.isInteger(channel) || channel < 1 || channel > CHANNELS_MOST) {
    throw new RangeError(`channels are 1 to ${CHANNELS_MOST}, found ${channel}`);
  }
}

function checked(...bytes: readonly number[]): Uint8Array {
  return Uint8Array.from([...bytes, xor8(Uint8Array.from(bytes))]);
}
