/** What the config may say of readers that write text, and of Wiegand behind a converter. */
import { z } from 'zod';
import { USUAL_KEYS } from '../wire/keypad-burst.ts';
import { pinRules } from '../wire/pin-rules.ts';
import { rearmMs } from '../wire/reader-options.ts';
import { textCardOptions } from '../wire/text-card-options.ts';

const around = z
  .string()
  .max(16)
  .regex(/^[ -~]*$/)
  .default('');

export const lineReaderOptions = z.strictObject({
  framing: z
    .enum(['line', 'stx-etx', 'lrc', 'idle'])
    .default('line')
    .describe('what ends a card: a new line, 02…03, 02…03 and a check, or silence'),
  prefix: around.describe('text before the digits'),
  suffix: around.describe('text behind the digits'),
  card: textCardOptions.prefault({}).describe('how a card is written'),
  idleGapMs: z
    .int()
    .min(10)
    .max(500)
    .default(30)
    .describe('silence that ends a card or a fragment'),
  rearmMs,
});

export const stxEtxLrcOptions = z.strictObject({ rearmMs });

export type LineReaderOptions = z.infer<typeof lineReaderOptions>;
export type StxEtxLrcOptions = z.infer<typeof stxEtxLrcOptions>;

export const em4100Options = z.strictObject({
  bits: z
    .union([z.literal(40), z.literal(32)])
    .default(40)
    .describe('32 leaves out the version byte, to match readers that do not send it'),
  rearmMs,
});

export type Em4100Options = z.infer<typeof em4100Options>;

export const wiegandSerialOptions = z.strictObject({
  bits: z
    .union([z.literal(4), z.literal(8)])
    .default(4)
    .describe('bits that the keypad sends for a key'),
  keys: z
    .record(z.string().regex(/^[A-F]$/), z.string().regex(/^[*#A-D]$/))
    .default(USUAL_KEYS)
    .describe('keys of 4 bits above 9: what A to F mean'),
  card: textCardOptions.prefault({}).describe('how the converter writes a card'),
  entry: pinRules.prefault({}).describe('how a code ends'),
  idleGapMs: z
    .int()
    .min(10)
    .max(500)
    .default(30)
    .describe('silence that tells a key from the first digit of a card'),
  rearmMs,
});

export type WiegandSerialOptions = z.infer<typeof wiegandSerialOptions>;
