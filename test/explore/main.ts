/**
 * `npm run explore -- --minutes N [--seed N] [--steps N] [--pace minutes|days|twins] [--lanes N]`: lives of whole sites,
 * one seed after another, until time is up; each lane is a thread, so that a life that never ends is a fault like any
 * other. A fault is told with its seed and how to live that life again; `--story` tells what happens in one.
 *
 * What breaks, drawn from the seed: every wire and port, the boards, the broker (away, replaying, forging), every link
 * to a vendor and each vendor's cloud (away for hours, 401 to 504, silent, slow, half an answer, an old one, webhooks
 * doubled, late and out of order, clocks off), the disk (full, broken, under the very entry that an opening rests on),
 * the clock (no time server, leaps), and the daemon itself (killed, killed with a commit, stopped).
 *
 * | promise | how it is watched | where |
 * |---|---|---|
 * | P1 one way | no pulse without an intent; nothing commanded by who may not | `watcher.ts` |
 * | P2 recorded, then done | at every pulse: no more of them than intents on the disk since the start | `watcher.ts` |
 * | P3 at most once | no command id twice, though the broker replays | `watcher.ts`, `attacker.ts` |
 * | P4 same offline | two sites of one seed, one of them without any cloud: each decision the same | `twins.ts` |
 * | P5 never wider | each opening against the simplest reading of what was put, or ever given by a vendor; at the end both sides have the same | `watcher.ts`, `given.ts`, `agreement.ts` |
 * | P6 revoked is dead | nothing opens under a grant after its revocation was acknowledged or recorded | `watcher.ts` |
 * | P7 one key, one place | no two keys in one slot, after each deed | `watcher.ts` |
 * | P8 no event lost | after each kill every committed entry is there, the chain verifies, the ledger folds to itself; at the end the cloud has each number once | `watcher.ts`, `ending.ts` |
 * | P9 honest clock | true time lies in the interval, whenever looked at | `watcher.ts` |
 * | P10 secrets stay in | codes, fobs and the vendors' token in no log, entry, message or file | `secrets.ts` |
 * | P11 stays alone | with one way mended and all else broken, a new code opens at the first try | `faults.ts` |
 * | P12 stolen broker | forged commands are never done | `attacker.ts` |
 * | P13 explained | each decision is decided again from its entry, with the same result | `watcher.ts` |
 * | P14 nobody locked in | fire, mostly with the disk broken, too: the gate is released within 2.5 s | `faults.ts` |
 */
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import type { LifeReport } from './life.ts';

/** What a lane says of one seed. */
export type LifeTold =
  | { readonly kind: 'lived'; readonly report: LifeReport }
  | { readonly kind: 'failed'; readonly seed: number; readonly message: string };

/** A life takes up to a minute; a loaded machine some times that. */
const LIFE_ENDS_WITHIN_MS = 900_000;
/** What is kept is kept in memory where there is such a folder: a disk that fails is simulated, and power cuts are `test/crash`'s. */
const IN_MEMORY = '/dev/shm';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string' },
    seed: { type: 'string' },
    steps: { type: 'string', default: '150' },
    lanes: { type: 'string' },
    pace: { type: 'string' },
    story: { type: 'boolean', default: false },
  },
});
const steps = Number(values.steps);
const isOne = values.seed !== undefined && values.minutes === undefined;
const lanes = isOne ? 1 : Number(values.lanes ?? availableParallelism());
const began = performance.now();
const end = began + Number(values.minutes ?? 1) * 60_000;
let next = Number(values.seed ?? Math.floor(Date.now() / 1000) % 1_000_000);
const sum = { lives: 0, hours: 0, starts: 0, entries: 0, decisions: 0, pulses: 0 };
let failed = 0;

await Promise.all(Array.from({ length: lanes }, lane));
const { hours, ...counted } = sum;
const seconds = (performance.now() - began) / 1000;
console.log(
  JSON.stringify({
    ...counted,
    hours: Number(hours.toFixed(1)),
    hoursASecond: Number((hours / seconds).toFixed(2)),
    // Of processor time, whatever else the machine is busy with.
    hoursACoreSecond: Number((hours / coreSeconds()).toFixed(2)),
    failed,
    next,
  }),
);
process.exitCode = failed === 0 ? 0 : 1;

function coreSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

async function lane(): Promise<void> {
  let worker = laneThread();
  do {
    const seed = next;
    next += 1;
    const told = await lifeIn(worker, seed);
    if (told === undefined) {
      fault(`seed ${seed}: never comes to its end`, seed);
      await worker.terminate();
      worker = laneThread();
    } else if (told.kind === 'failed') {
      fault(told.message, seed);
    } else {
      count(told.report);
    }
  } while (!isOne && performance.now() < end);
  await worker.terminate();
}

function laneThread(): Worker {
  const env = existsSync(IN_MEMORY) ? { ...process.env, TMPDIR: IN_MEMORY } : process.env;
  return new Worker(new URL('./lane.ts', import.meta.url), { env });
}

function lifeIn(worker: Worker, seed: number): Promise<LifeTold | undefined> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => over(undefined), LIFE_ENDS_WITHIN_MS);
    const over = (told: LifeTold | undefined) => {
      clearTimeout(late);
      worker.off('message', over);
      worker.off('error', reject);
      resolve(told);
    };
    worker.on('message', over);
    worker.on('error', reject);
    worker.postMessage({
      seed,
      steps,
      ...(values.pace === undefined ? {} : { pace: values.pace }),
    });
  });
}

function count(life: LifeReport): void {
  if (values.story) for (const line of life.story) console.log(line);
  sum.lives += 1;
  sum.hours += life.lived / 3_600_000;
  sum.starts += life.starts;
  sum.entries += life.entries;
  sum.decisions += life.decisions;
  sum.pulses += life.pulses;
}

function fault(message: string, seed: number): void {
  failed += 1;
  console.log(
    `${message}\n  again: npm run explore -- --seed ${seed} --steps ${steps}${values.pace === undefined ? '' : ` --pace ${values.pace}`}\n`,
  );
}
