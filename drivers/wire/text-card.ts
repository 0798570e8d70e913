/** Card numbers that a reader sends as digits: what bits they stand for. */
import { z } from 'zod';
import type { Token } from './reader-token.ts';
import { encodeWiegand, leftJustified } from './wiegand.ts';

export const textCardOptions = z
  .strictObject({
    base: z
      .union([z.literal(10), z.literal(16), z.literal('fc,cn')])
      .default(10)
      .describe('decimal digits, hex digits, or facility and card number as in "123,04567"'),
    digits: z.int().min(4).max(20).default(10).describe('how many digits a card has'),
    bits: z.int().min(16).max(80).default(32).describe('how many bits they stand for'),
    format: z
      .enum(['h10301', 'h10306'])
      .optional()
      .describe('adds the parity that the converter removed: 24 bits to h10301, 32 bits to h10306'),
    technology: z
      .enum(['wiegand', 'em4100', 'iso14443a'])
      .default('wiegand')
      .describe('what kind of card it is; a card is the same only where kind and bits are'),
    reverseBytes: z
      .boolean()
      .default(false)
      .describe('the reader sends the bytes of a chip number in the other order'),
  })
  .refine(({ format, bits }) => format === undefined || bits === (format === 'h10301' ? 24 : 32), {
    error: 'h10301 needs 24 bits, h10306 needs 32',
    path: ['format'],
  })
  .refine(({ reverseBytes, bits }) => !reverseBytes || bits % 8 === 0, {
    error: 'bytes can be reversed only where bits is a multiple of 8',
    path: ['reverseBytes'],
  });

export type TextCardOptions = z.infer<typeof textCardOptions>;

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
