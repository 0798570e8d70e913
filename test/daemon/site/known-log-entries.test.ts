import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KnownLogEntries } from '../../../daemon/site/known-log-entries.ts';
import { type DeviceEvent, deviceId } from '../../../drivers/contract/device.ts';
import { simulatedSite } from '../../site.ts';

const entry = (device: string, index: number, at = index * 1000): DeviceEvent => ({
  kind: 'device-log',
  device: deviceId(device),
  index,
  at,
  action: 'unlock',
  by: 'app',
  detail: '',
});

test('what a lock repeats of its log after a restart is not told twice', async () => {
  await using site = await simulatedSite({ seed: 51 });
  const { desk } = site.daemon;
  const open = () =>
    new KnownLogEntries(
      desk.journal,
      () => desk.stamp(),
      (error) => assert.ifError(error),
    );
  const logs = open();
  assert.deepEqual(
    [4, 5, 6].map((index) => logs.knows(entry('front', index))),
    [false, false, false],
  );
  assert.equal(logs.knows(entry('back', 1)), false);
  await site.advance(10);
  const again = open();
  assert.deepEqual(
    [5, 6, 7].map((index) => again.knows(entry('front', index))),
    [true, true, false],
  );
  assert.equal(again.knows(entry('back', 1)), true);
  assert.equal(again.knows(entry('back', 1, 90_000)), false, 'it was reset, and counts anew');
});
