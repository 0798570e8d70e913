import assert from 'node:assert/strict';
import { test } from 'node:test';
import { realClock } from '../../../daemon/platform/clock.ts';
import { realRandom } from '../../../daemon/platform/random.ts';
import { runFleet } from '../../../simulator/site/fleet.ts';

test('a fleet that loses its broker comes back whole: nothing lost, each site in order', async () => {
  const report = await runFleet({
    ...{ sites: 12, backlog: 150, seconds: 1, spread: 200, drainPerSecond: 20 },
    clock: realClock(),
    random: realRandom(),
  });
  assert.equal(report.sites, 12);
  assert.equal(report.lost, 0);
  assert.equal(report.outOfOrder, 0);
  assert.ok(report.events >= 12 && report.backlogEvents >= 12 * 150);
  assert.ok(report.mostConnectsPerSecond <= 12);
});
