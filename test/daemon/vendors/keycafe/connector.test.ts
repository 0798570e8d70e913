import assert from 'node:assert/strict';
import { test } from 'node:test';
import { grantId, keyId } from '../../../../daemon/access/model.ts';
import { FLAT_KEY } from '../../../site.ts';
import { basic } from '../vendor-site.ts';
import { keycafeBench, POLL, SECRET } from './bench.ts';

const STAY = {
  accessStartDate: '2026-03-02',
  accessStartTime: '09:00',
  accessEndDate: '2026-03-04',
  accessEndTime: '11:00',
  user: { email: 'ada@example.se' },
};

test('an access made at Keycafe opens the slot of its key, and cancelled there it is refused within one poll', async () => {
  await using bench = await keycafeBench({ seed: 1 });
  const { site, cloud, flat } = bench;
  const access = cloud.addAccess(STAY, flat.id);
  await bench.poll();
  assert.equal(bench.part.status.online, true, bench.part.status.detail);
  await site.type(`${access.bookingCode}#`);
  assert.equal(site.last('access.granted').body['slot'], FLAT_KEY.slot);
  await site.advance(10_000);

  cloud.cancel(access.id);
  await bench.poll();
  const pulses = site.pulseCount;
  await site.type(`${access.bookingCode}#`);
  assert.equal(site.last('access.denied').body['reason'], 'revoked');
  assert.equal(site.pulseCount, pulses);
});

test('a floating access follows the zone of the box, a zoned one its own', async () => {
  await using bench = await keycafeBench({ seed: 2 });
  const { site, cloud, flat } = bench;
  const floating = cloud.addAccess(STAY, flat.id);
  const zoned = cloud.addAccess({ ...STAY, timeZone: 'America/New_York' }, flat.id);
  await bench.poll();
  const { grants } = site.daemon.desk;
  const startOf = (id: number) => grants.grant(grantId(`keycafe:access:${id}`))?.window.start;
  assert.equal(startOf(floating.id), Date.parse('2026-03-02T08:00Z'));
  assert.equal(startOf(zoned.id), Date.parse('2026-03-02T14:00Z'));
});

test('an access that was edited at Keycafe is edited here', async () => {
  await using bench = await keycafeBench({ seed: 3 });
  const { site, cloud, flat } = bench;
  const access = cloud.addAccess(STAY, flat.id);
  await bench.poll();
  access.body = { ...access.body, accessEndDate: '2026-03-03' };
  await bench.poll();
  const stored = site.daemon.desk.grants.grant(grantId(`keycafe:access:${access.id}`));
  assert.equal(stored?.window.end, Date.parse('2026-03-03T10:00Z'));
});

test('a run of pages that is cut short revokes nothing', async () => {
  await using bench = await keycafeBench({ seed: 4 });
  const { site, cloud, flat } = bench;
  const all = Array.from({ length: 120 }, () => cloud.addAccess(STAY, flat.id));
  await bench.poll();
  const live = () => site.daemon.desk.grants.count('keycafe');
  assert.equal(live(), 120);
  const isThird = ({ path, query }: { path: string; query: URLSearchParams }) =>
    path === '/v0/access' && query.get('page') === '3';
  for (const [at, kind] of (['cut', 'half', 'lost-answer'] as const).entries()) {
    cloud.cancel(all[at]?.id ?? 0);
    cloud.server.fail({ kind }, isThird);
    await site.clock.runUntil(() => cloud.server.faults === 0, 2 * POLL);
    await site.advance(100);
    assert.equal(bench.part.status.online, false);
    assert.equal(live(), 120 - at, kind);
    await bench.poll();
    assert.equal(live(), 119 - at, `after ${kind}`);
  }
});

test('told to wait, it sends nothing until then, and goes on where it was', async () => {
  await using bench = await keycafeBench({ seed: 5 });
  const { site, cloud, flat } = bench;
  await bench.poll();
  for (let at = 0; at < 130; at += 1) cloud.addAccess(STAY, flat.id);
  cloud.server.fail(
    { kind: 'status', status: 429, retryAfter: '90' },
    ({ query }) => query.get('page') === '2',
  );
  const count = () => cloud.server.requests.length;
  await site.clock.runUntil(() => cloud.server.faults === 0, 3 * POLL);
  const before = count();
  await site.advance(89_000);
  assert.equal(count(), before);
  await site.advance(2000);
  assert.equal(site.daemon.desk.grants.count('keycafe'), 130);
});

