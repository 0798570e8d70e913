/** Wiegand keypads and readers behind a serial converter, in the catalogue. */
import type { Driver } from '../contract/machine.ts';
import { FOB_READER, oneReader, theReader } from '../wire/reader-entry.ts';
import { readerMachine } from '../wire/reader-machine.ts';
import type { WiegandSerialOptions } from './options.ts';
import { wiegandLineScan } from './wiegand-line.ts';

export const wiegandSerial: Driver<WiegandSerialOptions> = {
  name: 'wiegand-serial',
  title: 'Wiegand keypad or reader behind a serial converter',
  link: 'bytes',
  defaultBaudRate: 9600,
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
