/** Readers that write a card as text, in the catalogue. */
import { z } from 'zod';
import type { DriverEntry } from '../contract/machine.ts';
import { FOB_READER, oneReader, rearmMs, theReader } from '../wire/reader-entry.ts';
import { readerMachine } from '../wire/reader-machine.ts';
import { textCardOptions } from '../wire/text-card.ts';
import { TEXT_MOST, type TextFrameOptions, textFrameScan } from './text-frame.ts';

const around = z
  .string()
  .max(16)
  .regex(/^[ -~]*$/)
  .default('');

const lineReaderOptions = z.strictObject({
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

const stxEtxLrcOptions = z.strictObject({ rearmMs });

/** Ten digits for a 34-bit card, eight for one of 26 bits (serial-hardware 5.2). */
const IDTECK: TextFrameOptions = {
  framing: 'lrc',
  prefix: '',
  suffix: '',
  cards: [
    textCardOptions.parse({ digits: 10, bits: 32 }),
    textCardOptions.parse({ digits: 8, bits: 24 }),
  ],
};
const FRAGMENT_GAP_MS = 50;

export const lineReader: DriverEntry<z.infer<typeof lineReaderOptions>> = {
  name: 'line-reader',
  title: 'Serial reader that writes a card as text',
  link: 'bytes',
  defaultBaudRate: 9600,
  options: lineReaderOptions,
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

export const stxEtxLrc: DriverEntry<z.infer<typeof stxEtxLrcOptions>> = {
  name: 'stx-etx-lrc',
  title: 'Serial reader with STX, ETX and check (IDTECK SR30, Hanwha SSA)',
  link: 'bytes',
  defaultBaudRate: 9600,
  options: stxEtxLrcOptions,
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
