/** Wiegand keypads and readers behind a serial converter, in the catalogue. */
import { z } from 'zod';
import type { DriverEntry } from '../contract/machine.ts';
import { USUAL_KEYS } from '../wire/keypad-burst.ts';
import { pinRules } from '../wire/pin-entry.ts';
import { FOB_READER, oneReader, rearmMs, theReader } from '../wire/reader-entry.ts';
import { readerMachine } from '../wire/reader-machine.ts';
import { textCardOptions } from '../wire/text-card.ts';
import { wiegandLineScan } from './wiegand-line.ts';

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

export const wiegandSerial: DriverEntry<WiegandSerialOptions> = {
  name: 'wiegand-serial',
  title: 'Wiegand keypad or reader behind a serial converter',
  link: 'bytes',
  defaultBaudRate: 9600,
  options: wiegandSerialOptions,
  abilities: () => ({ ...FOB_READER, codes: true }),
  clashes: oneReader,
  machine(devices, bus) {
    const { id, options } = theReader(devices);
    return readerMachine(
      {
        device: id,
        scan: wiegandLineScan(options),
        most: options.card.digits,
        idleGap: options.idleGapMs,
        rearm: options.rearmMs,
        pin: options.entry,
      },
      bus,
    );
  },
};
