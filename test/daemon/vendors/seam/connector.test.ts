import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeamWebhook } from 'seam';
import { FLAT_KEY, minutes, STORE_KEY } from '../../../site.ts';
import { faultsOf } from './bench.ts';
import { SECRET, seamBench } from './connector-bench.ts';

const AT = '2026-03-02T09:00:00Z';
const STAY = { starts_at: '2026-03-02T08:00:00Z', ends_at: '2026-03-02T18:00:00.123456Z' } as const;
const CODE = [{ mode: 'code', code: '471199' }] as const;

test('a grant made at Seam opens here after a poll, and is refused within a poll of being deleted there', async () => {
  await using bench = await seamBench({ seed: 1, at: AT, cloud: { pageSize: 2 } });
  const { site, cloud } = bench;
  const person = cloud.addPerson({ full_name: 'Ada', email_address: 'ada@example.se' });
  const grants = ['471199', '582200', '693311'].map((code) =>
    cloud.addGrant({
      user_identity_id: person,
      device_ids: [bench.flat],
      requested_access_methods: [{ mode: 'code', code }],
      ...STAY,
    }),
  );
  await bench.round();
  assert.equal(bench.grants().length, 3, 'over two pages');
  await site.type('471199#');
  assert.deepEqual(site.openSlots(), [FLAT_KEY.slot]);
  await site.takeKey(FLAT_KEY.slot);
  await site.show(FLAT_KEY.fob);
  await site.putKey(FLAT_KEY.slot, FLAT_KEY.fob);
  const shown = await bench.ask('/access_grants/list', {});
  assert.equal(shown.body.access_grants.length, 3, 'and the dialect shows what the vendor made');
  assert.equal(faultsOf('/access_grants/list', shown.body), '');
  cloud.deleteGrant(grants[1]?.access_grant_id ?? '');
  await bench.round();
  const pulses = site.pulseCount;
  await site.type('582200#');
  assert.equal(site.pulseCount, pulses);
  assert.equal(site.last('access.denied').body['reason'], 'revoked');
  assert.ok(bench.part.status.online);
  assert.ok((bench.part.status.syncedAt ?? 0) > site.clock.now() - 2 * minutes(1));
  assert.doesNotMatch(JSON.stringify(site.journal), /471199|Ada|ada@/);
});

test('while an extension is programmed the guest is not locked out, and the longer stay holds only afterwards', async () => {
  await using bench = await seamBench({ seed: 2, at: AT, cloud: { programming: minutes(5) } });
  const { site, cloud } = bench;
  const grant = cloud.addGrant({
    user_identity: { full_name: 'Ada' },
    device_ids: [bench.flat],
    requested_access_methods: CODE,
    ...STAY,
  });
  await bench.round();
  await site.type('471199#');
  assert.deepEqual(site.openSlots(), [], 'accepted is not in force');
  await site.advance(minutes(6));
  await site.type('471199#');
  assert.deepEqual(site.openSlots(), [FLAT_KEY.slot]);
  await site.takeKey(FLAT_KEY.slot);
  await site.show(FLAT_KEY.fob);
  await site.putKey(FLAT_KEY.slot, FLAT_KEY.fob);

  const { access_grant_id } = grant;
  cloud.changeGrant({ access_grant_id, ends_at: '2026-03-04T18:00:00Z' });
  await bench.round();
  const method = cloud.methods.get(grant.methods[0] ?? '');
  assert.ok((method?.issuedAt ?? 0) > site.clock.now(), 'it is revoked there just now');
  const [during] = bench.grants();
  assert.equal(during?.window.end, Date.parse('2026-03-02T18:00:00.123Z'));
  assert.equal(during?.grant.credentials.length, 1);
  await site.type('471199#');
  assert.deepEqual(site.openSlots(), [FLAT_KEY.slot]);
  await site.advance(minutes(6));
  assert.equal(bench.grants()[0]?.window.end, Date.parse('2026-03-04T18:00:00Z'));

  // Shorter holds at once.
  cloud.changeGrant({ access_grant_id, ends_at: '2026-03-02T12:00:00Z' });
  await bench.round();
  assert.equal(bench.grants()[0]?.window.end, Date.parse('2026-03-02T12:00:00Z'));
});

test('a device that took another code opens by that one, and by no other device’s', async () => {
  await using bench = await seamBench({ seed: 3, at: AT });
  const { site, cloud } = bench;
  const grant = cloud.addGrant({
    user_identity: { full_name: 'Ada' },
    device_ids: [bench.flat, bench.other],
    requested_access_methods: CODE,
    ...STAY,
  });
  await bench.round();
  cloud.otherCode(grant, bench.other, '888777');
  await bench.round();
  await site.type('888777#');
  assert.deepEqual(site.openSlots(), [STORE_KEY.slot]);
  await site.takeKey(STORE_KEY.slot);
  await site.show(STORE_KEY.fob);
  await site.putKey(STORE_KEY.slot, STORE_KEY.fob);
  await site.type('471199#');
  assert.deepEqual(site.openSlots(), [FLAT_KEY.slot]);
  await site.takeKey(FLAT_KEY.slot);
  cloud.deleteGrant(grant.access_grant_id);
  await bench.round();
  const pulses = site.pulseCount;
  await site.type('888777#');
  assert.equal(site.pulseCount, pulses);
});

