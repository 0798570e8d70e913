/** Cuts a stream of bytes into frames and finds the next one again after any fault. */
import { joinBytes } from './hex.ts';

/** What stands at the beginning of received bytes; `length` bytes are to be taken off. */
export type Scanned<Frame> =
  /** So far it could be a frame; more bytes will tell. */
  | { readonly kind: 'need-more' }
  /** No frame begins here. `checksum`: it had the shape of one, but its check was wrong. */
  | { readonly kind: 'noise'; readonly length: number; readonly checksum?: boolean }
  | { readonly kind: 'frame'; readonly length: number; readonly frame: Frame };

export interface Received<Frame> {
  readonly frames: readonly Frame[];
  /** The beginning of a frame, for the next call. */
  readonly held: Uint8Array;
  readonly noiseBytes: number;
  readonly checksumErrors: number;
}

export const NOTHING_HELD: Uint8Array = new Uint8Array(0);

/**
 * Appends `chunk` to what was held and takes off every whole frame. What is held never grows beyond `most` bytes:
 * then its first byte counts as noise, so that a beginning that never ends cannot hide what follows it.
 */
export function receive<Frame>(
  held: Uint8Array,
  chunk: Uint8Array,
  scan: (bytes: Uint8Array) => Scanned<Frame>,
  most: number,
): Received<Frame> {
  let rest = held.length === 0 ? chunk : joinBytes(held, chunk);
  const frames: Frame[] = [];
  let noiseBytes = 0;
  let checksumErrors = 0;
  while (rest.length > 0) {
    const found = scan(rest);
    if (found.kind === 'need-more' && rest.length <= most) break;
    const length = found.kind === 'need-more' ? 1 : Math.max(1, found.length);
    if (found.kind === 'frame') frames.push(found.frame);
    else noiseBytes += length;
    if (found.kind === 'noise' && found.checksum) checksumErrors += 1;
    rest = rest.subarray(length);
  }
  return { frames, held: rest.slice(), noiseBytes, checksumErrors };
}

/** Silence ended what was held: it is no frame, but one may have begun later in it. */
export function giveUp<Frame>(
  held: Uint8Array,
  scan: (bytes: Uint8Array) => Scanned<Frame>,
): Received<Frame> {
  return receive(held, NOTHING_HELD, scan, 0);
}

/** Milliseconds that bytes take on a line of 8N1: ten bits each. */
export function wireMs(byteCount: number, baudRate: number): number {
  return (byteCount * 10_000) / baudRate;
}
