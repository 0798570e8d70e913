/** How a code ends, as the config says it. */
import { z } from 'zod';

/** The `entry` of a keypad in the config. Without `end` and `length` a code ends with `#`. */
export const pinRules = z
  .strictObject({
    end: z
      .string()
      .regex(/^[#*A-D]$/)
      .optional()
      .describe('key that ends a code, "#" unless length is given'),
    length: z.int().min(4).max(16).optional().describe('a code ends by itself at this many digits'),
    clear: z
      .string()
      .regex(/^[#*A-D]$/)
      .default('*')
      .describe('key that discards what was typed'),
    interDigitMs: z
      .int()
      .min(1000)
      .max(30_000)
      .default(5000)
      .describe('most time between two keys'),
    wholeMs: z.int().min(5000).max(120_000).default(30_000).describe('most time for a whole code'),
    maxDigits: z.int().min(4).max(16).default(16).describe('a longer entry is discarded whole'),
    sameKeyMs: z
      .int()
      .min(0)
      .max(120)
      .default(0)
      .describe('an equal key sooner than this is a bounce; 0 takes every key'),
  })
  .refine((rules) => rules.end !== rules.clear, {
    error: 'one key cannot both end and clear a code',
    path: ['clear'],
  })
  .transform((rules) => ({
    ...rules,
    end: rules.end ?? (rules.length === undefined ? '#' : undefined),
  }));

export type PinRules = z.infer<typeof pinRules>;
