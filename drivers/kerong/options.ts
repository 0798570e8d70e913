/** Settings of Kerong boards. */
import { z } from 'zod';

const polarity = z
  .enum(['normal', 'inverted'])
  .default('normal')
  .describe('depends on the switches; opening one slot and watching the bit proves it');

/** `locks`: how many the board has. `hasSensors`: it reports what lies in the slots. */
export function kerongOptions(locks: number, hasSensors: boolean) {
  return z
    .strictObject({
      address: z.int().min(0).max(9).describe('board address as set by its switches, 0 to 9'),
      slots: z.int().min(1).max(locks).default(locks).describe('slots that are wired, from 1 up'),
      presence: z
        .boolean()
        .default(hasSensors)
        .describe('the slots have sensors for what lies in them'),
      polarity: z
        .strictObject({
          door: polarity.meta({ title: 'normal: bit 1 is latched' }),
          presence: polarity.meta({ title: 'normal: bit 1 is something there' }),
        })
        .prefault({}),
      pollMs: z.int().min(100).max(5000).default(250).describe('time between two readings'),
      debounce: z.int().min(1).max(5).default(2).describe('equal readings that make a change'),
      pulseMs: z
        .int()
        .min(100)
        .max(5000)
        .default(500)
        .describe('how long the board pulses a lock; openings keep this and 100 ms apart'),
      slotRestMs: z
        .int()
        .min(0)
        .max(60_000)
        .default(1500)
        .describe('rest of one solenoid between two openings'),
    })
    .refine((options) => hasSensors || !options.presence, {
      error: 'this board has no sensors',
      path: ['presence'],
    });
}

export type KerongOptions = z.infer<ReturnType<typeof kerongOptions>>;
