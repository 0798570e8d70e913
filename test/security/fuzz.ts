/**
 * `npm run fuzz -- --minutes N [--target NAME] [--seed N] [--grow]`: bends inputs until time is up. What was not taken goes
 * into the corpus; with `--grow` so does, as far as there is room, what got where nothing had got before.
 */
import { parseArgs } from 'node:util';
import { seededRandom } from '../../simulator/random.ts';
import { corpusOf, fuzz, keep } from './fuzz-run.ts';
import { fuzzTargets } from './fuzz-targets.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    target: { type: 'string' },
    seed: { type: 'string' },
    grow: { type: 'boolean', default: false },
  },
});
/** A corpus is read in every run of the tests: it stays small. */
const CORPUS_MOST = 5;
const LONGEST_KEPT = 256;

const targets = await fuzzTargets();
const chosen = targets.all.filter(
  ({ name }) => values.target === undefined || name === values.target,
);
if (chosen.length === 0) console.log(`one of: ${targets.all.map(({ name }) => name).join(' ')}`);
const seed = Number(values.seed ?? Math.floor(Date.now() / 1000) % 1_000_000);
const each = (Number(values.minutes) * 60_000) / Math.max(1, chosen.length);
for (const target of chosen) {
  const end = performance.now() + each;
  const { name } = target;
  let room = values.grow ? CORPUS_MOST - corpusOf(name).length : 0;
  const news = (input: Uint8Array) => {
    if (room <= 0 || input.length > LONGEST_KEPT) return;
    room -= 1;
    keep({ target: name, input });
  };
  const { runs, ends, fault } = await fuzz(
    target,
    seededRandom(seed),
    () => performance.now() > end,
    news,
  );
  console.log(`${target.name.padEnd(20)} ${runs} inputs, ${ends} different ends, seed ${seed}`);
  if (fault === undefined) continue;
  const { stack } = fault.error instanceof Error ? fault.error : { stack: undefined };
  console.log(`  ${stack ?? String(fault.error)}\n  kept as ${keep(fault)}`);
  process.exitCode = 1;
}
process.exit();
