import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { isZone, Temporal } from '../../../daemon/access/temporal.ts';
import { instantOf } from '../../../daemon/access/window.ts';

const isLong = process.env['LATCHKEY_LONG'] === '1';
const CASES = isLong ? 100_000 : 2_000;
const ZONES = isLong ? 1_000 : 40;

interface Oracle {
  /** Offset changes, in seconds: `[since, offset]`. */
  readonly zones: Readonly<Record<string, readonly (readonly [number, number])[]>>;
  readonly cases: readonly (readonly [zone: string, wall: string, start: number, end: number])[];
}

function oracle(seed: number): Oracle | undefined {
  const script = join(import.meta.dirname, 'zone-oracle.py');
  const args = [script, String(seed), String(CASES), String(ZONES)];
  const run = spawnSync('python3', args, { encoding: 'utf8', maxBuffer: 1 << 28 });
  return run.status === 0 ? JSON.parse(run.stdout) : undefined;
}

/** Our tzdata has the same changes in the years that are tested. */
function isSame(zone: string, changes: Oracle['zones'][string]): boolean {
  if (!isZone(zone)) return false;
  return changes.every(([since, offset]) => {
    const at = Temporal.Instant.fromEpochMilliseconds(since * 1000).toZonedDateTimeISO(zone);
    if (at.offsetNanoseconds / 1e9 !== offset) return false;
    const next = at.getTimeZoneTransition('next');
    const following = changes.find(([later]) => later > since)?.[0];
    const last = Date.UTC(2029, 0, 1) / 1000;
    if (next === null || next.epochMilliseconds / 1000 >= last) return following === undefined;
    return next.epochMilliseconds / 1000 === following;
  });
}

test('zone arithmetic agrees with Python’s zoneinfo', (t) => {
  const seed = Number(process.env['LATCHKEY_SEED'] ?? 2027);
  const found = oracle(seed);
  if (found === undefined) {
    if (process.env['LATCHKEY_REQUIRE_ALL'] === '1') assert.fail('python3 with zoneinfo is needed');
    t.skip('python3 or its zone data is missing');
    return;
  }
  const differing = Object.entries(found.zones)
    .filter(([zone, changes]) => !isSame(zone, changes))
    .map(([zone]) => zone);
  if (differing.length > 0)
    t.diagnostic(`other offsets in the two versions: ${differing.join(' ')}`);
  let compared = 0;
  for (const [zone, wall, start, end] of found.cases) {
    if (differing.includes(zone)) continue;
    assert.equal(
      instantOf(wall, zone, 'start'),
      start * 1000,
      `start ${wall} ${zone} seed ${seed}`,
    );
    assert.equal(instantOf(wall, zone, 'end'), end * 1000, `end ${wall} ${zone} seed ${seed}`);
    compared += 1;
  }
  t.diagnostic(
    `${compared} wall times in ${Object.keys(found.zones).length - differing.length} zones`,
  );
  assert.ok(compared > CASES / 2);
});
