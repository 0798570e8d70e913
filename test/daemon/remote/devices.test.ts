import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseConfig } from '../../../config/load.ts';
import { type DeviceChange, RemoteDeviceDesk } from '../../../daemon/remote/devices.ts';

const SITE = `site: { id: s, zone: Europe/Stockholm }
store: { directory: /var/lib/latchkey }
buses: { a: { serial: /dev/ttyUSB0 } }
`;

function apply(change: DeviceChange): Promise<void> {
  assert.ok('apply' in change, JSON.stringify(change));
  return change.apply();
}

test('a change that could not be run keeps none after it from running', async () => {
  const ran: (readonly string[])[] = [];
  let broken = true;
  const desk = new RemoteDeviceDesk({
    directory: ':memory:',
    read: parseConfig(SITE),
    reconfigured: (remote) => parseConfig(SITE, { remote }),
    run: async ({ devices }) => {
      if (broken) throw new Error('its credential is gone');
      ran.push(Object.keys(devices));
    },
  });
  const first = desk.add('one', { driver: 'kerong-cu16', bus: 'a', address: 0 }, undefined);
  await assert.rejects(apply(first), /its credential is gone/);
  broken = false;
  await apply(desk.add('two', { driver: 'kerong-cu16', bus: 'a', address: 1 }, undefined));
  assert.deepEqual(ran, [['one', 'two']]);
});
