/** Decisions that are on the disk before anything moves. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { pause } from '../../../drivers/contract/time.ts';
import { burstSchema } from '../burst.ts';
import { clock } from '../clocks.ts';
import { PreparedFile } from '../disk.ts';
import { Folder, goodCode, houseOf, storeOf } from '../house.ts';
import type { Metric } from '../measure.ts';

const SIZE = 100_000;
const PACE_MS = 10;
const WARM = 5000;

export const decideDurable: Metric = {
  name: 'decide-durable',
  unit: 'µs',
  what: 'a decision every 10 ms until its journal row is on the disk; beside 128 bytes into a prepared file and fdatasync',
  goal: { ratio: 1.4, direction: 'at-most' },
  async prepare({ quick }) {
    await using parts = new AsyncDisposableStack();
    const house = parts.use(await houseOf(SIZE));
    const file = parts.use(new PreparedFile(house.directory));
    const owned = parts.move();
    // A daemon that has run for a day is compiled.
    for (let n = 0; n < WARM; n++) house.answer(goodCode(SIZE, n));
    for (let n = 0; n < WARM / 10; n++) await (await house.record(goodCode(SIZE, n)))();
    return {
      perRound: quick ? 15 : 100,
      turns: 'each',
      n: SIZE,
      floor: async () => {
        await pause(clock, PACE_MS);
        const before = performance.now();
        file.write();
        return (performance.now() - before) * 1000;
      },
      ours: async (n) => {
        await pause(clock, PACE_MS);
        const before = performance.now();
        const end = await house.record(goodCode(SIZE, n));
        const spent = (performance.now() - before) * 1000;
        await end();
        return spent;
      },
      [Symbol.asyncDispose]: () => owned.disposeAsync(),
    };
  },
};

const SHIM = resolve(import.meta.dirname, '../slow-sync.c');
const BURST = resolve(import.meta.dirname, '../burst.ts');
/** Reached of the decisions that were asked for, and the time in which one was on the disk. */
const SUSTAINED = 0.98;

export const decideBurst: Metric = {
  name: 'decide-burst',
  unit: 'ms',
  what: 'longest gaps (p99) of the event loop at 50 decisions a second, each fsync 8 ms longer; beside a FULL commit for each decision on the loop',
  goal: { ratio: 0.25, direction: 'at-most' },
  async prepare({ quick }) {
    const folder = new Folder();
    const library = join(folder.path, 'slow-sync.so');
    try {
      execFileSync('cc', ['-shared', '-fPIC', '-O1', '-o', library, SHIM, '-ldl'], {
        stdio: 'pipe',
      });
    } catch {
      folder[Symbol.dispose]();
      return { skipped: 'no C compiler (cc) for the slow disk' };
    }
    const seconds = quick ? 0.5 : 4;
    const rate = 50;
    const sustained: number[] = [];
    const run = async (how: 'naive' | 'ours', perSecond: number) => {
      using store = await storeOf(1000);
      const args = [BURST, how, store.path, String(perSecond), String(seconds)];
      const child = spawn(process.execPath, args, {
        env: { ...process.env, LD_PRELOAD: library, SLOW_SYNC_FROM: join(store.path, 'slow') },
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      return burstSchema.parse(JSON.parse(await outputOf(child)));
    };
    return {
      perRound: 1,
      turns: 'round',
      roundsMost: quick ? 1 : 3,
      isCold: true,
      n: rate,
      floor: async () => (await run('naive', rate)).gapP99,
      ours: async () => {
        const slow = run('ours', rate);
        if (!quick) await slow; // a short run has them side by side
        const [{ gapP99 }, fast] = await Promise.all([slow, run('ours', 200)]);
        sustained.push(fast.inTime / (200 * seconds));
        return gapP99;
      },
      also: () => [
        {
          what: `200/s sustained (${sustained.map((part) => `${Math.round(part * 100)} %`).join(', ')} on the disk in time)`,
          met: sustained.every((part) => part >= SUSTAINED),
        },
      ],
      [Symbol.asyncDispose]: async () => folder[Symbol.dispose](),
    };
  },
};

async function outputOf(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new TypeError('its output is read');
  const [said, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  if (code !== 0) throw new Error(`the process ended with ${code}`);
  return said;
}
