/** NFC readers with a PN532 on a serial line, in the catalogue. */
import { z } from 'zod';
import type { DriverEntry } from '../contract/machine.ts';
import { FOB_READER, oneReader, rearmMs, theReader } from '../wire/reader-entry.ts';
import { pn532Machine } from './machine.ts';

const options = z.strictObject({
  pollMs: z.int().min(50).max(2000).default(200).describe('time between two looks at the field'),
  rearmMs,
});

export const pn532: DriverEntry<z.infer<typeof options>> = {
  name: 'pn532',
  title: 'NFC reader with PN532 (13.56 MHz; reads chip numbers only, which can be copied)',
  link: 'bytes',
  defaultBaudRate: 115_200,
  options,
  abilities: () => FOB_READER,
  clashes: oneReader,
  machine(devices, bus) {
    const { id, options } = theReader(devices);
    return pn532Machine({ device: id, pollEvery: options.pollMs, rearm: options.rearmMs }, bus);
  },
};
