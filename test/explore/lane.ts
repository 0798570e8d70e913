/** A thread that lives the lives whose seeds it is sent. */
import { parentPort } from 'node:worker_threads';
import { z } from 'zod';
import { LifeError, live } from './life.ts';
import type { LifeTold } from './main.ts';

const askedSchema = z.strictObject({ seed: z.int(), steps: z.int() });

parentPort?.on('message', async (message: unknown) => {
  const { seed, steps } = askedSchema.parse(message);
  parentPort?.postMessage(await told(seed, steps));
});

async function told(seed: number, steps: number): Promise<LifeTold> {
  try {
    return { kind: 'lived', report: await live(seed, steps) };
  } catch (error) {
    if (!(error instanceof LifeError)) throw error;
    return { kind: 'failed', seed, message: error.message };
  }
}
