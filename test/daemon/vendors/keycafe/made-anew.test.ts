/** Grants of the own cloud at Keycafe: what cannot be edited there is made anew, and nothing is made twice. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { grantId } from '../../../../daemon/access/model.ts';
import { basic } from '../vendor-site.ts';
import { type Bench, keycafeBench, SECRET } from './bench.ts';

const WALL = {
  kind: 'wall',
  start: '2026-03-02T10:00',
  end: '2026-03-03T10:00',
  zone: 'Europe/Stockholm',
} as const;
const STAY = {
  accessStartDate: '2026-03-02',
  accessStartTime: '09:00',
  accessEndDate: '2026-03-04',
  accessEndTime: '11:00',
  user: { email: 'ada@example.se' },
};

async function put({ site }: Bench, grant: Parameters<typeof site.put>[0]): Promise<void> {
  const { desk } = site.daemon;
  await site.put(grant);
  await desk.journal.append({
    stamp: desk.stamp(),
    entries: [{ type: 'grant.put', body: { grant: grant.id, source: 'cloud' } }],
  }).committed;
}

function drifts({ site }: Bench) {
  return site.daemon.desk.journal.read({ types: ['grant.vendor_drift'], limit: 50 });
}

test('a grant for another key than before is cancelled there and made anew, and the gap is told', async () => {
  await using bench = await keycafeBench({ seed: 241, isSwift: true });
  const { cloud, flat } = bench;
  const store = cloud.addKey({ name: 'Store room' });
  bench.keys[String(store.id)] = 'store-room';
  await put(bench, { id: 'stay', pin: '482913', window: WALL });
  await bench.poll(2);
  const there = () => [...cloud.accesses.values()].map(({ keys }) => keys);
  assert.deepEqual(there(), [[flat.id]]);
  await put(bench, { id: 'stay', rev: 2, pin: '482913', key: 'store-room', window: WALL });
  await bench.poll(2);
  assert.deepEqual(there(), [[store.id]]);
  const [told] = drifts(bench);
  assert.deepEqual([told?.body['what'], told?.body['grant']], ['recreated', 'stay']);
  assert.ok(Number(told?.body['gapMs']) >= 0);
});

test('where Keycafe is cut off between cancelling and making anew, it is made once it is back, over a start too', async () => {
  await using bench = await keycafeBench({ seed: 242, isSwift: true });
  const { cloud, site } = bench;
  await put(bench, { id: 'stay', pin: '482913', window: WALL });
  await bench.poll(2);
  const [first] = cloud.accesses.keys();
  // An ongoing one cannot be edited into the other.
  for (let at = 0; at < 100; at += 1) {
    cloud.server.fail({ kind: 'cut' }, ({ method }) => method === 'POST');
  }
  await put(bench, { id: 'stay', rev: 2, pin: '482913' });
  await bench.poll(1);
  assert.equal(cloud.accesses.size, 0);
  await bench.restart();
  await bench.poll();
  cloud.server.mend();
  await site.advance(10 * 60_000);
  assert.equal(cloud.accesses.size, 1);
  assert.notEqual([...cloud.accesses.keys()][0], first);
  assert.deepEqual(bench.part.differences(), []);
});

test('one that Keycafe could not have, and that is changed so that it can, is told to it', async () => {
  await using bench = await keycafeBench({ seed: 243, isSwift: true });
  const { cloud } = bench;
  const weekly = [{ days: [1], from: '10:00', to: '12:00' }] as const;
  await put(bench, { id: 'stay', pin: '482913', more: { schedule: { zone: 'site', weekly } } });
  await bench.poll(2);
  assert.equal(bench.part.differences()[0]?.state, 'cannot');
  await put(bench, { id: 'stay', rev: 2, pin: '482913', window: WALL });
  await bench.poll(2);
  assert.equal(cloud.accesses.size, 1);
  assert.deepEqual(bench.part.differences(), []);
});

for (const [what, reply] of [
  ['the page of a proxy', { status: 200, headers: {}, body: '<!doctype html>' }],
  ['a shape of another version', { status: 200, headers: {}, body: '{"access":{}}' }],
  ['408', { status: 408, headers: {}, body: '' }],
] as const) {
  test(`an access that was made, and answered with ${what}, is not made a second time`, async () => {
    await using bench = await keycafeBench({ seed: 244, isSwift: true });
    const { cloud, flat } = bench;
    await bench.poll();
    cloud.server.fail({ kind: 'altered', by: () => reply }, ({ method }) => method === 'POST');
    await bench.server.ask('/keycafe/v0/access', {
      method: 'POST',
      headers: basic(SECRET),
      body: { ...STAY, key: { id: flat.id } },
    });
    await bench.poll(4);
    assert.equal(cloud.accesses.size, 1);
    assert.deepEqual(bench.part.differences(), []);
  });
}

test('an access that Keycafe would not take, and that is edited at the box, is told to it again', async () => {
  await using bench = await keycafeBench({ seed: 245, isSwift: true });
  const { cloud, flat } = bench;
  await bench.poll();
  for (let at = 0; at < 8; at += 1) {
    cloud.server.fail({ kind: 'status', status: 400 }, ({ method }) => method === 'POST');
  }
  const ask = (method: string, path: string, body: object) =>
    bench.server.ask(`/keycafe/v0${path}`, { method, headers: basic(SECRET), body });
  const { body } = await ask('POST', '/access', { ...STAY, key: { id: flat.id } });
  await bench.poll(10);
  const told = bench.part.differences().find(({ kind }) => kind === 'access');
  assert.equal(told?.state, 'cannot');
  await ask('PUT', `/access/${body.id}`, { accessEndTime: '12:00' });
  // Tried as often as any other.
  cloud.server.fail({ kind: 'status', status: 400 }, ({ method }) => method === 'POST');
  await bench.poll(3);
  assert.deepEqual(
    [...cloud.accesses.values()].map((each) => each.body.accessEndTime),
    ['12:00'],
  );
});

test('a cancelling that Keycafe refuses again and again is tried on, and raises one alarm', async () => {
  await using bench = await keycafeBench({ seed: 246, isSwift: true });
  const { cloud, flat, site } = bench;
  const { id } = cloud.addAccess(STAY, flat.id);
  await bench.poll();
  for (let at = 0; at < 12; at += 1) {
    cloud.server.fail({ kind: 'status', status: 409 }, ({ method }) => method === 'DELETE');
  }
  await bench.server.ask(`/keycafe/v0/access/${id}`, { method: 'DELETE', headers: basic(SECRET) });
  // A vendor that is away is no refusal.
  cloud.server.isAway = true;
  await site.advance(30 * 60_000);
  cloud.server.isAway = false;
  await site.advance(20 * 60_000);
  const grant = grantId(`keycafe:access:${id}`);
  assert.notEqual(site.daemon.desk.grants.grant(grant)?.revoked, undefined);
  assert.deepEqual(
    drifts(bench).map(({ body }) => [body['what'], body['id'], body['alarm']]),
    [['not-revoked', grant, true]],
  );
  assert.equal(cloud.accesses.size, 0);
});
