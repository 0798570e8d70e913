/**
 * The daemon as a process, killed at moments drawn and before calls of its own, with the hardware outside of it: what a
 * board counted as pulses, and what callers were told, against what stands in the journal. `npm run crash` for thousands.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Blow } from './blow.ts';
import { CrashSite } from './crash-site.ts';
import { hasStrace } from './daemon-process.ts';

const SEED = 1;

/** Each kind of end once, in an order that makes the next life look at each. */
const BLOWS: readonly Blow[] = [
  { kind: 'work', after: 10 },
  { kind: 'start', after: 250 },
  { kind: 'stop', after: 5 },
  { kind: 'call', call: 'pwrite64', nth: 9 },
  { kind: 'idle' },
];

test('P2, P3, P8: kills while it starts, works and stops lose no entry and repeat no opening', async (t) => {
  await using site = await CrashSite.open({ seed: SEED });
  const blows = BLOWS.filter(({ kind }) => kind !== 'call' || hasStrace());
  if (blows.length < BLOWS.length) {
    assert.notEqual(process.env['LATCHKEY_REQUIRE_ALL'], '1', 'strace is missing');
    t.diagnostic('without strace no kill before a call of its own');
  }
  let decided = 0;
  for (const blow of blows) {
    const { faults, untilDecision } = await site.round(blow);
    assert.deepEqual(faults, [], JSON.stringify(blow));
    if (untilDecision !== undefined) decided += 1;
  }
  assert.ok(decided >= 3, 'it came up by itself');
  const { ok, faults } = site.verify();
  assert.deepEqual([ok, faults], [true, []]);
  assert.ok(site.openings > 0 && site.pulseCount > 0);
});
