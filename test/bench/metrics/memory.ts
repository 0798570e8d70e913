/** How much larger the daemon's heart becomes with its grants. */
import { execFileSync } from 'node:child_process';
import { resolve } from 'node:path';
import { storeOf } from '../house.ts';
import type { Metric } from '../measure.ts';

const PROCESS = resolve(import.meta.dirname, '../memory.ts');
const BARE = 'process.stdout.write(String(process.memoryUsage.rss() / 1e6))';

export const memory: Metric = {
  name: 'memory',
  unit: 'MB',
  what: 'growth of a deciding process from a thousand grants to all; beside a bare node',
  goal: { ratio: 0.5, direction: 'at-most' },
  async prepare({ grants, quick }) {
    const few = await storeOf(1000);
    const many = await storeOf(grants);
    const node = (args: readonly string[]) =>
      Number(execFileSync(process.execPath, args, { encoding: 'utf8' }));
    return {
      perRound: 1,
      turns: 'round',
      roundsMost: quick ? 1 : 5,
      isCold: true,
      n: grants,
      floor: () => node(['-e', BARE]),
      ours: () => node([PROCESS, few.path, many.path, String(grants)]),
      [Symbol.asyncDispose]: async () => {
        few[Symbol.dispose]();
        many[Symbol.dispose]();
      },
    };
  },
};
