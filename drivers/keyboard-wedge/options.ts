/** What the config may say of USB readers and keypads. */
import { z } from 'zod';
import { pinRules } from '../wire/pin-rules.ts';
import { rearmMs } from '../wire/reader-options.ts';
import { textCardOptions } from '../wire/text-card-options.ts';

const wordBits = z
  .union([z.literal(32), z.literal(64)])
  .default(64)
  .describe('64, or 32 on a system with a 32-bit kernel');

export const wedgeOptions = z.strictObject({
  card: textCardOptions.prefault({}).describe('how the reader types a card'),
  idleGapMs: z
    .int()
    .min(20)
    .max(1000)
    .default(100)
    .describe('silence that ends a card typed without Enter'),
  wordBits,
  rearmMs,
});

export const keypadOptions = z.strictObject({
  entry: pinRules.prefault({}).describe('how a code ends; Enter is "#", Backspace and * are "*"'),
  wordBits,
});

export type WedgeOptions = z.infer<typeof wedgeOptions>;
export type KeypadOptions = z.infer<typeof keypadOptions>;
