/** How much of a wire's own time an OSDP bus uses. */
import { scan } from '../../../drivers/osdp/frame.ts';
import { wireMs } from '../../../drivers/wire/receive-buffer.ts';
import { bench } from '../../drivers/osdp/bench.ts';
import type { Metric } from '../measure.ts';

const READERS = 8;
const POLL = 0x60;
/** A reader answers so long after the last byte of its poll, and is quiet for two characters after its reply. */
const ANSWER_MS = 3;
/** In secure channel: a poll, its reply, the mark before it and the quiet after it. */
const CHARACTERS = 14 + 14 + 1 + 2;
const MINUTE = 60_000;

function bus(baudRate: number): Metric {
  return {
    name: `bus-${baudRate}`,
    unit: '/s',
    what: `OSDP polls of ${READERS} readers in secure channel at ${baudRate} baud, on simulated time; beside what the wire allows for the same bytes and gaps`,
    goal: { ratio: 0.9, direction: 'at-least' },
    async prepare() {
      // Each reader is wanted sooner than the wire can: it alone sets the pace.
      const site = await bench(
        Array.from({ length: READERS }, () => ({ options: { pollMs: 10 } })),
        { baudRate },
      );
      await site.online();
      const cycle = READERS * exchangeMs(baudRate);
      return {
        perRound: 1,
        turns: 'round',
        roundsMost: 1,
        isCold: true,
        n: READERS,
        floor: () => (READERS * 1000) / cycle,
        ours: async () => {
          const from = site.sent.length;
          await site.clock.advance(MINUTE / 3);
          const polls = site.sent.slice(from).filter(isPoll).length;
          return (polls * 3000) / MINUTE;
        },
        [Symbol.asyncDispose]: () => site[Symbol.asyncDispose](),
      };
    },
  };
}

function exchangeMs(baudRate: number): number {
  return wireMs(CHARACTERS, baudRate) + ANSWER_MS;
}

function isPoll(bytes: Uint8Array): boolean {
  const found = scan(bytes);
  return found.kind === 'frame' && found.frame.code === POLL;
}

export const bus9600 = bus(9600);
export const bus115200 = bus(115_200);
