import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deviceId } from '../../../drivers/contract/device.ts';
import { simulatedSite } from '../../site.ts';

test('another adapter under the same name moves nothing until somebody adopts it', async () => {
  await using site = await simulatedSite({ seed: 11 });
  const port = site.ports.get('box-bus');
  assert.ok(port);
  await port.unplug();
  await site.advance(5000);
  await port.plug('simulated:somebody-elses');
  await site.advance(40_000);
  const link = () => site.daemon.desk.devices().find(({ id }) => id === 'box')?.link;
  assert.equal(link(), 'other-device');
  assert.equal(site.last('device.fault').body['fault'], 'identity-changed');

  site.daemon.desk.adopt(deviceId('box'), 'anna');
  await site.advance(40_000);
  assert.equal(link(), 'up');
  assert.equal(site.last('device.adopted').body['by'], 'anna');
  assert.equal(site.pulseCount, 0);
});
