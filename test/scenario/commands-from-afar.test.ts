/** The commands that are asked for seldom, each to its end on a whole site: what was asked, what it did there, what is told. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keyId } from '../../daemon/access/model.ts';
import { bucketOf, GrantDigest, grantHash } from '../../daemon/store/digest.ts';
import { deviceId, slotNumber } from '../../drivers/contract/device.ts';
import { seededRandom } from '../../simulator/random.ts';
import { OwnCloud } from '../../simulator/site/own-cloud.ts';
import { Exchange } from '../daemon/cloud/cloud-and-bridge.ts';
import { BRIDGE, FLAT_KEY, STORE_KEY, simulatedSite } from '../site.ts';

async function siteFromAfar(seed: number) {
  const exchange = new Exchange();
  const site = await simulatedSite({ seed, broker: exchange });
  const join = async (kid: string) => {
    const key = site.enrolment.senders.find((each) => each.kid === kid);
    if (key === undefined) throw new Error(`no sender ${kid}`);
    const random = seededRandom(seed);
    return site.settling(OwnCloud.join({ broker: exchange, key, clock: site.clock, random }));
  };
  return { site, exchange, cc: await join('cc-test'), ops: await join('ops-test') };
}

test('ping: what was said comes back, with when it arrived, to either power', async () => {
  const { site, cc, ops } = await siteFromAfar(81);
  await using _site = site;
  await using _cc = cc;
  await using _ops = ops;
  for (const cloud of [cc, ops]) {
    const before = site.clock.now();
    const { status, data } = await site.settling(cloud.ask('ping', { echo: 'x'.repeat(1024) }));
    assert.deepEqual([status, data['echo']], ['ok', 'x'.repeat(1024)]);
    assert.ok(
      Number(data['receivedAt']) >= before && Number(data['receivedAt']) <= site.clock.now(),
    );
  }
  assert.equal(
    (await site.settling(cc.ask('ping', { echo: 'x'.repeat(1025) }))).code,
    'bad_request',
  );
});

test('keypad.reset: a keypad that is locked out takes the right code at once, and another key may not say so', async () => {
  const { site, cc, ops } = await siteFromAfar(82);
  await using _site = site;
  await using _cc = cc;
  await using _ops = ops;
  await site.put({ id: 'guest', pin: '482913' });
  for (let tries = 0; tries < 7; tries += 1) {
    await site.type(`11111${tries}#`);
    if (site.types('security').includes('security.locked_out')) break;
  }
  await site.type('482913#');
  assert.equal(site.last('access.denied').body['reason'], 'locked-out');
  const reset = (cloud: OwnCloud, dev: string) => site.settling(cloud.ask('keypad.reset', { dev }));
  assert.equal((await reset(ops, 'keypad')).code, 'denied');
  assert.equal((await reset(cc, 'box')).code, 'not_found');
  await site.type('482913#');
  assert.equal(site.pulseCount, 0);
  const done = await reset(cc, 'keypad');
  assert.deepEqual([done.status, done.data['result']], ['ok', 'done']);
  assert.equal(site.last('security.lockout_cleared').body['by'], 'cloud:cc-test');
  await site.type('482913#');
  assert.equal(site.pulses(FLAT_KEY.slot), 1);
});

test('uses.confirm: after a lost journal a counted grant lets in as often as its cloud says, and that is said once', async () => {
  const { site, cc, ops } = await siteFromAfar(86);
  await using _site = site;
  await using _cc = cc;
  await using _ops = ops;
  const { journal } = site.daemon.desk;
  const stamp = site.daemon.desk.stamp();
  const entries = [{ type: 'system.storage_recovered', body: { kind: 'lost' } }] as const;
  await site.settling(journal.append({ stamp, entries }).committed);
  const more = { uses: { max: 2, carrier: BRIDGE } };
  await site.put({ id: 'guest', pin: '482913', key: STORE_KEY.key, more });
  const { key, slot } = STORE_KEY;
  const place = { kind: 'slot', box: deviceId('box'), slot: slotNumber(slot) } as const;
  await site.command({ kind: 'key.correct', by: 'anna', key: keyId(key), place });
  await site.type('482913#');
  assert.equal(site.last('access.denied').body['reason'], 'uses-exhausted');
  const confirm = async (cloud: OwnCloud, grant: string) => {
    const { status, code } = await site.settling(cloud.ask('uses.confirm', { grant, count: 1 }));
    return code ?? status;
  };
  assert.equal(await confirm(ops, 'guest'), 'denied');
  assert.equal(await confirm(cc, 'nobody'), 'not_found');
  assert.equal(await confirm(cc, 'guest'), 'ok');
  assert.equal(site.last('access.corrected').body['by'], 'cloud:cc-test');
  assert.equal(await confirm(cc, 'guest'), 'conflict');
  await site.type('482913#');
  assert.equal(site.pulses(slot), 1);
  await site.takeKey(slot);
  await site.show(STORE_KEY.fob);
  await site.putKey(slot, STORE_KEY.fob);
  await site.type('482913#');
  assert.equal(site.last('access.denied').body['reason'], 'uses-exhausted');
});

test('device.identify: asked of the device, in the journal, and what cannot show itself says so', async () => {
  const { site, cc, ops } = await siteFromAfar(83);
  await using _site = site;
  await using _cc = cc;
  await using _ops = ops;
  const identify = (dev: string) => site.settling(ops.ask('device.identify', { dev }));
  assert.equal((await identify('nobody')).code, 'not_found');
  const board = await identify('box');
  assert.deepEqual(
    [board.status, board.code, board.data['result']],
    ['error', 'denied', 'refused'],
  );
  const entry = site.last('system.identified');
  assert.deepEqual([entry.device, entry.body['by']], ['box', 'cloud:ops-test']);
  // One that can, from the day that it was put up.
  site.wireBoard('nfc-bus', 'nfc', 'pn532', {});
  const wire = { serial: '/simulated/nfc', baudRate: 115_200 };
  const settings = { driver: 'pn532', bus: 'nfc-bus' };
  const added = await site.settling(ops.ask('device.add', { dev: 'nfc', settings, wire }));
  assert.equal(added.status, 'ok', JSON.stringify(added.data));
  await site.advance(5_000);
  const reader = await identify('nfc');
  assert.deepEqual([reader.status, reader.data['result']], ['ok', 'done']);
});

test('key.put and key.remove: the fob of a key counts from then, and until then', async () => {
  const { site, exchange, cc } = await siteFromAfar(84);
  await using _site = site;
  await using _cc = cc;
  const fob = '0F00C0FFEE';
  const openAfterShow = async () => {
    await site.show(fob);
    return site.openSlots().length;
  };
  assert.equal(await openAfterShow(), 0);
  const put = (rev: number) =>
    site.settling(cc.putKey({ id: 'cellar', rev, name: 'Cellar', home: 'lobby' }, fob));
  assert.deepEqual((await put(2)).data, { rev: 2, outcome: 'stored' });
  assert.equal((await put(2)).data['outcome'], 'same');
  assert.equal((await put(1)).code, 'conflict');
  assert.equal(site.last('grant.key_put').body['key'], 'cellar');
  assert.equal(await openAfterShow(), 1, 'it may be hung in');
  const [slot = 0] = site.openSlots();
  site.hand('box', 'close-door', { slot });
  await site.advance(3_000);

  const remove = (rev: number) => site.settling(cc.ask('key.remove', { id: 'cellar', rev }));
  assert.equal((await remove(1)).code, 'conflict');
  assert.equal((await remove(3)).data['outcome'], 'stored');
  assert.equal((await remove(3)).data['outcome'], 'same');
  assert.equal(site.last('grant.key_removed').body['key'], 'cellar');
  assert.equal(await openAfterShow(), 0);
  const foreign = { id: 'x', rev: 1, name: 'X', sealedFob: 'a.b.c.d.e' };
  assert.equal((await site.settling(cc.ask('key.put', { key: foreign }))).code, 'bad_request');
  const said = exchange.passed.map(({ payload }) => Buffer.from(payload).toString()).join('\n');
  assert.doesNotMatch(said, new RegExp(fob, 'i'));
});

test('grants.compare: sums that a cloud can make itself, then the ids of the one range that differs', async () => {
  const { site, cc, ops } = await siteFromAfar(85);
  await using _site = site;
  await using _cc = cc;
  await using _ops = ops;
  const here = new GrantDigest();
  for (let n = 0; n < 40; n += 1) {
    await site.put({ id: `g-${n}`, rev: n + 1 });
    here.toggle(bucketOf(`g-${n}`), grantHash(`g-${n}`, n + 1));
  }
  const all = await site.settling(cc.ask('grants.compare', {}));
  assert.deepEqual([all.data['count'], all.data['digest']], [40, here.hex]);
  assert.deepEqual(all.data['buckets'], here.buckets());
  const bucket = bucketOf('g-7');
  const inIt = async (body: { readonly after?: string } = {}) => {
    const { data } = await site.settling(cc.ask('grants.compare', { bucket, ...body }));
    return [data['grants'], data['more']];
  };
  const ids = Array.from({ length: 40 }, (_, n) => [`g-${n}`, n + 1] as const)
    .filter(([id]) => bucketOf(id) === bucket)
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
  assert.deepEqual(await inIt(), [ids, false]);
  assert.deepEqual(await inIt({ after: ids.at(-1)?.[0] ?? '' }), [[], false]);
  await site.revoke('g-7', 99);
  const after = await site.settling(cc.ask('grants.compare', {}));
  here.toggle(bucket, grantHash('g-7', 8));
  assert.deepEqual([after.data['count'], after.data['digest']], [39, here.hex]);
  assert.equal((await site.settling(ops.ask('grants.compare', {}))).code, 'denied');
});
