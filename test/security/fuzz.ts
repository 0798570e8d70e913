/** `node test/security/fuzz.ts --minutes N [--target NAME] [--seed N]`: bends inputs until time is up; faults go into the corpus. */
import { parseArgs } from 'node:util';
import { seededRandom } from '../../simulator/random.ts';
import { fuzz, keep } from './fuzz-run.ts';
import { fuzzTargets } from './fuzz-targets.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    target: { type: 'string' },
    seed: { type: 'string' },
  },
});
const targets = (await fuzzTargets()).filter(
  ({ name }) => values.target === undefined || name === values.target,
);
const seed = Number(values.seed ?? Math.floor(Date.now() / 1000) % 1_000_000);
const each = (Number(values.minutes) * 60_000) / Math.max(1, targets.length);
for (const target of targets) {
  const end = performance.now() + each;
  const { runs, fault } = await fuzz(target, seededRandom(seed), () => performance.now() > end);
  console.log(`${target.name.padEnd(16)} ${runs} inputs, seed ${seed}`);
  if (fault === undefined) continue;
  console.log(`  ${String(fault.error)}\n  kept as ${keep(fault)}`);
  process.exitCode = 1;
}
process.exit();
