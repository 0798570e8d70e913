/** Settings of the generic lock control board. */
import { z } from 'zod';
import { CHANNELS_MOST } from './frame.ts';

export const lockBoard8aOptions = z.strictObject({
  address: z.int().min(1).max(31).describe('board address as set by its switches, 1 to 31'),
  slots: z
    .int()
    .min(1)
    .max(CHANNELS_MOST)
    .default(24)
    .describe('channels that are wired, from 1 up'),
  statusBytes: z
    .int()
    .min(2)
    .max(7)
    .optional()
    .describe(
      'length of its status; found out where left out, boards of 8 and of 24 channels send 3',
    ),
  statusOrder: z
    .enum(['last-first', 'first-first'])
    .default('last-first')
    .describe('last-first: channels 1 to 8 stand in the last status byte, as on most boards'),
  polarity: z
    .strictObject({
      door: z
        .enum(['normal', 'inverted'])
        .default('normal')
        .describe('normal: feedback 11 is shut ("closing feedback"); inverted: 11 is open'),
    })
    .prefault({}),
  timedOpen: z
    .boolean()
    .default(false)
    .describe('the firmware takes an opening time of 1 to 9 s with the request'),
  pollMs: z.int().min(100).max(5000).default(400).describe('time between two readings'),
  debounce: z
    .int()
    .min(2)
    .max(5)
    .default(2)
    .describe('equal readings that make a change; its check is too weak to believe one'),
  pulseMs: z.int().min(100).max(9000).default(300).describe('how long the board pulses a lock'),
  slotRestMs: z.int().min(0).max(60_000).default(1500).describe('rest of one solenoid'),
});

export type LockBoard8aOptions = z.infer<typeof lockBoard8aOptions>;
