/** The internet, the broker, and who speaks through it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { grantId } from '../../daemon/access/model.ts';
import { newSender } from '../../daemon/cloud/enrolment.ts';
import type { WireState } from '../../daemon/cloud/messages.ts';
import { topicsOf } from '../../daemon/cloud/topics.ts';
import { seededRandom } from '../../simulator/random.ts';
import { OwnCloud } from '../../simulator/site/own-cloud.ts';
import { Exchange } from '../daemon/cloud/cloud-and-bridge.ts';
import { Forge } from '../daemon/cloud/forge.ts';
import { Wire } from '../daemon/cloud/wire.ts';
import { ApiBench } from '../daemon/local-api/bench.ts';
import { BRIDGE, FLAT_KEY, hours, minutes, STORE_KEY, simulatedSite } from '../site.ts';
import { Cable } from './cable.ts';

const LONG = process.env['LATCHKEY_LONG'] === '1';

async function siteWithCloud(seed: number) {
  const exchange = new Exchange();
  const cable = new Cable(exchange);
  const site = await simulatedSite({
    seed,
    onDisk: true,
    broker: cable,
    // A box that is asked less often lets a week pass sooner.
    change: (config) => {
      const box = config.devices['box'];
      if (box === undefined) throw new Error('there is a box');
      const options = { ...(box.options as object), pollMs: 1000 };
      return { ...config, devices: { ...config.devices, box: { ...box, options } } };
    },
  });
  const join = async (kid: string) => {
    const key = site.enrolment.senders.find((each) => each.kid === kid);
    if (key === undefined) throw new Error(`no sender ${kid}`);
    return site.settling(
      OwnCloud.join({ broker: exchange, key, clock: site.clock, random: seededRandom(seed) }),
    );
  };
  return { site, cable, exchange, join };
}

test('internet out for a week: the same answers, a restart, and each event told once, in order, afterwards', async () => {
  const { site, cable, join } = await siteWithCloud(51);
  await using _site = site;
  await using cloud = await join('cc-test');
  await site.advance(minutes(1));
  await site.settling(
    cloud.putGrant(
      {
        id: 'weekly',
        rev: 1,
        holder: 'h-1',
        targets: [{ kind: 'key', id: STORE_KEY.key }],
        window: { kind: 'ongoing' },
        operations: ['pickup', 'dropoff'],
      },
      [{ id: 'c-1', kind: 'pin', secret: '482913' }],
    ),
  );
  cable.cut();
  const days = LONG ? 7 : 2;
  for (let day = 0; day < days; day += 1) {
    await site.type('482913#');
    await site.takeKey(STORE_KEY.slot);
    await site.show(STORE_KEY.fob);
    const [slot] = site.openSlots();
    assert.ok(slot !== undefined, `day ${day}: the key comes back`);
    await site.putKey(slot, STORE_KEY.fob);
    if (day === 1) {
      site.cut();
      await site.restart(minutes(5));
    }
    await site.advance(LONG ? hours(24) : minutes(15));
  }
  assert.equal(site.types('access').filter((type) => type === 'access.taken').length, days);
  cable.mend();
  await site.advance(minutes(10));
  const told = cloud.events.map(({ seq }) => seq);
  assert.deepEqual(
    told,
    told.map((_, n) => (told[0] ?? 0) + n),
    'each once, in order, no gap',
  );
  const { journal } = site.daemon.desk;
  assert.ok(journal.acknowledged >= site.last('access.returned').seq);
  assert.equal(cloud.events.filter(({ type }) => type === 'access.taken').length, days);
});

test('broker compromised: who owns it opens nothing, grants nothing, and can only keep messages back', async () => {
  const wire = new Wire();
  await using site = await simulatedSite({ seed: 52, broker: wire });
  await site.advance(minutes(1));
  const honest = site.enrolment.senders.find(({ kid }) => kid === 'cc-test');
  assert.ok(honest);
  const nonce = () =>
    (wire.json(/\/1\/[^/]+\/state$/) as WireState[]).findLast(({ nonces }) => nonces)?.nonces[0];
  const cc = new Forge(honest, site.clock, seededRandom(1));
  const open = { dev: 'box', slot: FLAT_KEY.slot, ms: 500 };
  const topics = topicsOf('latchkey', BRIDGE);
  const send = (type: string, token: string, how = {}) =>
    site.settling(wire.deliver(topics.command(type), token, how));

  const good = cc.make('slot.open', open, nonce());
  await send('slot.open', good.token);
  await site.advance(minutes(1));
  assert.equal(site.pulses(FLAT_KEY.slot), 1, 'the cloud itself may');

  // Recorded, replayed, retained, and signed with a key of the attacker's own under the honest name.
  await send('slot.open', good.token);
  await send('slot.open', good.token, { retain: true });
  await send('slot.open', cc.make('slot.open', open, nonce()).token, { retain: true });
  const own = newSender('cc-test', {
    bridge: BRIDGE,
    root: 'latchkey',
    sealingKey: honest.sealingKey,
  }).file;
  const evil = new Forge(own, site.clock, seededRandom(2));
  await send('slot.open', evil.make('slot.open', open, nonce()).token);
  const grant = {
    id: 'evil',
    rev: 1,
    holder: 'h',
    credentials: [],
    targets: [{ kind: 'key', id: STORE_KEY.key }],
    window: { kind: 'ongoing' },
    operations: ['pickup'],
  };
  await send('grant.put', evil.make('grant.put', { grant }, undefined).token);
  await send('slot.open', 'nonsense');
  // An old command, signed by the cloud, kept back by the broker beyond its time.
  const late = cc.make('slot.open', open, nonce());
  await site.advance(minutes(2));
  await send('slot.open', late.token);
  await site.advance(minutes(1));

  assert.equal(site.pulseCount, 1);
  assert.equal(site.daemon.desk.grants.grant(grantId('evil')), undefined);
  const alarms = new Set(site.types('security'));
  for (const type of [
    'security.bad_signature',
    'security.retained_command',
    'security.expired_command',
  ] as const)
    assert.ok(alarms.has(type), `${type} is told`);
});

test('two managers editing: the newer revision stands, the older is told of the conflict, a revocation is final', async () => {
  const { site, join } = await siteWithCloud(53);
  await using _site = site;
  await using anna = await join('cc-test');
  await site.advance(minutes(1));
  const grant = (rev: number, key: string) => ({
    id: 'stay',
    rev,
    holder: 'h-1',
    targets: [{ kind: 'key' as const, id: key }],
    window: { kind: 'ongoing' as const },
    operations: ['pickup' as const, 'dropoff' as const],
  });
  const pin = [{ id: 'c-1', kind: 'pin' as const, secret: '482913' }];
  await site.settling(anna.putGrant(grant(1, FLAT_KEY.key), pin));
  // Both saw revision 1 and edit it; the cloud numbers what they send.
  await site.settling(anna.putGrant(grant(3, STORE_KEY.key), pin));
  const late = await site.settling(anna.putGrant(grant(2, FLAT_KEY.key), pin));
  assert.deepEqual([late.status, late.code], ['error', 'conflict']);
  await site.type('482913#');
  assert.deepEqual(site.openSlots(), [STORE_KEY.slot]);
  await site.takeKey(STORE_KEY.slot);

  await site.settling(anna.ask('grant.revoke', { id: 'stay', rev: 4 }));
  const again = await site.settling(anna.putGrant(grant(4, FLAT_KEY.key), pin));
  assert.equal(again.status, 'error');
  await site.type('482913#');
  assert.equal(site.pulses(FLAT_KEY.slot), 0);
});

test('two managers editing in the panel: the second is told that he saw an older grant, and nothing of his is taken', async () => {
  await using bench = await ApiBench.open({ seed: 54 });
  const { site } = bench;
  const edit = (rev: number, key: string) =>
    bench.call('PUT', '/api/v1/grants/stay', {
      body: {
        rev,
        holder: 'h-1',
        credentials: [{ id: 'c-1', kind: 'pin', pin: '482913' }],
        targets: [{ kind: 'key', id: key }],
      },
    });
  assert.equal((await edit(1, FLAT_KEY.key)).status, 200);
  // Both have revision 1 on their screens.
  assert.equal((await edit(2, STORE_KEY.key)).status, 200);
  const late = await edit(2, FLAT_KEY.key);
  assert.deepEqual([late.status, late.body.error.code], [409, 'conflict']);
  await site.type('482913#');
  assert.deepEqual(site.openSlots(), [STORE_KEY.slot]);
});
