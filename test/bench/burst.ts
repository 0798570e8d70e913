/**
 * Decisions that come when they come, at a rate, whether or not those before are on the disk. A process of its own,
 * so that a slow disk can be put under it: `node burst.ts naive|ours DIRECTORY PER-SECOND SECONDS`. It gets warm on the
 * disk as it is, then writes the file that SLOW_SYNC_FROM names, and gets used to the slow one.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { z } from 'zod';
import { pause } from '../../drivers/contract/time.ts';
import { clock } from './clocks.ts';
import { BareCommits } from './disk.ts';
import { goodCode, openHouse } from './house.ts';

export const burstSchema = z.object({
  /** Milliseconds between two turns of the event loop, beyond the one that was asked for. */
  gapP99: z.number(),
  /** Decisions that were on the disk within `LATE_MS` of their time. */
  inTime: z.int(),
});

const SIZE = 1000;
const LATE_MS = 250;
/** Decisions before those that count, on the disk as it is and on the slow one. */
const WARM = 200;
const WARM_SLOW = 20;
/** Looks at the loop so often. */
const RESOLUTION_MS = 1;

async function burst([how, directory, perSecond, seconds]: readonly string[]): Promise<void> {
  if (directory === undefined) throw new TypeError('naive|ours DIRECTORY PER-SECOND SECONDS');
  await using house = await openHouse(directory);
  using bare = new BareCommits(directory);
  const act = (n: number) => {
    const code = goodCode(SIZE, n);
    if (how === 'ours') return house.record(code);
    house.answer(code);
    bare.commit();
    return Promise.resolve(async () => {});
  };
  for (let n = 0; n < WARM; n++) await (await act(n))();
  writeFileSync(process.env['SLOW_SYNC_FROM'] ?? join(directory, 'slow'), '');
  for (let n = 0; n < WARM_SLOW; n++) await (await act(n))();
  const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delays.enable();
  const every = 1000 / Number(perSecond);
  const count = Math.round(Number(perSecond) * Number(seconds));
  const began = performance.now();
  let inTime = 0;
  const all: Promise<void>[] = [];
  for (let n = 0; n < count; n++) {
    const due = began + n * every;
    const left = due - performance.now();
    // Behind its time the loop still turns: what is written elsewhere must be able to come back.
    await pause(clock, Math.max(0, left));
    all.push(
      act(n).then((end) => {
        if (performance.now() - due <= LATE_MS) inTime += 1;
        return end();
      }),
    );
  }
  await Promise.all(all);
  delays.disable();
  const gapP99 = delays.percentile(99) / 1e6;
  process.stdout.write(JSON.stringify({ gapP99, inTime }));
}

if (import.meta.main) await burst(process.argv.slice(2));