test('a code that two stays share lives on while one of them does', async () => {
  await using bench = await seamBench({ seed: 4, at: AT });
  const { site, cloud } = bench;
  const person = cloud.addPerson({ full_name: 'Ada' });
  const stay = {
    user_identity_id: person,
    device_ids: [bench.flat],
    requested_access_methods: CODE,
  };
  const first = cloud.addGrant({ ...stay, ...STAY });
  cloud.addGrant({ ...stay, ...STAY, ends_at: '2026-03-03T18:00:00Z' }, first.methods);
  await bench.round();
  assert.equal(bench.grants().length, 2);
  cloud.deleteGrant(first.access_grant_id);
  await bench.round();
  assert.equal(bench.grants().filter(({ revoked }) => revoked === undefined).length, 1);
  await site.type('471199#');
  assert.deepEqual(site.openSlots(), [FLAT_KEY.slot]);
});

test('a page that is cut off, a server that breaks and a doubled read revoke nothing', async () => {
  await using bench = await seamBench({ seed: 5, at: AT, cloud: { pageSize: 2 } });
  const { site, cloud } = bench;
  for (const code of ['471199', '582200', '693311', '704422', '815533']) {
    cloud.addGrant({
      user_identity: { full_name: code },
      device_ids: [bench.flat],
      requested_access_methods: [{ mode: 'code', code }],
      ...STAY,
    });
  }
  await bench.round();
  const isSecondPage = ({ path, body }: { path: string; body: unknown }) =>
    path === '/access_grants/list' && Object(body).page_cursor !== undefined;
  for (const kind of ['cut', 'half', 'lost-answer'] as const) {
    cloud.server.fail({ kind }, isSecondPage);
    await bench.round();
    assert.equal(bench.grants().filter(({ revoked }) => revoked === undefined).length, 5, kind);
  }
  cloud.server.fail({ kind: 'status', status: 503 }, isSecondPage);
  cloud.server.fail({ kind: 'status', status: 429, retryAfter: '20' }, isSecondPage);
  await bench.round();
  assert.equal(cloud.server.faults, 0);
  assert.equal(bench.grants().filter(({ revoked }) => revoked === undefined).length, 5);
  await bench.round();
  assert.ok(bench.part.status.online);
  cloud.server.isAway = true;
  await site.advance(minutes(10));
  assert.equal(bench.part.status.online, false);
  await site.type('471199#');
  assert.deepEqual(site.openSlots(), [FLAT_KEY.slot], 'offline it goes on as it was');
});

test('what is made here for a device of Seam’s is made there once, though the answer is lost, and taken back there', async () => {
  await using bench = await seamBench({ seed: 6, at: AT });
  const { site, cloud } = bench;
  cloud.server.fail({ kind: 'lost-answer' }, ({ path }) => path === '/access_grants/create');
  cloud.server.isAway = true;
  const made = await bench.ask('/access_grants/create', {
    user_identity: { full_name: 'Ada' },
    device_ids: [bench.flat],
    requested_access_methods: CODE,
    ...STAY,
    ends_at: '2026-03-09T18:00:00Z',
  });
  assert.equal(made.status, 200);
  await site.type('471199#');
  assert.deepEqual(site.openSlots(), [FLAT_KEY.slot], 'it works with the internet gone');
  await site.takeKey(FLAT_KEY.slot);
  await site.show(FLAT_KEY.fob);
  await site.putKey(FLAT_KEY.slot, FLAT_KEY.fob);
  assert.equal(bench.part.status.pending, 1);
  cloud.server.isAway = false;
  await site.advance(minutes(15));
  assert.equal(cloud.grants.size, 1);
  assert.equal(bench.grants().length, 1);
  assert.equal(bench.part.status.pending, 0);
  const [theirs] = cloud.grants.values();
  assert.equal(theirs?.requested[0]?.code, '471199');
  assert.equal(Date.parse(theirs?.ends_at ?? ''), Date.parse('2026-03-09T18:00:00Z'));
  const { access_grant_id } = made.body.access_grant;
  assert.equal((await bench.ask('/access_grants/delete', { access_grant_id })).status, 200);
  await bench.round();
  assert.equal(cloud.grants.size, 0);
  const pulses = site.pulseCount;
  await site.type('471199#');
  assert.equal(site.pulseCount, pulses);
});

