/** Readers that write a card as text, in the catalogue. */
import type { Driver } from '../contract/machine.ts';
import { FOB_READER, oneReader, theReader } from '../wire/reader-entry.ts';
import { readerMachine } from '../wire/reader-machine.ts';
import type { TextCardOptions } from '../wire/text-card-options.ts';
import type { LineReaderOptions, StxEtxLrcOptions } from './options.ts';
import { TEXT_MOST, type TextFrameOptions, textFrameScan } from './text-frame.ts';

const IDTECK_CARD = {
  base: 10,
  technology: 'wiegand',
  reverseBytes: false,
} satisfies Partial<TextCardOptions>;

/** Ten digits for a 34-bit card, eight for one of 26 bits (serial-hardware 5.2). */
const IDTECK: TextFrameOptions = {
  framing: 'lrc',
  prefix: '',
  suffix: '',
  cards: [
    { ...IDTECK_CARD, digits: 10, bits: 32 },
    { ...IDTECK_CARD, digits: 8, bits: 24 },
  ],
};
const FRAGMENT_GAP_MS = 50;

export const lineReader: Driver<LineReaderOptions> = {
  name: 'line-reader',
  title: 'Serial reader that writes a card as text',
  link: 'bytes',
  defaultBaudRate: 9600,
  abilities: () => FOB_READER,
  clashes: oneReader,
  machine(devices, bus) {
    const { id, options } = theReader(devices);
    return readerMachine(
      {
        device: id,
        scan: textFrameScan({ ...options, cards: [options.card] }),
        most: TEXT_MOST,
        idleGap: options.idleGapMs,
        rearm: options.rearmMs,
        pin: undefined,
      },
      bus,
    );
  },
};

export const stxEtxLrc: Driver<StxEtxLrcOptions> = {
  name: 'stx-etx-lrc',
  title: 'Serial reader with STX, ETX and check (IDTECK SR30, Hanwha SSA)',
  link: 'bytes',
  defaultBaudRate: 9600,
  abilities: () => FOB_READER,
  clashes: oneReader,
  machine(devices, bus) {
    const { id, options } = theReader(devices);
    return readerMachine(
      {
        device: id,
        scan: textFrameScan(IDTECK),
        most: TEXT_MOST,
        idleGap: FRAGMENT_GAP_MS,
        rearm: options.rearmMs,
        pin: undefined,
      },
      bus,
    );
  },
};
