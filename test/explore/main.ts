/** `npm run explore -- --minutes N [--seed N] [--steps N]`: lives of whole sites, one seed after another, until time is up. */
import { parseArgs } from 'node:util';
import { LifeError, live } from './life.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string' },
    seed: { type: 'string' },
    steps: { type: 'string', default: '150' },
    story: { type: 'boolean', default: false },
  },
});
const steps = Number(values.steps);
const end =
  performance.now() + Number(values.minutes ?? (values.seed === undefined ? 1 : 0)) * 60_000;
let seed = Number(values.seed ?? Math.floor(Date.now() / 1000) % 1_000_000);
const sum = { lives: 0, hours: 0, starts: 0, entries: 0, decisions: 0, pulses: 0 };
let failed = 0;

do {
  try {
    const life = await live(seed, steps);
    if (values.story) for (const line of life.story) console.log(line);
    sum.lives += 1;
    sum.hours += life.lived / 3_600_000;
    sum.starts += life.starts;
    sum.entries += life.entries;
    sum.decisions += life.decisions;
    sum.pulses += life.pulses;
  } catch (error) {
    if (!(error instanceof LifeError)) throw error;
    failed += 1;
    console.log(`${error.message}\n  again: npm run explore -- --seed ${seed} --steps ${steps}\n`);
  }
  seed += 1;
} while (performance.now() < end);

const { hours, ...counted } = sum;
console.log(JSON.stringify({ ...counted, hours: Number(hours.toFixed(1)), failed, next: seed }));
process.exitCode = failed === 0 ? 0 : 1;
