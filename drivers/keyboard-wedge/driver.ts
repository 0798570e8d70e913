/** USB readers that type what they read, and USB numeric keypads, in the catalogue. */
import { z } from 'zod';
import type { DriverEntry } from '../contract/machine.ts';
import { pinRules } from '../wire/pin-entry.ts';
import { FOB_READER, oneReader, rearmMs, theReader } from '../wire/reader-entry.ts';
import { readerMachine } from '../wire/reader-machine.ts';
import { textCardOptions } from '../wire/text-card.ts';
import { recordBytes } from './record.ts';
import { keypadScan, typedCardScan } from './typing.ts';

const wordBits = z
  .union([z.literal(32), z.literal(64)])
  .default(64)
  .describe('64, or 32 on a system with a 32-bit kernel');

const wedgeOptions = z.strictObject({
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

const keypadOptions = z.strictObject({
  entry: pinRules.prefault({}).describe('how a code ends; Enter is "#", Backspace and * are "*"'),
  wordBits,
});

/** A card of 20 digits is 20 times pressed, released and twice the end of a report, and as much again for shifts. */
const RECORDS_MOST = 200;
const FRAGMENT_GAP_MS = 50;
/** Not a line with a speed; only so that times of bytes are short. */
const NO_SPEED = 115_200;

export const keyboardWedge: DriverEntry<z.infer<typeof wedgeOptions>> = {
  name: 'keyboard-wedge',
  title: 'USB reader that types what it reads; it also types on the console',
  link: 'input',
  defaultBaudRate: NO_SPEED,
  options: wedgeOptions,
  abilities: () => FOB_READER,
  clashes: oneReader,
  machine(devices, bus) {
    const { id, options } = theReader(devices);
    return readerMachine(
      {
        device: id,
        scan: typedCardScan(options.card, options.wordBits),
        most: RECORDS_MOST * recordBytes(options.wordBits),
        idleGap: options.idleGapMs,
        rearm: options.rearmMs,
        pin: undefined,
      },
      bus,
    );
  },
};

export const usbKeypad: DriverEntry<z.infer<typeof keypadOptions>> = {
  name: 'usb-keypad',
  title: 'USB numeric keypad; what is typed also reaches the console',
  link: 'input',
  defaultBaudRate: NO_SPEED,
  options: keypadOptions,
  abilities: () => ({ ...FOB_READER, cards: false, codes: true }),
  clashes: oneReader,
  machine(devices, bus) {
    const { id, options } = theReader(devices);
    return readerMachine(
      {
        device: id,
        scan: keypadScan(options.wordBits),
        most: recordBytes(options.wordBits),
        idleGap: FRAGMENT_GAP_MS,
        rearm: 0,
        pin: options.entry,
      },
      bus,
    );
  },
};
