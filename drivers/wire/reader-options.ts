/** What every reader takes in the config. */
import { z } from 'zod';

export const rearmMs = z
  .int()
  .min(200)
  .max(10_000)
  .default(1500)
  .describe('a fob held to the reader is one presentation until it was away for this long');
