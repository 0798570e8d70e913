/** How a card is written as text, as the config says it. */
import { z } from 'zod';

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