test('it never asks more than the vendor allows, however often it is woken', async () => {
  await using bench = await keycafeBench({ seed: 15 });
  const { site, cloud, part } = bench;
  for (let at = 0; at < 60; at += 1) {
    part.wake();
    await site.advance(500);
  }
  assert.equal(cloud.penalties, 0);
  assert.equal(cloud.server.requests.length, 60);
  await bench.poll();
  assert.ok(cloud.server.requests.length > 60);
});

test('the wrong form of a user name is refused, and that is shown', async () => {
  await using bench = await keycafeBench({ seed: 6, secret: () => 'anna@example.se:t0ken' });
  await bench.poll();
  assert.equal(bench.part.status.online, false);
  assert.match(bench.part.status.detail, /401/);
});

test('a webhook makes it look at once; doubled it looks once, and a stranger is turned away', async () => {
  await using bench = await keycafeBench({ seed: 7 });
  const { site, cloud, flat, server } = bench;
  await bench.poll();
  const access = cloud.addAccess(STAY, flat.id);
  const [event] = cloud.events.slice(-1);
  const send = (secret: string) =>
    server.ask('/hooks/keycafe', { method: 'POST', headers: basic(secret), body: event });
  assert.equal((await send('hook:wrong')).status, 401);
  const before = cloud.server.requests.length;
  assert.equal((await send('hook:secret')).status, 200);
  assert.equal((await send('hook:secret')).status, 200);
  await site.advance(50);
  assert.ok(site.daemon.desk.grants.grant(grantId(`keycafe:access:${access.id}`)));
  assert.equal(cloud.server.requests.length - before, 2, 'keys and accesses, once each');
});

test('an access made at the box reaches Keycafe when the internet is back, and both codes open', async () => {
  await using bench = await keycafeBench({ seed: 8 });
  const { site, cloud, flat, server } = bench;
  cloud.server.isAway = true;
  const made = await server.ask('/keycafe/v0/access', {
    method: 'POST',
    headers: basic(SECRET),
    body: { ...STAY, key: { id: flat.id } },
  });
  assert.equal(made.status, 200);
  await site.type(`${made.body.bookingCode}#`);
  assert.equal(site.last('access.granted').body['slot'], FLAT_KEY.slot);
  assert.equal(
    bench.part.differences().some(({ kind }) => kind === 'message'),
    true,
  );
  assert.equal(cloud.accesses.size, 0);

  cloud.server.isAway = false;
  await bench.poll(8);
  assert.equal(cloud.accesses.size, 1);
  const [there] = cloud.accesses.values();
  assert.equal(there?.body.accessEndTime, '11:00');
  assert.deepEqual(bench.part.differences(), []);
  await site.advance(30_000);
  await site.type(`${there?.bookingCode}#`);
  assert.equal(site.last('access.granted').body['slot'], FLAT_KEY.slot);
});

test('a create whose answer is lost is not asked for twice', async () => {
  await using bench = await keycafeBench({ seed: 9 });
  const { cloud, flat, server } = bench;
  await bench.poll();
  cloud.server.fail({ kind: 'lost-answer' }, ({ method }) => method === 'POST');
  await server.ask('/keycafe/v0/access', {
    method: 'POST',
    headers: basic(SECRET),
    body: { ...STAY, key: { id: flat.id } },
  });
  await bench.poll(6);
  assert.equal(cloud.accesses.size, 1);
  assert.deepEqual(bench.part.differences(), []);
});

