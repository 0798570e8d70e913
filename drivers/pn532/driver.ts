/** NFC readers with a PN532 on a serial line, in the catalogue. */
import type { Driver } from '../contract/machine.ts';
import { FOB_READER, oneReader, theReader } from '../wire/reader-entry.ts';
import { pn532Machine } from './machine.ts';
import type { Pn532Options } from './options.ts';

export const pn532: Driver<Pn532Options> = {
  name: 'pn532',
  title: 'NFC reader with PN532 (13.56 MHz; reads chip numbers only, which can be copied)',
  link: 'bytes',
  defaultBaudRate: 115_200,
  abilities: () => FOB_READER,
  clashes: oneReader,
  machine(devices, bus) {
    const { id, options } = theReader(devices);
    return pn532Machine({ device: id, pollEvery: options.pollMs, rearm: options.rearmMs }, bus);
  },
};
