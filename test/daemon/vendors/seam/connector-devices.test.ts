import assert from 'node:assert/strict';
import { test } from 'node:test';
import { grantId } from '../../../../daemon/access/model.ts';
import { FLAT_KEY, minutes } from '../../../site.ts';
import { CountedClient } from '../vendor-site.ts';
import { SECRET, type SeamBench, seamBench } from './connector-bench.ts';

const AT = '2026-03-02T09:00:00Z';
const STAY = { starts_at: '2026-03-02T08:00:00Z', ends_at: '2026-03-04T18:00:00Z' } as const;

function states({ part }: SeamBench) {
  return part
    .differences()
    .map(({ kind, state, detail, place }) => [kind, state, detail, place].join(' ').trim());
}

test('what Seam has accepted is pending until its attempt ends, and one that fails is told', async () => {
  await using bench = await seamBench({ seed: 51, at: AT, cloud: { programming: minutes(2) } });
  const { cloud, flat, site } = bench;
  const made = await bench.ask('/access_codes/create', { device_id: flat, code: '471199' });
  const { access_code_id } = made.body.access_code;
  await bench.round();
  assert.deepEqual(states(bench), [`access_code pending  ${flat}`]);
  await site.advance(minutes(3));
  assert.deepEqual(states(bench), []);

  cloud.attempts.failNext('no_space_for_access_code_on_device');
  await bench.ask('/access_codes/update', { access_code_id, code: '582200' });
  await bench.round();
  await site.advance(minutes(4));
  assert.deepEqual(states(bench), [
    `access_code failed no_space_for_access_code_on_device ${flat}`,
  ]);
  assert.ok(bench.part.status.drift > 0);
  await site.type('582200#');
  assert.deepEqual(site.openSlots(), [FLAT_KEY.slot], 'at the box it holds all the same');

  // A revocation that fails there is asked for again.
  cloud.attempts.failNext('device_offline');
  await bench.ask('/access_codes/delete', { access_code_id });
  await bench.round();
  const asked = () =>
    cloud.server.requests.filter(({ path }) => path === '/access_codes/delete').length;
  assert.equal(asked(), 1);
  await site.advance(minutes(5));
  assert.ok(asked() >= 2);
  assert.equal(cloud.codes.size, 0);
  assert.deepEqual(states(bench), []);
});

test('a device that Seam does not reach, or does not have, is told before anybody arrives, and codes of a length it does not take are not asked for', async () => {
  await using bench = await seamBench({ seed: 52, at: AT });
  const { cloud, flat, other, site, part } = bench;
  cloud.offline.add(flat);
  cloud.devices.delete(other);
  const server = cloud.server;
  // Seen with the next complete look, which a start is.
  await bench.restart();
  await bench.round();
  assert.deepEqual(states(bench).sort(), [
    'device cannot Seam has no such device',
    'device pending Seam does not reach it',
  ]);
  const { body } = await bench.ask('/access_grants/create', {
    user_identity: { full_name: 'Ada' },
    device_ids: [flat],
    requested_access_methods: [{ mode: 'code', code: '123456789' }],
    ...STAY,
  });
  await bench.round();
  const id = grantId(`seam-${body.access_grant.access_grant_id}`);
  const grant = site.daemon.desk.grants.grant(id)?.grant;
  assert.ok(grant);
  const remarks = bench.part.fidelity(grant)?.map(({ kind, text }) => `${kind}: ${text}`) ?? [];
  assert.ok(remarks.some((text) => text.includes('4, 5, 6, 7, 8 digits')));
  assert.ok(remarks.some((text) => text.includes('does not reach it')));
  assert.equal(server.requests.filter(({ path }) => path === '/access_grants/create').length, 0);
  assert.equal(part.status.vendor, 'seam');
  await site.type('123456789#');
  assert.deepEqual(site.openSlots(), [FLAT_KEY.slot]);
});

test('one device is asked no more often a minute than Seam allows, for creations, changes and removals', async () => {
  await using bench = await seamBench({ seed: 53, at: AT });
  const { cloud, flat, site } = bench;
  const made: string[] = [];
  for (let at = 0; at < 24; at += 1) {
    const code = String(200_000 + at * 7919);
    const { status, body } = await bench.ask('/access_codes/create', { device_id: flat, code });
    // The dialect has the same limit.
    if (status === 429) await site.advance(minutes(1));
    else made.push(body.access_code.access_code_id);
  }
  await site.advance(minutes(4));
  assert.equal(cloud.codes.size, made.length);
  for (const access_code_id of made) {
    const { status } = await bench.ask('/access_codes/delete', { access_code_id });
    if (status !== 429) continue;
    await site.advance(minutes(1));
    await bench.ask('/access_codes/delete', { access_code_id });
  }
  await site.advance(minutes(4));
  assert.equal(cloud.codes.size, 0);
  assert.equal(bench.part.status.pending, 0);
});

