/** What the pages say of members, permissions and badges; paths and the place of the badge are ours (vendor-apis 2.2, 2.3, 2.10). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { grantId } from '../../../../daemon/access/model.ts';
import { holderFor } from '../../../../daemon/vendors/people.ts';
import { FLAT_KEY, STORE_KEY } from '../../../site.ts';
import { basic } from '../vendor-site.ts';
import { type Bench, keycafeBench, SECRET } from './bench.ts';

const headers = basic(SECRET);
const MEMBERS = { memberRoles: ['ADMINISTRATOR'] } as const;
const ROLE = 'ADMINISTRATOR';

function ask({ server }: Bench, method: string, path: string, body?: object) {
  return server.ask(`/keycafe/v0${path}`, {
    method,
    headers,
    ...(body === undefined ? {} : { body }),
  });
}

test('a member’s code opens what a permission names, without end, and nothing once either is gone', async () => {
  await using bench = await keycafeBench({ seed: 201, places: MEMBERS });
  const { site, cloud, flat } = bench;
  const member = cloud.members.addMember({ email: 'Bo@Example.se', code: '4821' });
  const permission = cloud.members.addPermission({
    user: { id: member.user.id },
    role: ROLE,
    key: { id: flat.id },
  });
  await bench.poll();
  const id = grantId(`keycafe:permission:${permission.id}`);
  const stored = site.daemon.desk.grants.grant(id);
  assert.deepEqual(stored?.grant.window, { kind: 'ongoing' });
  const { secrets } = site.daemon.desk;
  assert.equal(stored?.grant.holder, holderFor(secrets, { email: 'bo@example.se' }, ''));
  await site.type('4821#');
  assert.equal(site.last('access.granted').body['slot'], FLAT_KEY.slot);
  await site.takeKey(FLAT_KEY.slot);
  await site.show(FLAT_KEY.fob);
  const [slot] = site.openSlots();
  assert.ok(slot !== undefined);
  await site.putKey(slot, FLAT_KEY.fob);

  member.code = '55012';
  await bench.poll();
  const pulses = site.pulseCount;
  await site.type('4821#');
  assert.equal(site.last('access.denied').body['reason'], 'unknown-credential', 'the old code');
  await site.type('55012#');
  assert.equal(site.pulseCount, pulses + 1);
  await site.advance(30_000);
  cloud.members.removeMember(member.id);
  await bench.poll();
  await site.type('55012#');
  assert.equal(site.last('access.denied').body['reason'], 'revoked');
  assert.equal(site.pulseCount, pulses + 1);
});

test('a badge is shown at the reader; a key’s own fob is never one', async () => {
  await using bench = await keycafeBench({ seed: 202, places: MEMBERS });
  const { site, cloud, flat } = bench;
  const badge = '1F00644BB6';
  const member = cloud.members.addMember({ email: 'bo@example.se', badge });
  const thief = cloud.members.addMember({ email: 'cy@example.se', badge: STORE_KEY.fob });
  for (const { user } of [member, thief]) {
    cloud.members.addPermission({ user: { id: user.id }, role: ROLE, key: { id: flat.id } });
  }
  await bench.poll();
  await site.show(badge);
  assert.equal(site.last('access.granted').body['slot'], FLAT_KEY.slot);
  const kinds = [...site.daemon.desk.grants.list({ source: 'keycafe', limit: 9 })].map(
    ({ grant }) => grant.credentials.map(({ kind }) => kind).join(),
  );
  assert.deepEqual(kinds.sort(), ['pin', 'pin,fob']);
});

test('a permission for a location opens its keys, and no lock', async () => {
  await using bench = await keycafeBench({ seed: 203, places: MEMBERS });
  const { site, cloud } = bench;
  const { user } = cloud.members.addMember({ email: 'bo@example.se', code: '482177' });
  const permission = cloud.members.addPermission({
    user: { id: user.id },
    role: ROLE,
    location: { id: 1 },
  });
  await bench.poll();
  const stored = site.daemon.desk.grants.grant(grantId(`keycafe:permission:${permission.id}`));
  assert.deepEqual(stored?.grant.targets, [{ kind: 'location', id: 'lobby' }]);
  assert.deepEqual(stored?.grant.operations, ['pickup', 'dropoff']);
});

test('P5: members open nothing unless the site says so, nor by a role, group or place that is not known', async () => {
  for (const memberRoles of [[], [ROLE]]) {
    await using bench = await keycafeBench({ seed: 204, places: { memberRoles } });
    const { site, cloud, flat } = bench;
    const { user } = cloud.members.addMember({ email: 'bo@example.se', code: '482177' });
    const about = { user: { id: user.id }, role: ROLE };
    cloud.members.addPermission({ ...about, role: 'VIEWER', key: { id: flat.id } });
    cloud.members.addPermission({ ...about, group: { id: 9 } });
    cloud.members.addPermission({ ...about, location: { id: 77 } });
    if (memberRoles.length === 0) cloud.members.addPermission({ ...about, key: { id: flat.id } });
    await bench.poll();
    assert.equal(bench.part.status.online, true, bench.part.status.detail);
    assert.equal(site.daemon.desk.grants.count('keycafe'), 0);
    const cannot = bench.part.differences().filter(({ kind }) => kind === 'permission');
    assert.equal(cannot.length, memberRoles.length === 0 ? 0 : 3);
  }
});

test('a list of members that is cut short revokes nothing', async () => {
  await using bench = await keycafeBench({ seed: 205, places: MEMBERS });
  const { site, cloud, flat } = bench;
  for (let at = 0; at < 60; at += 1) {
    const { user } = cloud.members.addMember({ email: `m${at}@example.se` });
    cloud.members.addPermission({ user: { id: user.id }, role: ROLE, key: { id: flat.id } });
  }
  await bench.poll();
  const count = () => site.daemon.desk.grants.count('keycafe');
  assert.equal(count(), 60);
  cloud.server.fail(
    { kind: 'half' },
    ({ path, query }) => path.endsWith('/organizationMembership') && query.get('page') === '2',
  );
  await bench.poll();
  assert.equal(cloud.server.faults, 0);
  assert.equal(count(), 60);
});

test('a member and a permission made at the box open at once, and reach Keycafe when they can', async () => {
  await using bench = await keycafeBench({ seed: 206, places: MEMBERS });
  const { site, cloud, flat } = bench;
  cloud.server.isAway = true;
  await bench.poll();
  const member = await ask(bench, 'POST', '/organizationMembership', {
    user: { email: 'bo@example.se' },
  });
  assert.equal(member.status, 200);
  assert.match(member.body.code, /^\d{6}$/);
  assert.equal(member.body.user.type, 'SMARTBOX');
  const made = await ask(bench, 'POST', '/permission', {
    user: { id: member.body.user.id },
    role: ROLE,
    key: { id: flat.id },
  });
  assert.equal(made.status, 200);
  assert.deepEqual(made.body.key, { id: flat.id });
  await site.type(`${member.body.code}#`);
  assert.equal(site.last('access.granted').body['slot'], FLAT_KEY.slot);
  await site.advance(30_000);

  cloud.server.isAway = false;
  for (const path of ['/organizationMembership', '/permission']) {
    cloud.server.fail(
      { kind: 'lost-answer' },
      (request) => request.method === 'POST' && request.path.endsWith(path),
    );
  }
  await bench.poll(12);
  assert.equal(cloud.members.memberships.size, 1);
  assert.equal(cloud.members.permissions.size, 1);
  const [there] = cloud.members.permissions.values();
  assert.equal(there?.body.key?.id, String(flat.id));
  assert.deepEqual(bench.part.differences(), []);
  const pulses = site.pulseCount;
  await site.type(`${member.body.code}#`);
  assert.equal(site.pulseCount, pulses + 1, 'the same code goes on');
  assert.equal(site.daemon.desk.grants.count('keycafe'), 1, 'it is not read back as a second');
  await site.advance(30_000);

  const list = await ask(bench, 'GET', '/organizationMembership');
  assert.equal(list.body.length, 1);
  assert.equal(
    (await ask(bench, 'DELETE', `/organizationMembership/${member.body.id}`)).status,
    200,
  );
  await site.type(`${member.body.code}#`);
  assert.equal(site.last('access.denied').body['reason'], 'revoked');
  await bench.poll(2);
  assert.equal(cloud.members.memberships.size, 0);
  assert.equal(cloud.members.permissions.size, 0);
  assert.deepEqual(bench.part.differences(), []);
});

test('a permission is refused for who is no member, for two things at once, and for a role that opens nothing', async () => {
  await using bench = await keycafeBench({ seed: 207, places: MEMBERS });
  const { cloud, flat } = bench;
  const { user } = cloud.members.addMember({ email: 'bo@example.se' });
  await bench.poll();
  const key = { id: flat.id };
  const post = (body: object) => ask(bench, 'POST', '/permission', body);
  assert.equal((await post({ user: { id: 1 }, role: ROLE, key })).status, 400);
  const two = { user: { id: user.id }, role: ROLE, key, location: { id: 1 } };
  assert.equal((await post(two)).status, 400);
  assert.equal((await post({ user: { id: user.id }, role: 'VIEWER', key })).status, 400);
  const made = await post({ user: { id: user.id }, role: ROLE, key });
  assert.equal(made.status, 200);
  await bench.poll(2);
  const path = `/permission/${made.body.id}`;
  assert.equal((await ask(bench, 'PUT', path, { role: 'VIEWER' })).status, 400);
  assert.equal((await ask(bench, 'GET', path)).body.role, ROLE);
  assert.equal((await ask(bench, 'DELETE', path)).status, 200);
  assert.equal((await ask(bench, 'GET', path)).status, 404);
  await bench.poll(2);
  assert.equal(cloud.members.permissions.size, 0);
});

test('asked for twice at one time there is one member with one code, and who leaves keeps no permission', async () => {
  await using bench = await keycafeBench({ seed: 209, places: MEMBERS });
  const { site, flat } = bench;
  await bench.poll();
  const keyed = (key: string, path: string, body: object) =>
    bench.server.ask(`/keycafe/v0${path}`, {
      method: 'POST',
      headers: { ...headers, 'idempotency-key': key },
      body,
    });
  const user = { id: 77, email: 'bo@example.se' };
  const [one, same] = await Promise.all([
    keyed('bo', '/organizationMembership', { user }),
    keyed('bo', '/organizationMembership', { user }),
  ]);
  assert.deepEqual(one.body, same.body);
  const number: number = one.body.id;
  assert.notEqual(number, 77);
  // A user goes by the vendor's id and by the number given out here; a permission may come while they leave.
  const right = (id: number) => ({ user: { id }, role: ROLE, key: { id: flat.id } });
  const made = await ask(bench, 'POST', '/permission', right(number));
  assert.equal(made.status, 200);
  const pulses = site.pulseCount;
  await site.type(`${one.body.code}#`);
  assert.equal(site.pulseCount, pulses + 1);
  const [left] = await Promise.all([
    ask(bench, 'DELETE', `/organizationMembership/${number}`),
    ask(bench, 'POST', '/permission', right(number)),
    keyed('p', '/permission', right(77)),
  ]);
  assert.equal(left.status, 200);
  assert.equal(site.daemon.desk.grants.count('keycafe'), 0);
  assert.deepEqual((await ask(bench, 'GET', '/permission')).body, []);
  assert.equal((await ask(bench, 'POST', '/permission', right(77))).status, 400);
  await site.type(`${one.body.code}#`);
  assert.equal(site.pulseCount, pulses + 1);
});
