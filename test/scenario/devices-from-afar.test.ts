/** Devices that come and go by signed command while the site runs. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '../../simulator/random.ts';
import { OwnCloud } from '../../simulator/site/own-cloud.ts';
import { Exchange } from '../daemon/cloud/cloud-and-bridge.ts';
import { BRIDGE, FLAT_KEY, simulatedSite } from '../site.ts';

const WIRE = { serial: '/simulated/new', baudRate: 19_200 };
const SETTINGS = { driver: 'kerong-cu16', bus: 'new-bus', address: 0 };

async function siteFromAfar(seed: number) {
  const exchange = new Exchange();
  const site = await simulatedSite({ seed, onDisk: true, broker: exchange });
  const join = async (kid: string) => {
    const key = site.enrolment.senders.find((each) => each.kid === kid);
    if (key === undefined) throw new Error(`no sender ${kid}`);
    const random = seededRandom(seed);
    return site.settling(OwnCloud.join({ broker: exchange, key, clock: site.clock, random }));
  };
  return { site, exchange, ops: await join('ops-test'), cc: await join('cc-test') };
}

test('a device is added by command, runs at once, is still there after a kill, and goes again without a trace', async () => {
  const { site, exchange, ops, cc } = await siteFromAfar(61);
  await using _site = site;
  await using _ops = ops;
  await using _cc = cc;
  site.wireBoard('new-bus', 'box-2');
  const add = { dev: 'box-2', settings: SETTINGS, wire: WIRE };
  const added = await site.settling(ops.client.send('device.add', add));
  assert.deepEqual([added.status, added.data['outcome']], ['ok', 'stored']);
  await site.advance(5_000);
  const link = (dev: string) => ops.client.devices.get(dev)?.link;
  assert.equal(link('box-2'), 'up');
  const open = async () => {
    const command = cc.client.send('slot.open', { dev: 'box-2', slot: 2, ms: 100 });
    const { code, data } = await site.settling(command);
    return [code, data['reason']];
  };
  // It stands at no access point: who may open what, and where, is not for operations to say (P5).
  assert.deepEqual(await open(), ['not_found', 'device-unknown']);
  assert.equal(site.last('system.config_changed').body['added'], 'box-2');

  site.cut();
  await site.restart(1_000);
  await site.advance(10_000);
  assert.equal(link('box-2'), 'up');
  // Sent once more, by a sender that lost the answer: nothing changes.
  const again = await site.settling(ops.client.send('device.add', add));
  assert.deepEqual([again.status, again.data['outcome']], ['ok', 'same']);

  const removed = await site.settling(ops.client.send('device.remove', { dev: 'box-2' }));
  assert.equal(removed.status, 'ok');
  await site.advance(5_000);
  assert.equal(link('box-2'), undefined);
  assert.deepEqual(await open(), ['not_found', 'not-found']);
  const topic = `latchkey/1/${BRIDGE}/dev/box-2/state`;
  assert.equal(exchange.passed.findLast((each) => each.topic === topic)?.payload.length, 0);
  site.cut();
  await site.restart(1_000);
  await site.advance(10_000);
  assert.equal(link('box-2'), undefined);
  assert.equal(link('box'), 'up');
});

test('others on the wire go on with a new one, and what the config would not allow is refused with its faults', async () => {
  const { site, ops, cc } = await siteFromAfar(62);
  await using _site = site;
  await using _ops = ops;
  await using _cc = cc;
  const second = { driver: 'kerong-cu16', bus: 'box-bus', address: 1 };
  const send = (type: 'device.add' | 'device.remove', body: object) =>
    site.settling(
      type === 'device.add'
        ? ops.client.send(type, { dev: 'box-2', settings: second, ...body })
        : ops.client.send(type, { dev: 'box-2', ...body }),
    );
  assert.equal((await send('device.add', {})).status, 'ok');
  await site.advance(5_000);
  await site.put({ id: 'g', pin: '482913' });
  await site.type('482913#');
  assert.deepEqual(site.openSlots(), [FLAT_KEY.slot]);

  const faultsOf = async (body: object, type: 'device.add' | 'device.remove' = 'device.add') => {
    const { code, data } = await send(type, { dev: 'box-3', ...body });
    const faults = data['faults'] as { path: string }[] | undefined;
    return [code, faults?.[0]?.path];
  };
  const refused = [
    [await faultsOf({ settings: { ...second, driver: 'kerong-cu17' } }), 'devices.box-3.driver'],
    [await faultsOf({ settings: { ...second, bus: 'no-bus' } }), 'devices.box-3.bus'],
    [await faultsOf({ settings: { ...second, address: 'x' } }), 'devices.box-3.address'],
    [await faultsOf({ settings: second }), 'devices.box-3'], // as box-2 has it
  ] as const;
  for (const [[code, path], expected] of refused) {
    assert.deepEqual([code, path], ['bad_request', expected]);
  }
  assert.deepEqual(await faultsOf({ dev: 'box', settings: second }), ['conflict', undefined]);
  const [code, path] = await faultsOf({ dev: 'box' }, 'device.remove');
  assert.deepEqual([code, path?.startsWith('accessPoints.lobby')], ['conflict', true]);
  assert.equal((await send('device.remove', { dev: 'nobody' })).code, 'not_found');
  assert.equal(
    (await site.settling(cc.client.send('device.add', { dev: 'x', settings: second }))).code,
    'denied',
  );
  assert.equal(ops.client.devices.get('box')?.link, 'up');
});
