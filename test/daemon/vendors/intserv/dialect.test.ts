/** Field by field from IntServ's pages; what is only inferred stands in `inferred.test.ts`. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FLAT_KEY } from '../../../site.ts';
import { AUTH, intservBench, LEVEL } from './bench.ts';

const CARD = '1F00644BB6';
const PERSON = {
  id: '0f5f5b3e-8a2a-4c56-8d5b-6c1f0f3a9b11',
  first_name: 'Ada',
  last_name: 'Lovelace',
};

test('an access key has every field of the page, and its PIN is not echoed', async () => {
  await using bench = await intservBench({ seed: 51 });
  bench.cloud.server.isAway = true;
  const { status, body } = await bench.post('/accesskeys/add', {
    key: { identification: `0x${CARD}`, type: 'proximity' },
    pin: '0042',
    valid_from_date: '2026-03-01T06:00:00Z',
    valid_to_date: '2027-03-01T06:00:00Z',
    access_levels: [LEVEL],
    person: PERSON,
  });
  assert.equal(status, 200);
  const { id, ...rest } = body;
  assert.match(id, /^[0-9a-f-]{36}$/);
  assert.deepEqual(rest, {
    key: { identification: `0x${CARD}`, type: 'proximity' },
    valid_from_date: '2026-03-01T06:00:00Z',
    valid_to_date: '2027-03-01T06:00:00Z',
    access_levels: [LEVEL],
    person: PERSON,
  });
});

test('a proximity key opens by the card alone, and with a pin only by both', async () => {
  await using bench = await intservBench({ seed: 52 });
  const { site } = bench;
  bench.cloud.server.isAway = true;
  const key = { identification: `EM:0x${CARD}`, type: 'proximity' };
  await bench.post('/accesskeys/add', { key, access_levels: [LEVEL] });
  await site.show(CARD);
  assert.equal(site.last('access.granted').body['slot'], FLAT_KEY.slot);
  await site.advance(30_000);
  const changed = await bench.post('/accesskeys/add', { key, pin: '0042' });
  assert.equal(changed.status, 200);
  const pulses = site.pulseCount;
  await site.type('0042#');
  assert.equal(site.pulseCount, pulses, 'four digits alone open nothing');
  await site.show(CARD);
  assert.equal(site.pulseCount, pulses, 'the card alone opens nothing');
  await site.type('0042#');
  assert.equal(site.pulseCount, pulses + 1);
});

test('a code stands instead of a card; one that is not given is drawn and told', async () => {
  await using bench = await intservBench({ seed: 53 });
  const { site } = bench;
  bench.cloud.server.isAway = true;
  const { body } = await bench.post('/accesskeys/add', {
    key: { type: 'code' },
    access_levels: [LEVEL],
  });
  assert.match(body.key.identification, /^\d{6}$/);
  await site.type(`${body.key.identification}#`);
  assert.equal(site.last('access.granted').body['slot'], FLAT_KEY.slot);
  assert.equal(body.valid_from_date, null);
  assert.equal(body.valid_to_date, null);
  assert.equal(typeof body.person.first_name, 'string');
});

test('the same key in another way of writing is the same access key; another id is none', async () => {
  await using bench = await intservBench({ seed: 54 });
  bench.cloud.server.isAway = true;
  const add = (body: object) => bench.post('/accesskeys/add', body);
  const first = await add({
    key: { identification: '0001234567890', type: 'proximity' },
    person: PERSON,
  });
  const second = await add({
    key: { identification: '0x00499602d2', type: 'proximity' },
    access_levels: [LEVEL],
    person: { first_name: 'Eve' },
  });
  assert.equal(second.body.id, first.body.id);
  assert.deepEqual(second.body.person, PERSON, 'the person is ignored on an update');
  const byId = await add({ id: first.body.id, valid_to_date: '2027-01-01T00:00:00Z' });
  assert.equal(byId.body.id, first.body.id);
  assert.deepEqual(byId.body.access_levels, [LEVEL]);
  const code = await add({ key: { identification: '1234567890', type: 'code' } });
  assert.notEqual(code.body.id, first.body.id);
  const other = await add({ id: 'b2a7b1de-55d5-4c7b-9be3-2f8d64f8a111', key: { type: 'code' } });
  assert.equal(other.status, 400);
  assert.equal(bench.site.daemon.desk.grants.count('intserv'), 2);
});

const WRONG: readonly (readonly [what: string, body: object])[] = [
  [
    'a pin of three digits',
    { key: { identification: '0001234567890', type: 'proximity' }, pin: '123' },
  ],
  [
    'a pin of five digits',
    { key: { identification: '0001234567890', type: 'proximity' }, pin: '12345' },
  ],
  ['a type of no list', { key: { identification: '1', type: 'face' } }],
  ['no key', {}],
  ['a card number of no length', { key: { identification: '12345', type: 'proximity' } }],
  ['a first name of 33', { key: { type: 'code' }, person: { first_name: 'x'.repeat(33) } }],
  ['a last name of 33', { key: { type: 'code' }, person: { last_name: 'x'.repeat(33) } }],
  ['a level that is no UUID', { key: { type: 'code' }, access_levels: ['residents'] }],
  ['an id that is no UUID', { id: '1', key: { type: 'code' } }],
  ['a date that is none', { key: { type: 'code' }, valid_from_date: '2026-03-01' }],
];

test('what the page forbids is refused with 400, and nothing is stored', async () => {
  await using bench = await intservBench({ seed: 55 });
  bench.cloud.server.isAway = true;
  for (const [what, body] of WRONG) {
    assert.equal((await bench.post('/accesskeys/add', body)).status, 400, what);
  }
  assert.equal(bench.site.daemon.desk.grants.count('intserv'), 0);
  const names = { first_name: 'x'.repeat(32), last_name: 'y'.repeat(32) };
  assert.equal(
    (await bench.post('/accesskeys/add', { key: { type: 'code' }, person: names })).status,
    200,
  );
});

test('removed by id or by key it answers 204 and opens nothing', async () => {
  await using bench = await intservBench({ seed: 56 });
  const { site } = bench;
  bench.cloud.server.isAway = true;
  const key = { identification: `EM:0x${CARD}`, type: 'proximity' };
  for (const by of ['id', 'key'] as const) {
    const { body } = await bench.post('/accesskeys/add', { key, access_levels: [LEVEL] });
    const removed = await bench.post('/accesskeys/remove', by === 'id' ? { id: body.id } : { key });
    assert.equal(removed.status, 204);
    assert.equal(removed.body, undefined);
    await site.show(CARD);
    assert.equal(site.pulseCount, 0);
  }
});

test('without levels it is NotApplied, with one Applied at this site', async () => {
  await using bench = await intservBench({ seed: 57 });
  bench.cloud.server.isAway = true;
  const { body } = await bench.post('/accesskeys/add', { key: { type: 'code' } });
  const status = async () => (await bench.post('/accesskeys/status', { id: body.id })).body;
  assert.deepEqual(await status(), {
    status: 'NotApplied',
    systems_where_applied: [],
    systems_where_pending: [],
    systems_where_failed: [],
  });
  await bench.post('/accesskeys/add', { id: body.id, access_levels: [LEVEL] });
  const applied = await status();
  assert.equal(applied.status, 'Applied');
  assert.equal(applied.systems_where_applied[0].system_id, 'harbour-12');
});

test('levels are listed with id, name and system', async () => {
  await using bench = await intservBench({ seed: 58 });
  const { body } = await bench.post('/accesslevels/list', {});
  assert.deepEqual(body.levels[0], { id: LEVEL, name: 'residents', system_id: 'harbour-12' });
  assert.equal(body.levels[1].name, 'staff');
  assert.match(body.levels[1].id, /^[0-9a-f]{8}-/);
});

test('events tell what was granted and denied, page by page', async () => {
  await using bench = await intservBench({ seed: 59 });
  const { site } = bench;
  bench.cloud.server.isAway = true;
  const { body: made } = await bench.post('/accesskeys/add', {
    key: { identification: '004211', type: 'code' },
    access_levels: [LEVEL],
    person: PERSON,
  });
  await site.type('004211#');
  await site.advance(20_000);
  await site.type('771200#');
  const all = (await bench.post('/events/list', {})).body;
  assert.deepEqual(
    all.events.map(({ type, key_id }: { type: number; key_id: string | null }) => [type, key_id]),
    [
      [101, made.id],
      [201, null],
    ],
  );
  assert.deepEqual(all.events[0].key, { identification: '004211', type: 'code' });
  assert.equal(all.has_more, false);
  const first = (await bench.post('/events/list', { limit: 1 })).body;
  assert.equal(first.has_more, true);
  const second = (
    await bench.post('/events/list', { limit: 1, continuation_key: first.continuation_key })
  ).body;
  assert.equal(second.events[0].type, 201);
  const denied = (await bench.post('/events/list', { include_access_denied: true })).body;
  assert.deepEqual(
    denied.events.map(({ type }: { type: number }) => type),
    [201],
  );
  assert.equal((await bench.post('/events/list', { limit: 1001 })).status, 400);
});

test('another key than the integration’s gets 401', async () => {
  await using bench = await intservBench({ seed: 60 });
  for (const headers of [
    {},
    { authorization: 'Bearer wrong' },
    { authorization: `Basic ${AUTH.authorization}` },
  ]) {
    const reply = await bench.server.ask('/intserv/v1/accesslevels/list', {
      method: 'POST',
      headers,
      body: {},
    });
    assert.equal(reply.status, 401);
  }
});
