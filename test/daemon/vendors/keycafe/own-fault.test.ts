import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigError } from '../../../../drivers/contract/errors.ts';
import { basic } from '../vendor-site.ts';
import { keycafeBench, SECRET } from './bench.ts';

const STAY = {
  accessStartDate: '2026-03-02',
  accessStartTime: '09:00',
  accessEndDate: '2026-03-04',
  accessEndTime: '11:00',
  user: { email: 'ada@example.se' },
};

test('a fault in the code of a vendor ends its round only, is told once with an alarm, and goes by itself', async () => {
  let isBroken = false;
  const logged: string[] = [];
  await using bench = await keycafeBench({
    seed: 71,
    isSwift: true,
    log: (event, { message }) => logged.push(`${event} ${message ?? ''}`),
    secret: () => {
      if (isBroken) throw new TypeError('keys of nothing');
      return SECRET;
    },
  });
  const { site, cloud, flat } = bench;
  const stay = cloud.addAccess(STAY, flat.id);
  await bench.poll();
  isBroken = true;
  await bench.poll(5);
  assert.equal(bench.part.status.online, false);
  assert.match(bench.part.status.detail, /a fault in this program/);
  assert.deepEqual(
    logged.filter((line) => line.startsWith('vendor-fault')),
    ['vendor-fault keys of nothing'],
  );
  assert.equal(site.last('system.vendor_offline').body['vendor'], 'keycafe');
  const alarms = site.daemon.desk.journal.read({ types: ['system.vendor_offline'], limit: 50 });
  assert.equal(alarms.filter(({ body }) => body['alarm'] === true).length, 1);
  const pulses = site.pulseCount;
  await site.type(`${stay.bookingCode}#`);
  assert.equal(site.pulseCount, pulses + 1, 'what it gave before holds');
  isBroken = false;
  cloud.cancel(stay.id);
  await site.advance(5 * 60_000);
  assert.equal(bench.part.status.online, true, bench.part.status.detail);
  assert.equal(site.daemon.desk.grants.count('keycafe'), 0);
});

test('a fault over one thing that is to be told keeps back neither the others nor what is read', async () => {
  let isBroken = false;
  await using bench = await keycafeBench({
    seed: 72,
    isSwift: true,
    secret: () => {
      if (!isBroken) return SECRET;
      isBroken = false;
      throw new TypeError('keys of nothing');
    },
  });
  const { site, cloud, flat } = bench;
  const [one, other, theirs] = [1, 2, 3].map(() => cloud.addAccess(STAY, flat.id));
  assert.ok(one !== undefined && other !== undefined && theirs !== undefined);
  await bench.poll();
  cloud.cancel(theirs.id);
  isBroken = true;
  const headers = basic(SECRET);
  for (const { id } of [one, other]) {
    await bench.server.ask(`/keycafe/v0/access/${id}`, { method: 'DELETE', headers });
  }
  await site.advance(20);
  assert.equal(bench.part.status.online, true, bench.part.status.detail);
  assert.equal(cloud.accesses.size, 0, 'the one that it came over was told again');
  assert.equal(site.daemon.desk.grants.count('keycafe'), 0);
  assert.equal(site.last('system.vendor_offline').body['alarm'], true);
});

test('a secret that cannot be read is told as that: no call is made, and it counts again once it is there', async () => {
  let secret = SECRET;
  await using bench = await keycafeBench({
    seed: 73,
    isSwift: true,
    secret: () => {
      if (secret !== '') return secret;
      const path = 'vendors.keycafe.credentials';
      const found = 'file:/etc/latchkey/keycafe (EACCES)';
      throw new ConfigError([{ path, found, remedy: 'a readable file' }]);
    },
  });
  const { site, cloud } = bench;
  await bench.poll();
  const asked = cloud.server.requests.length;
  secret = '';
  await site.advance(20 * 60_000);
  assert.equal(cloud.server.requests.length, asked);
  assert.equal(
    bench.part.status.detail,
    'not asked: the secret of vendors.keycafe.credentials cannot be read',
  );
  assert.equal(JSON.stringify(site.last('system.vendor_offline')).includes('/etc'), false);
  secret = SECRET;
  await site.advance(5 * 60_000);
  assert.equal(bench.part.status.online, true, bench.part.status.detail);
});
