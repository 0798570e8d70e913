/** Settings of Winnsen boards. */
import { z } from 'zod';
import { LOCKS } from './frame.ts';

export const winnsenOptions = z.strictObject({
  acceptNoChecksum: z
    .literal(true, {
      error: 'must be true: this protocol has no checksum, noise can open another slot',
    })
    .describe('I know that noise on this wire can open another slot'),
  address: z.int().min(1).max(255).default(1).describe('station number'),
  slots: z.int().min(1).max(LOCKS).default(LOCKS).describe('locks that are wired, from 1 up'),
  pollMs: z.int().min(100).max(5000).default(400).describe('time between two readings'),
  debounce: z.int().min(2).max(5).default(2).describe('equal readings that make a change'),
  pulseMs: z.int().min(100).max(5000).default(500).describe('how long the board pulses a lock'),
  slotRestMs: z.int().min(0).max(60_000).default(1500).describe('rest of one solenoid'),
});

export type WinnsenOptions = z.infer<typeof winnsenOptions>;
