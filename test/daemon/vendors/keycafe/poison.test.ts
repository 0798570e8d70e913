import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keyId } from '../../../../daemon/access/model.ts';
import { basic } from '../vendor-site.ts';
import { keycafeBench, SECRET } from './bench.ts';

const STAY = {
  accessStartDate: '2026-03-02',
  accessStartTime: '09:00',
  accessEndDate: '2026-03-04',
  accessEndTime: '11:00',
  user: { email: 'ada@example.se' },
};

test('an access that is not understood opens nothing and holds up no other; where none is, all stay', async () => {
  await using bench = await keycafeBench({ seed: 61 });
  const { site, cloud, flat } = bench;
  const [one, other] = [cloud.addAccess(STAY, flat.id), cloud.addAccess(STAY, flat.id)];
  const live = () => site.daemon.desk.grants.count('keycafe');
  const spoil = (access: { body: object }) =>
    Object.assign(access, { body: { ...access.body, returnReminder: 'perhaps' } });
  await bench.poll();
  assert.equal(live(), 2);
  spoil(one);
  await bench.poll();
  assert.equal(bench.part.status.online, true, bench.part.status.detail);
  assert.equal(live(), 1);
  await site.type(`${one.bookingCode}#`);
  assert.equal(site.last('access.denied').body['reason'], 'revoked');
  const pulses = site.pulseCount;
  await site.type(`${other.bookingCode}#`);
  assert.equal(site.pulseCount, pulses + 1);
  spoil(other);
  await bench.poll();
  assert.equal(bench.part.status.online, false);
  assert.equal(live(), 1);
});

test('a key that is not understood any more is still taken back', async () => {
  await using bench = await keycafeBench({ seed: 62 });
  const { site, cloud, flat } = bench;
  const spoiled = cloud.addKey({ name: 'Cellar' });
  cloud.addAccess(STAY, flat.id);
  await bench.poll();
  const { grants } = site.daemon.desk;
  const known = keyId(`keycafe:${spoiled.id}`);
  assert.ok(grants.key(known) !== undefined);
  Object.assign(spoiled, { name: 7 });
  await bench.poll();
  assert.equal(bench.part.status.online, true, bench.part.status.detail);
  assert.ok(grants.key(known) !== undefined);
});

test('a server that breaks over one cancelling, again and again, keeps back no other and nothing that is read', async () => {
  await using bench = await keycafeBench({ seed: 63 });
  const { site, cloud, flat } = bench;
  const [broken, other, theirs] = [1, 2, 3].map(() => cloud.addAccess(STAY, flat.id));
  assert.ok(broken !== undefined && other !== undefined && theirs !== undefined);
  await bench.poll();
  for (let at = 0; at < 20; at += 1) {
    cloud.server.fail(
      { kind: 'status', status: 500 },
      ({ method, path }) => method === 'DELETE' && path.endsWith(`/${broken.id}`),
    );
  }
  for (const { id } of [broken, other]) {
    const headers = basic(SECRET);
    await bench.server.ask(`/keycafe/v0/access/${id}`, { method: 'DELETE', headers });
  }
  cloud.cancel(theirs.id);
  await bench.poll();
  assert.deepEqual([...cloud.accesses.keys()], [broken.id]);
  const pulses = site.pulseCount;
  for (const { bookingCode } of [broken, other, theirs]) await site.type(`${bookingCode}#`);
  assert.equal(site.pulseCount, pulses);
  assert.equal(bench.part.differences()[0]?.state, 'to-revoke');
  await site.advance(30 * 60_000);
  assert.equal(cloud.accesses.size, 0);
});
