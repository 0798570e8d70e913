/** What the config may say of a PN532. */
import { z } from 'zod';
import { rearmMs } from '../wire/reader-options.ts';

export const pn532Options = z.strictObject({
  pollMs: z.int().min(50).max(2000).default(200).describe('time between two looks at the field'),
  rearmMs,
});

export type Pn532Options = z.infer<typeof pn532Options>;
