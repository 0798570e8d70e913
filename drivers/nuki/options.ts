/** What the config may say of one Nuki lock. */
import { z } from 'zod';

const credential = (what: string) =>
  z
    .string()
    .regex(/^credential:[A-Za-z0-9._-]{1,64}$/)
    .describe(`${what}, as \`credential:name\``);

export const nukiOptions = z.strictObject({
  address: z
    .string()
    .toLowerCase()
    .regex(/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/)
    .describe('Bluetooth address; `latchkey ble scan` shows it'),
  addressType: z.enum(['public', 'random']).default('random'),
  authorization: credential('what `latchkey ble pair` wrote: number and key of our authorization'),
  pin: credential(
    "the lock's security PIN, its digits; needed for codes, log and clock",
  ).optional(),
  unlatch: z
    .boolean()
    .default(false)
    .describe('an unlock pulls the latch too: for doors with a fixed knob outside'),
  idleMs: z
    .int()
    .min(0)
    .max(5000)
    .default(3000)
    .describe('the link is given up this long after the last word; a held link costs battery'),
  pollMs: z
    .int()
    .min(60_000)
    .max(86_400_000)
    .default(1_800_000)
    .describe('state is read at least this often; changes are heard from the beacon before that'),
  clock: z
    .enum(['utc', 'lock-local'])
    .default('utc')
    .describe("whether code windows are written in UTC or in the lock's own local time"),
  codesMax: z
    .int()
    .min(0)
    .max(200)
    .default(100)
    .describe('entries of the keypad that may be ours; 0 leaves its memory alone'),
  codeWritesPerDay: z
    .int()
    .min(1)
    .max(1000)
    .default(60)
    .describe('codes written a day at most; taking one out is never held back'),
  logEntries: z
    .int()
    .min(0)
    .max(100)
    .default(20)
    .describe('entries of its log that are read back after a start; 0 reads no log'),
});

export type NukiOptions = z.output<typeof nukiOptions>;
