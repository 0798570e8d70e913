/** The power cut under a daemon in use; `npm run crash -- --power-cuts 1000` for more. Needs strace. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { powerCuts } from './daemon-power.ts';
import { hasStrace } from './daemon-process.ts';

test('P2, P6, P8: a power cut under a daemon in use takes back nothing that it told, and no pulse comes before its intent', async (t) => {
  if (!hasStrace()) {
    assert.notEqual(process.env['LATCHKEY_REQUIRE_ALL'], '1', 'strace is missing');
    t.skip('strace is missing');
    return;
  }
  const { faults, starts, relied } = await powerCuts(12, { seed: 3 });
  assert.deepEqual(faults, []);
  assert.equal(starts, 1);
  assert.ok(relied.entries > 0 && relied.pulses > 0, 'something was relied on');
});
