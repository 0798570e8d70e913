/**
 * Wiegand keypads and readers behind a serial converter (serial-hardware 5.3), 9600 8N1, one way: a card is its digits
 * and CR, LF or both; a key is one byte with nothing behind it, so that only silence tells it from a card's first digit.
 *
 * ```text
 * S4A       card 30 30 30 30 31 32 33 34 37 38 0D 0A    key of 4 bits: 33 for 3, 41 for A; of 8 bits: E1 for 1
 * WIE232    card 37 42 31 31 44 37 0D                   six hex digits of the 24 data bits
 * ```
 */
import { type Burst, type KeyMap, keyOf4Bits, keyOf8Bits } from '../wire/keypad-burst.ts';
import type { Token, TokenScan } from '../wire/reader-token.ts';
import type { Scanned } from '../wire/receive-buffer.ts';
import { cardOfText, isCardDigit } from '../wire/text-card.ts';
import type { TextCardOptions } from '../wire/text-card-options.ts';

const CR = 0x0d;
const LF = 0x0a;

export interface WiegandLineOptions {
  /** Bits of a key's burst. */
  readonly bits: 4 | 8;
  readonly keys: KeyMap;
  readonly card: TextCardOptions;
}

export function wiegandLineScan(options: WiegandLineOptions): TokenScan {
  const { base, digits } = options.card;
  return (bytes, isOver) => {
    const [first = 0] = bytes;
    if (isEnd(first)) return { kind: 'frame', length: 1, frame: { kind: 'nothing' } };
    // In 8-bit mode no key looks like a digit; in 4-bit mode most do.
    if (!isCardDigit(first, base)) return keyToken(first, options);
    const end = bytes.findIndex((byte) => !isCardDigit(byte, base));
    if (end >= 0 && isEnd(bytes[end] ?? 0)) {
      // Keys that a gateway merged with the card behind them stand before its digits.
      if (end > digits) return keyToken(first, options);
      const text = String.fromCharCode(...bytes.subarray(0, end));
      return { kind: 'frame', length: end + 1, frame: cardOfText(text, options.card) };
    }
    if (end < 0 && !isOver && bytes.length <= digits) return { kind: 'need-more' };
    return keyToken(first, options);
  };
}

function keyToken(byte: number, { bits, keys }: WiegandLineOptions): Scanned<Token> {
  const burst: Burst = bits === 8 ? keyOf8Bits(byte) : keyOfAscii(byte, keys);
  if (burst.kind === 'invalid') return { kind: 'noise', length: 1 };
  return { kind: 'frame', length: 1, frame: { kind: 'key', burst } };
}

function keyOfAscii(byte: number, keys: KeyMap): Burst {
  const character = String.fromCharCode(byte);
  if (character === '*' || character === '#') return { kind: 'key', key: character };
  if (!/^[0-9A-Fa-f]$/.test(character)) return { kind: 'invalid' };
  return keyOf4Bits(Number.parseInt(character, 16), keys);
}

function isEnd(byte: number): boolean {
  return byte === CR || byte === LF;
}