test('a create whose answer is lost is known again, also where Keycafe knows more of the guest than it was told', async () => {
  await using bench = await keycafeBench({ seed: 22 });
  const { cloud, flat, server } = bench;
  cloud.members.addMember({ email: 'ada@example.se', mobile: '46701234567' });
  await bench.poll();
  for (const user of [{ mobile: '+46 70 123 45 67' }, { email: 'Ada@Example.se' }]) {
    cloud.server.fail({ kind: 'lost-answer' }, ({ method }) => method === 'POST');
    const made = await server.ask('/keycafe/v0/access', {
      method: 'POST',
      headers: basic(SECRET),
      body: { ...STAY, user, key: { id: flat.id } },
    });
    await bench.poll(6);
    assert.equal(cloud.accesses.size, 1, JSON.stringify(user));
    assert.deepEqual(bench.part.differences(), []);
    await server.ask(`/keycafe/v0/access/${made.body.id}`, {
      method: 'DELETE',
      headers: basic(SECRET),
    });
    await bench.poll(2);
    assert.equal(cloud.accesses.size, 0);
  }
});

test('a key made at the box is one key here and there, also where the answer that told its id was lost', async () => {
  for (const body of [{ name: 'Cellar', serialNumber: '012ABC' }, { name: 'Cellar' }]) {
    for (const isLost of [false, true]) {
      await using bench = await keycafeBench({ seed: 23, isSwift: true });
      const { cloud, server, site } = bench;
      const { grants } = site.daemon.desk;
      const headers = basic(SECRET);
      const fits = ({ method, path }: { method: string; path: string }) =>
        method === 'POST' && path.endsWith('/key');
      if (isLost) cloud.server.fail({ kind: 'lost-answer' }, fits);
      const made = await server.ask('/keycafe/v0/key', { method: 'POST', headers, body });
      await bench.poll(6);
      const there = [...cloud.keys.values()].filter(({ name }) => name === 'Cellar');
      assert.equal(there.length, 1);
      const here = grants.keys().filter(({ name }) => name === 'Cellar');
      assert.equal(here.length, 1);
      assert.deepEqual(bench.part.differences(), []);
      // Whoever books it there is given the same key.
      const access = cloud.addAccess(STAY, there[0]?.id ?? 0);
      await bench.poll();
      const booked = grants.grant(grantId(`keycafe:access:${access.id}`))?.grant;
      assert.deepEqual(booked?.targets, [{ kind: 'key', id: here[0]?.id }]);
      const shown = await server.ask(`/keycafe/v0/key/${made.body.id}`, { headers });
      assert.deepEqual([shown.status, shown.body.id], [200, made.body.id]);
    }
  }
});

test('a grant of the own cloud for a Keycafe key is told to Keycafe, and its end too', async () => {
  await using bench = await keycafeBench({ seed: 10 });
  const { site, cloud } = bench;
  const { desk } = site.daemon;
  const tell = (type: 'grant.put' | 'grant.revoked') =>
    desk.journal.append({
      stamp: desk.stamp(),
      entries: [{ type, body: { grant: 'stay', source: 'cloud' } }],
    }).committed;
  await bench.poll();
  const window = {
    kind: 'wall',
    start: '2026-03-02T10:00',
    end: '2026-03-03T10:00',
    zone: 'Europe/Stockholm',
  } as const;
  await site.put({ id: 'stay', pin: '482913', window });
  await tell('grant.put');
  await bench.poll(2);
  const [there] = cloud.accesses.values();
  assert.equal(there?.body.timeZone, 'Europe/Stockholm');
  assert.match(String(there?.body.name), /^Guest [0-9a-f]{8}$/);
  assert.equal(desk.grants.count('keycafe'), 0, 'it is not read back as a second grant');

  const revoke = { kind: 'revoke', grant: grantId('stay'), rev: 1, at: site.clock.now() } as const;
  await site.settling(desk.grants.write({ source: 'cloud', changes: [revoke] }));
  await tell('grant.revoked');
  await bench.poll(2);
  assert.equal(cloud.accesses.size, 0);
});

test('a grant that Keycafe would have wider is not given to it, and that is shown', async () => {
  await using bench = await keycafeBench({ seed: 11 });
  const { site, cloud } = bench;
  const weekly = [{ days: [1], from: '10:00', to: '12:00' }] as const;
  await site.put({ id: 'cleaner', pin: '771204', more: { schedule: { zone: 'site', weekly } } });
  await bench.restart();
  await bench.poll(2);
  assert.equal(cloud.accesses.size, 0);
  assert.match(bench.part.differences()[0]?.detail ?? '', /weekly hours/);
});