test('a webhook makes the next reading come at once; a forged or an old one changes nothing', async () => {
  await using bench = await seamBench({ seed: 7, at: AT });
  const { site, cloud, server } = bench;
  const grant = cloud.addGrant({
    user_identity: { full_name: 'Ada' },
    device_ids: [bench.flat],
    requested_access_methods: CODE,
    ...STAY,
  });
  await bench.round();
  assert.equal(bench.grants().length, 1);
  cloud.deleteGrant(grant.access_grant_id);
  const event = cloud.events.find(({ event_type }) => event_type === 'access_grant.deleted');
  assert.ok(event);
  const send = async (call: {
    readonly headers: Readonly<Record<string, string>>;
    readonly body: string;
  }) => {
    const reply = fetch(`${server.url}/hooks/seam`, { method: 'POST', ...call });
    return (await site.settling(reply)).status;
  };
  const before = cloud.server.requests.length;
  const genuine = cloud.webhookCall(event, SECRET);
  // Seam's own verifier takes what the simulated cloud signs; it looks at the machine's clock, so it is given that.
  const skew = Date.now() - site.clock.now();
  const real = cloud.webhookCall(event, SECRET, skew);
  assert.equal(
    Object(new SeamWebhook(SECRET).verify(real.body, real.headers)).event_type,
    event.event_type,
  );
  assert.equal(await send({ ...genuine, body: `${genuine.body} ` }), 401);
  assert.equal(
    await send({ headers: { 'content-type': 'application/json' }, body: genuine.body }),
    401,
  );
  assert.equal(await send(cloud.webhookCall(event, SECRET, -minutes(6))), 401);
  assert.equal(await send(cloud.webhookCall(event, SECRET, minutes(6))), 401);
  assert.equal(cloud.server.requests.length, before);
  assert.equal(await send(cloud.webhookCall(event, SECRET, -minutes(4))), 204);
  await site.advance(1000);
  await site.type('471199#');
  assert.deepEqual(site.openSlots(), []);
  assert.equal(site.last('access.denied').body['reason'], 'revoked');
  const after = cloud.server.requests.length;
  assert.equal(await send(genuine), 204);
  await site.advance(1000);
  assert.equal(cloud.server.requests.length, after, 'a repeated one is known');
});

test('codes at one device go both ways', async () => {
  await using bench = await seamBench({ seed: 8, at: AT });
  const { site, cloud } = bench;
  const theirs = cloud.addCode({ device_id: bench.flat, code: '471199', name: 'Plumber' });
  await bench.round();
  await site.type('471199#');
  assert.deepEqual(site.openSlots(), [FLAT_KEY.slot]);
  await site.takeKey(FLAT_KEY.slot);
  await site.show(FLAT_KEY.fob);
  await site.putKey(FLAT_KEY.slot, FLAT_KEY.fob);
  cloud.deleteCode(theirs.access_code_id);
  const made = await bench.ask('/access_codes/create', { device_id: bench.flat, code: '582200' });
  assert.equal(made.status, 200);
  await bench.round();
  assert.deepEqual(
    [...cloud.codes.values()].map(({ code }) => code),
    ['582200'],
  );
  const pulses = site.pulseCount;
  await site.type('471199#');
  assert.equal(site.pulseCount, pulses);
  const { access_code_id } = made.body.access_code;
  assert.equal((await bench.ask('/access_codes/delete', { access_code_id })).status, 200);
  await bench.round();
  assert.equal(cloud.codes.size, 0);
});

test('a grant that is deleted while it is read is revoked by that very reading; one whose methods are not found for a moment is not', async () => {
  await using bench = await seamBench({ seed: 9, at: AT });
  const { site, cloud } = bench;
  const stay = (code: string) => ({
    user_identity: { full_name: code },
    device_ids: [bench.flat],
    requested_access_methods: [{ mode: 'code', code }],
    ...STAY,
  });
  const grant = cloud.addGrant(stay('471199'));
  await bench.round();
  cloud.changeGrant({ access_grant_id: grant.access_grant_id, name: 'Read again' });
  let isDeleted = false;
  cloud.server.fail({ kind: 'status', status: 500 }, ({ path }) => {
    if (path === '/access_methods/list' && !isDeleted) {
      isDeleted = true;
      cloud.deleteGrant(grant.access_grant_id);
    }
    return false;
  });
  await bench.round();
  assert.ok(isDeleted);
  await site.type('471199#');
  assert.equal(site.last('access.denied').body['reason'], 'revoked');

  const other = cloud.addGrant(stay('582200'));
  await bench.round();
  cloud.changeGrant({ access_grant_id: other.access_grant_id, name: 'Read again' });
  cloud.server.fail({ kind: 'status', status: 404 }, ({ path }) => path === '/access_methods/list');
  await bench.round();
  await site.type('582200#');
  assert.deepEqual(site.openSlots(), [FLAT_KEY.slot]);
  await bench.round();
  assert.ok(bench.part.status.online);
});
