/**
 * The daemon as a process, killed at random moments, with the hardware outside of it: what a board counted as pulses
 * against what stands in the journal. `LATCHKEY_CRASH_ROUNDS=10000` for more; `LATCHKEY_SEED` draws other moments.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CrashSite } from './crash-site.ts';

const ROUNDS = Number(process.env['LATCHKEY_CRASH_ROUNDS'] ?? 4);
const SEED = Number(process.env['LATCHKEY_SEED'] ?? 1);

test(`P2, P3, P8: ${ROUNDS} kills at random moments lose no entry and repeat no opening`, async (t) => {
  await using site = await CrashSite.open(SEED);
  const tolds: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const report = await site.round();
    tolds.push(report.untilAnswer);
    assert.deepEqual(report.faults, [], `round ${round}, seed ${SEED}`);
  }
  assert.deepEqual((await site.look()).faults, [], `after the last kill, seed ${SEED}`);
  const verified = await site.verified();
  assert.deepEqual([verified.ok, verified.faults], [true, []]);
  tolds.sort((a, b) => a - b);
  t.diagnostic(
    `${site.openings} openings asked, ${site.pulses()} pulses, start to first opening possible: median ${Math.round(tolds[tolds.length >> 1] ?? 0)} ms, longest ${Math.round(tolds.at(-1) ?? 0)} ms`,
  );
});
