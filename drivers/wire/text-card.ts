/** Card numbers that a reader sends as digits: what bits they stand for. */
import type { Token } from './reader-token.ts';
import type { TextCardOptions } from './text-card-options.ts';
import { encodeWiegand, leftJustified } from './wiegand.ts';

/** Wrong digits, wrong count or a value too large is malformed: never cut, never padded. */
export function cardOfText(text: string, options: TextCardOptions): Token {
  const { base, digits, bits, format, reverseBytes, technology } = options;
  if (base === 'fc,cn') return facilityAndCard(text);
  const isNumber = base === 10 ? /^[0-9]+$/.test(text) : /^[0-9a-fA-F]+$/.test(text);
  if (text.length !== digits || !isNumber) {
    const fault = `${text.length} characters, expected ${digits} digits of base ${base}`;
    return { kind: 'malformed', bitCount: bits, fault };
  }
  const value = BigInt(base === 16 ? `0x${text}` : text);
  if (value >= 1n << BigInt(bits)) {
    return {
      kind: 'malformed',
      bitCount: bits,
      fault: `the number does not fit into ${bits} bits`,
    };
  }
  const plain = leftJustified(value, bits);
  const ordered = reverseBytes ? plain.toReversed() : plain;
  if (format === undefined) {
    return { kind: 'card', card: { technology, bits: ordered, bitCount: bits } };
  }
  const number = BigInt(
    `0x${Array.from(ordered, (b) => b.toString(16).padStart(2, '0')).join('')}`,
  );
  const card = encodeWiegand(format, number >> 16n, number & 0xffffn);
  return { kind: 'card', card };
}

/** The two numbers of a 26-bit card, which gets back the parity that it had. */
function facilityAndCard(text: string): Token {
  const [, facility, card] = /^([0-9]{1,3}),([0-9]{1,5})$/.exec(text) ?? [];
  if (facility === undefined || Number(facility) > 255 || Number(card) > 65_535) {
    return { kind: 'malformed', bitCount: 26, fault: 'expected a facility and a card number' };
  }
  return { kind: 'card', card: encodeWiegand('h10301', BigInt(facility), BigInt(card ?? 0)) };
}

/** Digits that can stand in a card of this base. */
export function isCardDigit(byte: number, base: TextCardOptions['base']): boolean {
  if (base === 'fc,cn' && byte === 0x2c) return true;
  if (byte >= 0x30 && byte <= 0x39) return true;
  return base === 16 && ((byte >= 0x41 && byte <= 0x46) || (byte >= 0x61 && byte <= 0x66));
}