test('webhooks that come late, twice and from a clock a little wrong are taken; from one far wrong they are not, and the next poll reads it', async () => {
  const calls: (() => string)[] = [];
  const clients: CountedClient[] = [];
  const { signal } = new AbortController();
  await using bench = await seamBench({
    seed: 54,
    at: AT,
    cloud: {
      webhook: {
        secret: SECRET,
        post: async ({ headers, body }) => {
          const [url] = calls;
          const [client] = clients;
          if (url === undefined || client === undefined) throw new Error('not yet there');
          return (await client.send({ method: 'POST', url: url(), headers, body, signal })).status;
        },
      },
    },
  });
  const { site, cloud } = bench;
  await using client = new CountedClient(site.clock);
  clients.push(client);
  calls.push(() => `${bench.server.url}/hooks/seam`);
  const grantOf = (code: string) =>
    cloud.addGrant({
      user_identity: { full_name: code },
      device_ids: [bench.flat],
      requested_access_methods: [{ mode: 'code', code }],
      ...STAY,
    });
  const isShut = async (code: string) => {
    const pulses = site.pulseCount;
    await site.type(`${code}#`);
    return site.pulseCount === pulses;
  };
  const near = grantOf('471199');
  const far = grantOf('582200');
  await bench.round();
  assert.equal(bench.grants().length, 2);
  cloud.skew = minutes(4);
  cloud.sender?.upset({ copies: 2, after: 8000 });
  cloud.deleteGrant(near.access_grant_id);
  await site.advance(5000);
  const before = cloud.server.requests.length;
  await site.advance(8000);
  assert.ok(cloud.server.requests.length > before, 'long before the next poll');
  assert.ok(await isShut('471199'));
  await bench.round();
  cloud.skew = minutes(6);
  cloud.deleteGrant(far.access_grant_id);
  await site.advance(2000);
  assert.ok(bench.grants().some(({ revoked }) => revoked === undefined));
  await bench.round();
  assert.ok(await isShut('582200'));
});

test('what Seam could not do for a grant or a code is told, by device where it is named', async () => {
  await using bench = await seamBench({ seed: 55, at: AT });
  const { cloud, flat, other } = bench;
  const grant = cloud.addGrant({
    user_identity: { full_name: 'Ada' },
    device_ids: [flat],
    requested_access_methods: [{ mode: 'code', code: '471199' }],
    ...STAY,
  });
  grant.trouble = {
    error_code: 'cannot_create_requested_access_methods',
    missing_device_ids: [other],
  };
  const code = cloud.addCode({ device_id: other, code: '582200' });
  code.fault = 'no_space_for_access_code_on_device';
  await bench.round();
  assert.deepEqual(states(bench).sort(), [
    `access_code failed no_space_for_access_code_on_device ${other}`,
    `access_grant failed cannot_create_requested_access_methods ${grant.access_grant_id}`,
  ]);
  delete code.fault;
  delete grant.trouble;
  await bench.round();
  await bench.round();
  assert.deepEqual(states(bench), []);
});

test('an attempt or a device told in words of a newer version holds up nothing that is read', async () => {
  await using bench = await seamBench({ seed: 53, at: AT, cloud: { programming: minutes(10) } });
  const { cloud, flat, site } = bench;
  const altered = (path: string, by: (body: string) => string, times: number) => {
    for (let at = 0; at < times; at += 1) {
      cloud.server.fail(
        { kind: 'altered', by: (reply) => ({ ...reply, body: by(reply.body) }) },
        (request) => request.path === path,
      );
    }
  };
  const made = await bench.ask('/access_codes/create', { device_id: flat, code: '471199' });
  assert.equal(made.status, 200);
  await bench.round();
  const theirs = cloud.addGrant({
    user_identity_id: cloud.addPerson(),
    device_ids: [flat],
    requested_access_methods: [{ mode: 'code', code: '582211' }],
    ...STAY,
  });
  await bench.round();
  assert.equal(bench.grants().length, 2);
  // Of another word, then of no shape at all: neither done nor failed, and asked after again.
  const status = (body: string) => body.replace(/"status":"\w+"/, '"status":"queued_at_bridge"');
  altered('/action_attempts/get', status, 1);
  altered('/action_attempts/get', () => '{"action_attempt":"?"}', 1);
  altered('/devices/list', (body) => body.replace(/"online":\w+/, '"online":"perhaps"'), 1);
  cloud.deleteGrant(theirs.access_grant_id);
  // A start reads the devices too.
  await bench.restart();
  await bench.round();
  await bench.round();
  assert.equal(bench.part.status.online, true, bench.part.status.detail);
  assert.equal(bench.grants().length, 1);
  await site.advance(minutes(12));
  assert.deepEqual(states(bench), []);
  assert.equal(cloud.server.faults, 0, 'all of them were met');
});
