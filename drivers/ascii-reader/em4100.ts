/**
 * EM4100 reader modules (serial-hardware 5.1), 9600 8N1, one way:
 *
 * ```text
 * RDM6300        02 + 10 hex digits + 2 hex digits of check            + 03   14 bytes
 * ID-12LA/20LA   02 + 10 hex digits + 2 hex digits of check + 0D 0A    + 03   16 bytes
 * raw check      02 + 10 hex digits + 1 byte of check                  + 03   13 bytes
 * ```
 * The check is the exclusive or of the five bytes. Variants exclude each other, so all are read by every driver.
 */
import { xor8 } from '../wire/checksum.ts';
import { joinBytes } from '../wire/hex.ts';
import type { Token, TokenScan } from '../wire/reader-token.ts';

export type Em4100Variant = 'rdm6300' | 'id-20la' | 'raw-check';

const STX = 0x02;
const ETX = 0x03;
const CRLF = [0x0d, 0x0a] as const;
const DIGITS = 10;

/** `bitCount` 32 leaves the version byte out, as readers do that do not send it. */
export function em4100Scan(bitCount: 40 | 32): TokenScan {
  return (bytes, isOver) => {
    if (bytes[0] !== STX) return { kind: 'noise', length: 1 };
    const digits = bytes.subarray(1, 1 + DIGITS);
    if (!digits.every(isHexDigit)) return { kind: 'noise', length: 1 };
    if (bytes.length < 13) return { kind: 'need-more' };
    const tag = hexBytes(digits);
    const length = frameLength(bytes, xor8(tag), isOver);
    if (length === 'need-more') return { kind: 'need-more' };
    if (length === 'wrong-check') return { kind: 'noise', length: 1, checksum: true };
    return { kind: 'frame', length, frame: tokenOf(tag, bitCount) };
  };
}

/** Digits and check decide; what then stands at the end is taken along where it is as it should be. */
function frameLength(
  bytes: Uint8Array,
  check: number,
  isOver: boolean,
): number | 'need-more' | 'wrong-check' {
  const [first = 0, second = 0] = bytes.subarray(11, 13);
  if (first === check && second === ETX) return 13;
  if (!isHexDigit(first) || !isHexDigit(second)) return 'wrong-check';
  if (hexBytes(bytes.subarray(11, 13))[0] !== check) return 'wrong-check';
  for (const end of [[ETX], [...CRLF, ETX]]) {
    const there = bytes.subarray(13, 13 + end.length);
    if (!there.every((byte, index) => byte === end[index])) continue;
    if (there.length === end.length) return 13 + end.length;
    if (!isOver) return 'need-more';
  }
  return 13;
}

/** All ones and all zeros are what noise and an empty coil look like, with a check that holds. */
function tokenOf(tag: Uint8Array, bitCount: 40 | 32): Token {
  if (tag.every((byte) => byte === 0xff) || tag.every((byte) => byte === 0)) {
    return { kind: 'nothing' };
  }
  const bits = bitCount === 40 ? tag : tag.slice(1);
  return { kind: 'card', card: { technology: 'em4100', bits, bitCount } };
}

/** What a module says for a tag of five bytes. */
export function encodeEm4100(tag: Uint8Array, variant: Em4100Variant): Uint8Array {
  const digits = ascii(Array.from(tag, twoDigits).join(''));
  const check = xor8(tag);
  const ends: Readonly<Record<Em4100Variant, readonly number[]>> = {
    rdm6300: [...ascii(twoDigits(check)), ETX],
    'id-20la': [...ascii(twoDigits(check)), ...CRLF, ETX],
    'raw-check': [check, ETX],
  };
  return joinBytes(Uint8Array.of(STX), digits, Uint8Array.from(ends[variant]));
}

function twoDigits(byte: number): string {
  return byte.toString(16).toUpperCase().padStart(2, '0');
}

function ascii(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Of hex digits only: a reader says them ten times a second, as long as a fob lies there. */
function hexBytes(digits: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(digits.length / 2);
  for (let at = 0; at < bytes.length; at += 1) {
    const [high = 0, low = 0] = digits.subarray(2 * at, 2 * at + 2);
    bytes[at] = (digitOf(high) << 4) | digitOf(low);
  }
  return bytes;
}

/** Of `0` to `9`, `A` to `F` and `a` to `f` alike. */
function digitOf(digit: number): number {
  return digit <= 0x39 ? digit - 0x30 : (digit & 0x0f) + 9;
}

function isHexDigit(byte: number): boolean {
  return (
    (byte >= 0x30 && byte <= 0x39) ||
    (byte >= 0x41 && byte <= 0x46) ||
    (byte >= 0x61 && byte <= 0x66)
  );
}
