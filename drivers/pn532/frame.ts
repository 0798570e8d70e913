/**
 * Frames of the NXP PN532 on its serial line (HSU, serial-hardware 5.4), 115200 8N1, bytes <-> fields, pure.
 *
 * ```text
 * frame   00 00 FF LEN LCS TFI DATA… DCS 00      LCS = -LEN, DCS = -(TFI + DATA); TFI D4 from us, D5 from it
 * ACK     00 00 FF 00 FF 00                      NACK 00 00 FF FF 00 00
 * error   00 00 FF 01 FF 7F 81 00
 * ```
 * It sleeps until it hears `55 55` and a pause of zeros, sent right before the first frame.
 */
import { negatedSum8 } from '../wire/checksum.ts';
import type { Scanned } from '../wire/receive-buffer.ts';

const FROM_HOST = 0xd4;
const FROM_CHIP = 0xd5;
/** Longest answer that is asked for: two targets with ten-byte serials. */
const LENGTH_MOST = 64;
export const PN532_MOST = LENGTH_MOST + 7;

export const SAM_CONFIGURATION = Uint8Array.of(0x14, 0x01);
export const FIRMWARE = Uint8Array.of(0x02);
/** Passive activation is tried twice, then answered "none": else it waits for a card for ever. */
export const FEW_RETRIES = Uint8Array.of(0x32, 0x05, 0xff, 0x01, 0x02);
export const LIST_CARDS = Uint8Array.of(0x4a, 0x02, 0x00);
export const RELEASE_ALL = Uint8Array.of(0x52, 0x00);

export const WAKE = Uint8Array.from([0x55, 0x55, ...Array.from({ length: 14 }, () => 0x00)]);

export type Pn532Frame =
  | { readonly kind: 'ack' }
  | { readonly kind: 'nack' }
  /** It did not understand. */
  | { readonly kind: 'error' }
  /** `code` is that of the command plus one. */
  | { readonly kind: 'answer'; readonly code: number; readonly data: Uint8Array }
  /** Our own, coming back. */
  | { readonly kind: 'request' };

/** `command`: its code and arguments. */
export function encodePn532(command: Uint8Array, from: 'host' | 'chip' = 'host'): Uint8Array {
  const body = Uint8Array.from([from === 'host' ? FROM_HOST : FROM_CHIP, ...command]);
  const length = body.length;
  return Uint8Array.from([0, 0, 0xff, length, -length & 0xff, ...body, negatedSum8(body), 0]);
}

/** The preamble's first 00 may be missing or be many: a frame begins at 00 FF. */
export function scanPn532(bytes: Uint8Array): Scanned<Pn532Frame> {
  const noise = { kind: 'noise', length: 1 } as const;
  if (bytes[0] !== 0x00) return noise;
  if (bytes.length < 2) return { kind: 'need-more' };
  if (bytes[1] !== 0xff) return noise;
  const [, , length, check] = bytes;
  if (length === undefined || check === undefined) return { kind: 'need-more' };
  if (length === 0x00 && check === 0xff)
    return { kind: 'frame', length: 4, frame: { kind: 'ack' } };
  if (length === 0xff && check === 0x00)
    return { kind: 'frame', length: 4, frame: { kind: 'nack' } };
  if (((length + check) & 0xff) !== 0 || length === 0 || length > LENGTH_MOST) return noise;
  if (bytes.length < length + 5) return { kind: 'need-more' };
  const body = bytes.subarray(4, 4 + length);
  if (negatedSum8(body) !== bytes[4 + length]) return { ...noise, checksum: true };
  return { kind: 'frame', length: length + 5, frame: read(body) };
}

function read(body: Uint8Array): Pn532Frame {
  const [from, code] = body;
  if (from === FROM_HOST) return { kind: 'request' };
  if (from !== FROM_CHIP || code === undefined) return { kind: 'error' };
  return { kind: 'answer', code, data: body.slice(2) };
}

/** Chip numbers in an answer to `LIST_CARDS`; `undefined` where the answer contradicts itself. */
export function cardsIn(data: Uint8Array): readonly Uint8Array[] | undefined {
  const [count = 0] = data;
  const cards: Uint8Array[] = [];
  let at = 1;
  for (let card = 0; card < count; card += 1) {
    // Target number, SENS_RES (2), SEL_RES, length of the number, the number; then an ATS if SEL_RES says so.
    const select = data[at + 3];
    const length = data[at + 4];
    if (select === undefined || length === undefined || ![4, 7, 10].includes(length))
      return undefined;
    const number = data.slice(at + 5, at + 5 + length);
    if (number.length !== length) return undefined;
    cards.push(number);
    at += 5 + length;
    const hasAts = (select & 0x20) !== 0 && at < data.length;
    if (hasAts) at += Math.max(1, data[at] ?? 1);
  }
  return cards;
}
