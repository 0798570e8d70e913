/** What `test/scenario/updates.test.ts` would take a site's hour for. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { codeOf } from '../../../daemon/cloud/outcome.ts';
import { Updates } from '../../../daemon/remote/updates.ts';
import { SimulatedClock } from '../../../simulator/clock.ts';
import { seededRandom } from '../../../simulator/random.ts';
import { Home, openBridge } from '../cloud/bridge.ts';
import { Wire } from '../cloud/wire.ts';

test('an updater that never answers is told of as a timeout, and leaves room for the next try', async () => {
  using home = new Home();
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-updates-'));
  const site = { clock: new SimulatedClock(), random: seededRandom(7), broker: new Wire() };
  await using bridge = await openBridge(home, site);
  const { journal, stamp } = bridge;
  const clock = new SimulatedClock();
  const updates = new Updates({ directory, version: '1.0.0', clock, journal, stamp });
  const begun = updates.begin('command-1', 'cloud:ops-test', { version: '1.1.0' });
  assert.ok('work' in begun);
  const { outcome } = begun.work();
  await clock.advance(44 * 60_000);
  assert.deepEqual(readdirSync(directory).toSorted(), ['request', 'wanted']);
  const other = updates.begin('command-2', 'cloud:ops-test', { version: '1.2.0' });
  assert.ok('fault' in other && other.fault === 'busy');
  await clock.advance(2 * 60_000);
  const told = await outcome;
  assert.deepEqual([codeOf(told), told.result], ['timeout', 'unknown']);
  assert.deepEqual(readdirSync(directory), []);
  const [entry] = journal.read({ types: ['system.update_finished'], limit: 1 });
  assert.deepEqual(entry?.body, { command: 'command-1', version: '1.1.0', result: 'unknown' });
  assert.ok('work' in updates.begin('command-3', 'cloud:ops-test', { version: '1.2.0' }));
  rmSync(directory, { recursive: true });
});
