/** EM4100 fob readers in the catalogue. */
import type { Driver } from '../contract/machine.ts';
import { FOB_READER, oneReader, theReader } from '../wire/reader-entry.ts';
import { readerMachine } from '../wire/reader-machine.ts';
import { em4100Scan } from './em4100.ts';
import type { Em4100Options } from './options.ts';

/** A partial frame is dropped after this silence. */
const IDLE_GAP_MS = 50;
const LONGEST_FRAME = 16;

export const rdm6300 = em4100Entry('rdm6300', '125 kHz fob reader RDM6300 and alike (EM4100)');
export const id20la = em4100Entry('id-20la', '125 kHz fob reader ID-12LA or ID-20LA (EM4100)');

function em4100Entry(name: string, title: string): Driver<Em4100Options> {
  return {
    name,
    title,
    link: 'bytes',
    defaultBaudRate: 9600,
    abilities: () => FOB_READER,
    clashes: oneReader,
    machine(devices, bus) {
      const { id, options } = theReader(devices);
      return readerMachine(
        {
          device: id,
          scan: em4100Scan(options.bits),
          most: LONGEST_FRAME,
          idleGap: IDLE_GAP_MS,
          rearm: options.rearmMs,
          pin: undefined,
        },
        bus,
      );
    },
  };
}
