/** The simulated IntServ against what its pages say of the real one (vendor-apis 4.8), by plain HTTP. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SimulatedClock } from '../../../simulator/clock.ts';
import { IntservCloud, type IntservCloudOptions } from '../../../simulator/clouds/intserv.ts';
import { seededRandom } from '../../../simulator/random.ts';

const KEY = 'integration-key-1';
const LEVELS = [
  '5a1c7d2e-0f4b-4c58-9a67-1b2c3d4e5f60',
  '5a1c7d2e-0f4b-4c58-9a67-1b2c3d4e5f61',
] as const;

async function cloudAt(options: Partial<IntservCloudOptions> = {}) {
  const clock = new SimulatedClock({ at: '2026-03-02T09:00:00Z' });
  const cloud = new IntservCloud({ clock, random: seededRandom(5), apiKey: KEY, ...options });
  await cloud.server.listen();
  const post = async (path: string, body: object = {}, key = KEY) => {
    const reply = await fetch(`${cloud.baseUrl}${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}` },
      body: JSON.stringify(body),
    });
    const text = await reply.text();
    const shown: ReturnType<typeof JSON.parse> = text === '' ? undefined : JSON.parse(text);
    return { status: reply.status, body: shown };
  };
  return { clock, cloud, post, [Symbol.asyncDispose]: () => cloud[Symbol.asyncDispose]() };
}

const card = (identification: string) => ({ key: { identification, type: 'proximity' } });

test('one key is one integration: a new one revokes the old at once; the app’s own key is for its flows', async () => {
  await using opened = await cloudAt({ appKey: 'app-1' });
  const { cloud, post } = opened;
  assert.equal((await post('/accesslevels/list')).status, 200);
  cloud.regenerate('integration-key-2');
  assert.equal((await post('/accesslevels/list')).status, 401);
  assert.equal((await post('/accesslevels/list', {}, 'integration-key-2')).status, 200);
  assert.equal((await post('/appflows/auth_integration', {}, 'integration-key-2')).status, 401);
  assert.equal((await post('/appflows/auth_integration', {}, 'app-1')).status, 200);
});

test('add is an upsert by id, then by the number of the key however it is written; names are generated', async () => {
  await using opened = await cloudAt();
  const { cloud, post } = opened;
  const made = (await post('/accesskeys/add', { ...card('0001234567890'), pin: '4211' })).body;
  assert.equal(made.pin, undefined, 'the PIN is not echoed');
  assert.match(made.person.first_name, /\S/);
  assert.match(made.person.last_name, /\S/);
  const again = (await post('/accesskeys/add', card('0x00499602d2'))).body;
  assert.equal(again.id, made.id);
  const edited = (
    await post('/accesskeys/add', { id: made.id, valid_to_date: '2027-03-01T06:00:00Z' })
  ).body;
  assert.equal(edited.valid_to_date, '2027-03-01T06:00:00Z');
  assert.equal(cloud.keys.size, 1);
  assert.equal((await post('/accesskeys/add', { ...card('1'), pin: '12345' })).status, 400);
  const composite = (await post('/accesskeys/add', card('EM:7|MC:9'))).body;
  assert.equal((await post('/accesskeys/add', card('MC:0009|EM:07'))).body.id, composite.id);
});

test('a change spreads system by system, in part, late or not at all; without levels it is not applied', async () => {
  await using opened = await cloudAt({
    systems: [
      { id: 'fast', delay: 1000 },
      { id: 'slow', delay: 60_000 },
    ],
  });
  const { cloud, clock, post } = opened;
  cloud.addLevel(LEVELS[0], 'Residents', 'fast');
  cloud.addLevel(LEVELS[1], 'Cellar', 'slow');
  const { id } = (await post('/accesskeys/add', { ...card('EM:7'), access_levels: LEVELS })).body;
  const status = async () => (await post('/accesskeys/status', { id })).body;
  assert.equal((await status()).status, 'Pending');
  await clock.advance(2000);
  const partly = await status();
  assert.equal(partly.status, 'PartiallyApplied');
  assert.equal(partly.systems_where_applied[0].system_id, 'fast');
  assert.equal(partly.systems_where_pending[0].system_id, 'slow');
  await clock.advance(60_000);
  assert.equal((await status()).status, 'Applied');
  for (const system of cloud.systems) system.fails = 'CodeNotEnabled';
  const failed = await status();
  assert.equal(failed.status, 'Failed');
  assert.equal(failed.systems_where_failed[0].error_type, 'CodeNotEnabled');
  await post('/accesskeys/add', { id, access_levels: [] });
  assert.equal((await status()).status, 'NotApplied');
});

test('a code longer than a system takes is cut from the left there, so that two can be one', async () => {
  await using opened = await cloudAt({ systems: [{ id: 'short', delay: 0, codeMost: 4 }] });
  const { cloud, post } = opened;
  for (const identification of ['114211', '224211']) {
    await post('/accesskeys/add', { key: { identification, type: 'code' } });
  }
  const [system] = cloud.systems;
  assert.ok(system);
  const codes = [...cloud.keys.values()].map((key) => cloud.effectiveCode(key, system));
  assert.deepEqual(codes, ['4211', '4211']);
});

test('events are complete up to least_sync_time only, in pages, by system and by kind', async () => {
  await using opened = await cloudAt({ pageMost: 4 });
  const { cloud, clock, post } = opened;
  const begun = clock.now();
  for (let at = 0; at < 6; at += 1) {
    cloud.happen({ at: begun - 60_000 + at, system_id: 'fast', type: at < 4 ? 102 : 201 });
  }
  cloud.happen({ at: begun - 120_000, system_id: 'slow' });
  cloud.syncedTo.set('slow', begun - 300_000);
  const first = (await post('/events/list')).body;
  assert.equal(first.events.length, 4);
  assert.equal(first.has_more, true);
  assert.equal(Date.parse(first.least_sync_time), begun - 300_000);
  const next = { continuation_key: first.continuation_key };
  const second = (await post('/events/list', next)).body;
  assert.equal(second.events.length, 2);
  assert.equal(second.has_more, false);
  const denied = (await post('/events/list', { include_access_denied: true })).body;
  assert.equal(denied.events.length, 2);
  cloud.syncedTo.set('slow', begun);
  const late = (await post('/events/list', { systems: ['slow'] })).body;
  assert.equal(late.events.length, 1, 'older than what was seen, and told only now');
  assert.equal((await post('/events/list', { limit: 1001 })).status, 400);
});

test('remove answers 204 without a body, by id or by key', async () => {
  await using opened = await cloudAt();
  const { cloud, post } = opened;
  const { id } = (await post('/accesskeys/add', card('EM:7'))).body;
  await post('/accesskeys/add', card('EM:8'));
  assert.deepEqual(await post('/accesskeys/remove', { id }), { status: 204, body: undefined });
  assert.equal((await post('/accesskeys/remove', card('EM:8'))).status, 204);
  assert.equal(cloud.keys.size, 0);
});
