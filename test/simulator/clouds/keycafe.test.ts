/** The simulated Keycafe against what its pages say of the real one (vendor-apis 2.11), by plain HTTP. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SimulatedClock } from '../../../simulator/clock.ts';
import { KeycafeCloud, type KeycafeCloudOptions } from '../../../simulator/clouds/keycafe.ts';
import { seededRandom } from '../../../simulator/random.ts';
import { basic } from '../../daemon/vendors/vendor-site.ts';

const TOKEN = 'anna@example.se/token:t0ken';
const STAY = {
  accessStartDate: '2026-03-02',
  accessStartTime: '09:00',
  accessEndDate: '2026-03-04',
  accessEndTime: '11:00',
};

async function cloudAt(options: Partial<KeycafeCloudOptions> = {}) {
  const clock = new SimulatedClock({ at: '2026-03-02T09:00:00Z' });
  const cloud = new KeycafeCloud({
    clock,
    random: seededRandom(5),
    credentials: TOKEN,
    perMinute: 1000,
    ...options,
  });
  await cloud.server.listen();
  const ask = async (
    method: string,
    path: string,
    body?: object,
    headers: Readonly<Record<string, string>> = basic(TOKEN),
  ) => {
    const reply = await fetch(`${cloud.baseUrl}${path}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await reply.text();
    const shown: ReturnType<typeof JSON.parse> = text === '' ? undefined : JSON.parse(text);
    return { status: reply.status, link: reply.headers.get('link') ?? '', body: shown };
  };
  return { clock, cloud, ask, [Symbol.asyncDispose]: () => cloud[Symbol.asyncDispose]() };
}

test('three forms of Basic; a wrong suffix is 401, and so is a password with two-factor login on', async () => {
  const forms = ['anna@example.se:pass', 'anna@example.se/key:k3y', TOKEN];
  for (const hasTwoFactor of [false, true]) {
    await using opened = await cloudAt({ credentials: forms, hasTwoFactor });
    const statuses = [];
    for (const form of [...forms, 'anna@example.se/key:t0ken', 'anna@example.se/token:pass']) {
      statuses.push((await opened.ask('GET', '/key', undefined, basic(form))).status);
    }
    assert.deepEqual(statuses, [hasTwoFactor ? 401 : 200, 200, 200, 401, 401]);
    const made = await opened.ask('POST', '/authorization', {}, basic(TOKEN));
    const fresh = basic(`anna@example.se/token:${made.body.token}`);
    assert.equal((await opened.ask('GET', '/key', undefined, fresh)).status, 200);
  }
});

test('over 60 requests a minute everything is 429 for one whole minute', async () => {
  await using opened = await cloudAt({ perMinute: 60 });
  const { clock, ask } = opened;
  for (let at = 0; at < 60; at += 1) assert.equal((await ask('GET', '/key')).status, 200);
  assert.equal((await ask('GET', '/key')).status, 429);
  await clock.advance(59_000);
  assert.equal((await ask('GET', '/key')).status, 429);
  await clock.advance(1100);
  assert.equal((await ask('GET', '/key')).status, 200);
});

test('lists are bare arrays of 50 with a Link header that keeps the search', async () => {
  await using opened = await cloudAt();
  const { cloud, ask } = opened;
  const flat = cloud.addKey({ name: 'Flat 3' });
  for (let at = 0; at < 60; at += 1) cloud.addAccess({ ...STAY, name: `Ada ${at}` }, flat.id);
  const first = await ask('GET', `/access?key=${flat.id}`);
  assert.equal(first.body.length, 50);
  const next = /<([^>]*)>; rel="next"/.exec(first.link)?.[1] ?? '';
  const second = await ask('GET', next.replace('/v0', ''));
  assert.equal(second.body.length, 10);
  assert.doesNotMatch(second.link, /rel="next"/);
  assert.match(second.link, /rel="prev"/);
  assert.equal((await ask('GET', '/access?key=1')).body.length, 0);
  assert.equal((await ask('GET', '/access?query=ada%207')).body.length, 1);
});

test('an edit takes bounds, name and reminder of a scheduled access with one key, and adds no zone', async () => {
  await using opened = await cloudAt();
  const { cloud, ask } = opened;
  const [flat, shed] = [cloud.addKey({ name: 'Flat 3' }), cloud.addKey({ name: 'Shed' })];
  const one = cloud.addAccess({ ...STAY, name: 'Ada' }, flat.id);
  const two = cloud.addAccess({ ...STAY, name: 'Ada' }, flat.id, shed.id);
  const ongoing = cloud.addAccess({ name: 'Ada' }, flat.id);
  const put = async (id: number, body: object) => (await ask('PUT', `/access/${id}`, body)).status;
  assert.equal(await put(one.id, { accessEndDate: '2026-03-05', returnReminder: true }), 200);
  assert.equal(await put(one.id, { locale: 'fr' }), 400);
  assert.equal(await put(one.id, { key: { id: shed.id } }), 400);
  assert.equal(await put(one.id, { timeZone: 'Europe/Stockholm' }), 400);
  assert.equal(await put(one.id, { accessEndDate: '2026-03-01' }), 400);
  assert.equal(await put(two.id, { name: 'Eve' }), 400);
  assert.equal(await put(ongoing.id, { name: 'Eve' }), 400);
});

test('an access that has ended vanishes from the lists without an event, by the clock of its zone', async () => {
  await using opened = await cloudAt();
  const { cloud, clock, ask } = opened;
  const flat = cloud.addKey({ name: 'Flat 3' });
  const day = { ...STAY, accessEndDate: '2026-03-02', accessEndTime: '11:00', name: 'Ada' };
  cloud.addAccess(day, flat.id);
  cloud.addAccess({ ...day, timeZone: 'America/New_York' }, flat.id);
  const events = cloud.events.length;
  const count = async () => (await ask('GET', '/access')).body.length;
  assert.equal(await count(), 2);
  await clock.advance(3_700_000);
  assert.equal(await count(), 1, 'it is past eleven in Stockholm');
  await clock.advance(6 * 3_600_000);
  assert.equal(await count(), 0);
  assert.equal(cloud.events.length, events);
});

test('a key is somewhere or with somebody; a drop-off moves its home, and one that does not roam goes home only', async () => {
  await using opened = await cloudAt();
  const { cloud, ask } = opened;
  const made = await ask('POST', '/key', { name: 'Flat 3', description: 'd', roaming: false });
  assert.equal(made.body.description, 'd');
  const key = cloud.keys.get(made.body.id);
  assert.ok(key);
  assert.deepEqual(made.body.currentUser, { id: 1 });
  assert.equal((await ask('PUT', `/key/${key.id}`, { homeLocation: { id: 4 } })).status, 200);
  assert.throws(() => cloud.dropOff(key, 5), /key\.exchange\.error\.location/);
  cloud.dropOff(key, 4);
  const [shown] = (await ask('GET', '/key')).body;
  assert.deepEqual(shown.currentLocation, { id: 4 });
  assert.equal(shown.currentUser, undefined);
  const moved = await ask('PUT', `/key/${key.id}`, { homeLocation: { id: 5 } });
  assert.equal(moved.body.error.errorId, 'key.homeLocation.invalid', 'only while it is out');
  assert.equal((await ask('PUT', `/key/${key.id}/exchange`)).status, 200);
  assert.equal(key.location, undefined);
});

test('a message is told in the caller’s language, its id in none', async () => {
  await using opened = await cloudAt();
  const asked = (language: string) =>
    opened.ask('GET', '/access/7', undefined, { ...basic(TOKEN), 'accept-language': language });
  const [english, french] = [(await asked('en-US')).body.error, (await asked('fr_ca')).body.error];
  assert.equal(english.errorId, french.errorId);
  assert.notEqual(english.errorMessage, french.errorMessage);
});

test('bins, releases, events and what is not there answer as documented', async () => {
  await using opened = await cloudAt();
  const { cloud, clock, ask } = opened;
  const flat = cloud.addKey({ name: 'Flat 3' });
  const [bin = 0] = cloud.boxes.addLocation(
    { id: 1, name: 'Lobby', timezone: 'Europe/Stockholm' },
    3,
  );
  assert.equal((await ask('PUT', `/bin/${bin}`, { key: { id: flat.id } })).status, 200);
  const [first] = (await ask('GET', '/bin')).body;
  assert.deepEqual(first.key, { id: flat.id });
  assert.equal(flat.location, 1);
  const release = (await ask('POST', '/release', { bin: { id: bin } })).body;
  assert.equal(release.completed, false);
  cloud.boxes.press(release.id);
  assert.equal((await ask('GET', `/release/${release.id}`)).body.completed, true);
  const late = (await ask('POST', '/release', { bin: { id: bin } })).body;
  await clock.advance(21_000);
  assert.equal((await ask('GET', `/release/${late.id}`)).body.expired, true);
  assert.equal((await ask('GET', '/event')).status, 400);
  assert.equal((await ask('GET', `/event?key=${flat.id}`)).body[0].type, 'DROPOFF');
  assert.equal((await ask('GET', '/nothing')).body.error.errorId, 'operation.notFound');
});

test('faults are had for the asking: no answer, half of one, and a wrong time', async () => {
  await using opened = await cloudAt({ skew: 3_600_000 });
  const { cloud, ask, clock } = opened;
  cloud.addAccess({ ...STAY, name: 'Ada' }, cloud.addKey({ name: 'Flat 3' }).id);
  assert.equal(Date.parse(cloud.events[0]?.dateCreated ?? '') - clock.now(), 3_600_000);
  cloud.server.fail({ kind: 'half' });
  await assert.rejects(ask('GET', '/access'));
  cloud.server.fail({ kind: 'status', status: 429, retryAfter: '7' });
  assert.equal((await ask('GET', '/access')).status, 429);
  cloud.server.latency = 500;
  let isAnswered = false;
  const slow = ask('GET', '/access').then((reply) => {
    isAnswered = true;
    return reply;
  });
  while (clock.waiting === 0) await new Promise((turn) => setImmediate(turn));
  assert.equal(isAnswered, false);
  await clock.advance(500);
  assert.equal((await slow).status, 200);
});
