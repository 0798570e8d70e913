/** A thread that lives the lives whose seeds it is sent. */
import { parentPort } from 'node:worker_threads';
import { z } from 'zod';
import { LifeError, live, type Wish } from './life.ts';
import type { LifeTold } from './main.ts';

const wishSchema = z.strictObject({
  seed: z.int(),
  steps: z.int(),
  pace: z.enum(['minutes', 'days', 'twins']).optional(),
});

parentPort?.on('message', async (message: unknown) => {
  parentPort?.postMessage(await told(wishSchema.parse(message)));
});

async function told(wish: Wish): Promise<LifeTold> {
  try {
    return { kind: 'lived', report: await live(wish) };
  } catch (error) {
    if (!(error instanceof LifeError)) throw error;
    return { kind: 'failed', seed: wish.seed, message: error.message };
  }
}