test('what waits for Keycafe, or cannot be there, is told once and not with every round', async () => {
  await using bench = await keycafeBench({ seed: 21 });
  const { site } = bench;
  const both = ['store-room', 'flat-3'].map((id) => ({ kind: 'key', id: keyId(id) }) as const);
  await site.put({ id: 'two-keys', pin: '246813', more: { targets: both } });
  for (let rounds = 0; rounds < 5; rounds += 1) await bench.poll();
  const told = site.journal
    .filter(({ body }) => body['id'] === 'two-keys')
    .map(({ type, body }) => [type, body['state']]);
  assert.deepEqual(told, [
    ['grant.vendor_pending', 'to-create'],
    ['grant.cannot', 'cannot'],
  ]);
});

test('both sides changed an access while they were apart: what both allow holds', async () => {
  await using bench = await keycafeBench({ seed: 12 });
  const { site, cloud, flat, server } = bench;
  const access = cloud.addAccess(STAY, flat.id);
  await bench.poll();
  cloud.server.isAway = true;
  await bench.poll();
  access.body = { ...access.body, accessStartDate: '2026-03-03' };
  const edited = await server.ask(`/keycafe/v0/access/${access.id}`, {
    method: 'PUT',
    headers: basic(SECRET),
    body: { accessEndDate: '2026-03-03', accessEndTime: '20:00' },
  });
  assert.equal(edited.status, 200);
  cloud.server.fail({ kind: 'cut' }, ({ method }) => method === 'PUT');
  cloud.server.isAway = false;
  await bench.poll(12);
  assert.equal(access.body.accessStartDate, '2026-03-03');
  assert.equal(access.body.accessEndTime, '20:00');
  const stored = site.daemon.desk.grants.grant(grantId(`keycafe:access:${access.id}`));
  assert.equal(stored?.window.start, Date.parse('2026-03-03T08:00Z'));
  assert.equal(stored?.window.end, Date.parse('2026-03-03T19:00Z'));
  assert.deepEqual(bench.part.differences(), []);
});

test('while Keycafe is away its age is shown, and what it gave opens for as long as the site allows', async () => {
  for (const staleAfter of [undefined, 30 * POLL]) {
    await using bench = await keycafeBench({
      seed: 16,
      ...(staleAfter === undefined ? {} : { staleAfter }),
    });
    const { site, cloud, flat, part } = bench;
    const access = cloud.addAccess(STAY, flat.id);
    await bench.poll();
    const synced = part.status.syncedAt;
    cloud.server.isAway = true;
    await bench.poll(31);
    assert.equal(part.status.syncedAt, synced);
    assert.equal(part.status.online, false);
    await site.type(`${access.bookingCode}#`);
    if (staleAfter === undefined) {
      assert.equal(site.pulseCount, 1);
      continue;
    }
    assert.equal(site.last('access.denied').body['reason'], 'unsupported-limit');
    cloud.server.isAway = false;
    await bench.poll(8);
    await site.advance(30_000);
    await site.type(`${access.bookingCode}#`);
    assert.equal(site.pulseCount, 1);
  }
});

test('an access whose making was lost and that was cancelled meanwhile is taken back there too', async () => {
  await using bench = await keycafeBench({ seed: 208 });
  const { site, cloud, flat, server } = bench;
  await bench.poll();
  cloud.server.fail({ kind: 'lost-answer' }, ({ method }) => method === 'POST');
  const ask = (method: string, path: string, body?: object) =>
    server.ask(`/keycafe/v0${path}`, {
      method,
      headers: basic(SECRET),
      ...(body === undefined ? {} : { body }),
    });
  const made = await ask('POST', '/access', { name: 'Ada', key: { id: flat.id } });
  await site.clock.runUntil(() => cloud.accesses.size === 1, 120_000);
  assert.equal((await ask('DELETE', `/access/${made.body.id}`)).status, 200);
  await bench.poll(8);
  assert.equal(cloud.accesses.size, 0);
  assert.equal(site.daemon.desk.grants.count('keycafe'), 0);
  assert.deepEqual(bench.part.differences(), []);
});
