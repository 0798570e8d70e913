/** USB readers that type what they read, and USB numeric keypads, in the catalogue. */
import type { Driver } from '../contract/machine.ts';
import { FOB_READER, oneReader, theReader } from '../wire/reader-entry.ts';
import { readerMachine } from '../wire/reader-machine.ts';
import type { KeypadOptions, WedgeOptions } from './options.ts';
import { recordBytes } from './record.ts';
import { keypadScan, typedCardScan } from './typing.ts';

/** A card of 20 digits is 20 times pressed, released and twice the end of a report, and as much again for shifts. */
const RECORDS_MOST = 200;
const FRAGMENT_GAP_MS = 50;
/** Not a line with a speed; only so that times of bytes are short. */
const NO_SPEED = 115_200;

export const keyboardWedge: Driver<WedgeOptions> = {
  name: 'keyboard-wedge',
  title: 'USB reader that types what it reads; it also types on the console',
  link: 'input',
  defaultBaudRate: NO_SPEED,
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

export const usbKeypad: Driver<KeypadOptions> = {
  name: 'usb-keypad',
  title: 'USB numeric keypad; what is typed also reaches the console',
  link: 'input',
  defaultBaudRate: NO_SPEED,
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
