/**
 * Cards as text between a beginning and an end (serial-hardware 5.2 and 5.3), 9600 8N1, one way:
 *
 * ```text
 * line      [prefix] digits [suffix] CR, LF or both        rf IDEAS and most serial desk readers, WIE232
 * stx-etx   02 [prefix] digits [suffix] 03
 * lrc       02 [prefix] digits [suffix] 03 LRC             IDTECK, Hanwha: exclusive or of all from 02 through 03
 * idle      [prefix] digits [suffix] and silence
 * ```
 * The LRC may be any byte, also 02 or 03.
 */
import { xor8 } from '../wire/checksum.ts';
import type { Token, TokenScan } from '../wire/reader-token.ts';
import type { Scanned } from '../wire/receive-buffer.ts';
import { cardOfText } from '../wire/text-card.ts';
import type { TextCardOptions } from '../wire/text-card-options.ts';

const STX = 0x02;
const ETX = 0x03;
const CR = 0x0d;
const LF = 0x0a;

/** No reader says more for one card. */
export const TEXT_MOST = 64;

export interface TextFrameOptions {
  readonly framing: 'line' | 'stx-etx' | 'lrc' | 'idle';
  readonly prefix: string;
  readonly suffix: string;
  /** Tried in order; the first with as many digits as there are decides. */
  readonly cards: readonly TextCardOptions[];
}

export function textFrameScan(options: TextFrameOptions): TokenScan {
  switch (options.framing) {
    case 'line':
      return (bytes) => scanLine(bytes, options);
    case 'stx-etx':
      return (bytes) => scanStx(bytes, options, false);
    case 'lrc':
      return (bytes) => scanStx(bytes, options, true);
    case 'idle':
      return (bytes, isOver) =>
        isOver ? frame(bytes.length, bytes, options) : { kind: 'need-more' };
    default:
      return options.framing satisfies never;
  }
}

function scanLine(bytes: Uint8Array, options: TextFrameOptions): Scanned<Token> {
  const [first = 0] = bytes;
  if (first === CR || first === LF) return { kind: 'frame', length: 1, frame: { kind: 'nothing' } };
  if (!isText(first)) return { kind: 'noise', length: 1 };
  const end = bytes.findIndex((byte) => !isText(byte));
  if (end < 0) return { kind: 'need-more' };
  if (bytes[end] !== CR && bytes[end] !== LF) return { kind: 'noise', length: end };
  return frame(end + 1, bytes.subarray(0, end), options);
}

function scanStx(bytes: Uint8Array, options: TextFrameOptions, hasLrc: boolean): Scanned<Token> {
  if (bytes[0] !== STX) return { kind: 'noise', length: 1 };
  const end = bytes.findIndex((byte, index) => index > 0 && !isText(byte));
  if (end < 0) return { kind: 'need-more' };
  if (bytes[end] !== ETX || end === 1) return { kind: 'noise', length: end };
  const length = end + (hasLrc ? 2 : 1);
  if (bytes.length < length) return { kind: 'need-more' };
  if (hasLrc && xor8(bytes.subarray(0, end + 1)) !== bytes[end + 1]) {
    return { kind: 'noise', length: 1, checksum: true };
  }
  return frame(length, bytes.subarray(1, end), options);
}

function frame(length: number, text: Uint8Array, options: TextFrameOptions): Scanned<Token> {
  return { kind: 'frame', length, frame: cardIn(String.fromCharCode(...text), options) };
}

function cardIn(text: string, { prefix, suffix, cards }: TextFrameOptions): Token {
  const [usual] = cards;
  if (usual === undefined) return { kind: 'nothing' };
  const isFramed = text.startsWith(prefix) && text.endsWith(suffix);
  if (!isFramed || text.length < prefix.length + suffix.length) {
    const fault = 'what stands around the digits is not what was configured';
    return { kind: 'malformed', bitCount: usual.bits, fault };
  }
  const digits = text.slice(prefix.length, text.length - suffix.length);
  const fitting = cards.find((card) => card.digits === digits.length) ?? usual;
  return cardOfText(digits, fitting);
}

function isText(byte: number): boolean {
  return byte >= 0x20 && byte < 0x7f;
}
