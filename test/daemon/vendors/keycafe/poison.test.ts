import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keyId } from '../../../../daemon/access/model.ts';
import { keycafeBench } from './bench.ts';

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
