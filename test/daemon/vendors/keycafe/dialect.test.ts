/** Field by field from Keycafe's pages; what is only inferred stands in `inferred.test.ts`. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FLAT_KEY } from '../../../site.ts';
import { basic } from '../vendor-site.ts';
import { type Bench, keycafeBench, SECRET } from './bench.ts';

const headers = basic(SECRET);
const STAY = {
  accessStartDate: '2026-03-02',
  accessStartTime: '09:00',
  accessEndDate: '2026-03-04',
  accessEndTime: '11:00',
};

async function offline(seed: number, places = {}): Promise<Bench> {
  const bench = await keycafeBench({ seed, places });
  bench.cloud.server.isAway = true;
  return bench;
}

function post({ server }: Bench, path: string, body: unknown, more = {}) {
  return server.ask(`/keycafe/v0${path}`, {
    method: 'POST',
    headers: { ...headers, ...more },
    body,
  });
}

test('an access has every field of the page, with its default', async () => {
  await using bench = await offline(21);
  const key = { id: bench.flat.id };
  const { status, body } = await post(bench, '/access', {
    ...STAY,
    key,
    timeZone: 'Europe/Stockholm',
    user: { email: 'ada@example.se', mobile: '+46 70 123 45 67' },
    name: 'Ada',
    locale: 'fr',
  });
  assert.equal(status, 200);
  const { id, bookingCode, key: named, ...rest } = body;
  assert.ok(Number.isSafeInteger(id));
  assert.match(bookingCode, /^\d{8}$/);
  assert.deepEqual(named, { id: bench.flat.id, name: 'Flat 3' });
  assert.deepEqual(rest, {
    ...STAY,
    timeZone: 'Europe/Stockholm',
    returnReminder: false,
    allowSetup: false,
    suppressGuestNotifications: false,
    name: 'Ada',
    locale: 'fr',
    user: { email: 'ada@example.se', mobile: '46701234567' },
  });
});

test('a repeated call with its key gets the same access and the same code', async () => {
  await using bench = await offline(22);
  const ask = () =>
    post(
      bench,
      '/access',
      { ...STAY, key: { id: bench.flat.id }, name: 'Ada' },
      { 'idempotency-key': 'r-1' },
    );
  assert.deepEqual((await ask()).body, (await ask()).body);
  assert.equal(bench.site.daemon.desk.grants.count('keycafe'), 1);
});

test('no bounds mean ongoing; the deprecated ones count where the others are missing', async () => {
  await using bench = await offline(23);
  const key = { id: bench.flat.id };
  const ongoing = await post(bench, '/access', { key, name: 'Ada' });
  assert.equal(ongoing.status, 200);
  assert.equal('accessStartDate' in ongoing.body, false);
  const older = await post(bench, '/access', {
    key,
    name: 'Ben',
    startDate: '2026-03-02T08:00:00Z',
    endDate: '2026-03-02T10:30:00Z',
  });
  assert.equal(older.body.accessEndTime, '11:30');
});

const WRONG: readonly (readonly [what: string, body: object, status: number, errorId: string])[] = [
  ['no key', { name: 'A', key: undefined }, 400, 'key.required'],
  ['a key that is not there', { name: 'A', key: { id: 1 } }, 404, 'key.notFound'],
  ['a locale of no list', { name: 'A', locale: 'sv' }, 400, 'access.locale.invalid'],
  [
    'a date that is none',
    { name: 'A', accessStartDate: '2026-3-2' },
    400,
    'access.accessStartDate.invalid',
  ],
  [
    'a time that is none',
    { name: 'A', accessEndTime: '24:30' },
    400,
    'access.accessEndTime.invalid',
  ],
  [
    'deprecated dates with milliseconds',
    { name: 'A', startDate: '2026-03-02T08:00:00.000Z' },
    400,
    'access.startDate.invalid',
  ],
  [
    'an end before its start',
    { name: 'A', ...STAY, accessEndDate: '2026-03-01' },
    400,
    'access.dates.invalid',
  ],
  ['neither user nor name', {}, 400, 'access.name.required'],
  [
    'a zone that is none',
    { name: 'A', ...STAY, timeZone: 'Europe/Nowhere' },
    400,
    'access.timeZone.invalid',
  ],
];

for (const [what, body, status, errorId] of WRONG) {
  test(`an access with ${what} is refused as Keycafe refuses`, async () => {
    await using bench = await offline(24);
    const reply = await post(bench, '/access', { key: { id: bench.flat.id }, ...body });
    assert.equal(reply.status, status);
    assert.equal(reply.body.error.errorId, errorId);
    assert.equal(typeof reply.body.error.errorMessage, 'string');
    assert.equal(bench.site.daemon.desk.grants.count('keycafe'), 0);
  });
}

const KEY_LIMITS: readonly (readonly [field: string, value: unknown, errorId: string])[] = [
  ['name', '', 'key.name.required'],
  ['name', undefined, 'key.name.required'],
  ['description', 'x'.repeat(61), 'key.description.maxSize.exceeded'],
  ['notes', 'x'.repeat(101), 'key.notes.maxSize.exceeded'],
  ['pickupNote', 'x'.repeat(241), 'key.pickupNote.maxSize.exceeded'],
  ['code', '123', 'key.code.invalid'],
  ['code', '1'.repeat(17), 'key.code.invalid'],
  ['serialNumber', '!', 'key.serialNumber.invalid'],
  ['serialNumber', FLAT_KEY.fob, 'key.serialNumber.taken'],
  ['homeLocation', { id: 4711 }, 'key.homeLocation.invalid'],
];

test('a key is refused beyond each limit, and taken at it', async () => {
  await using bench = await offline(25, { keyCodes: true });
  for (const [field, value, errorId] of KEY_LIMITS) {
    const reply = await post(bench, '/key', { name: 'Cellar', virtual: true, [field]: value });
    assert.equal(reply.status, 400, `${field} ${String(value)}`);
    assert.equal(reply.body.error.errorId, errorId);
  }
  const whole = {
    name: 'Cellar',
    description: 'x'.repeat(60),
    notes: 'x'.repeat(100),
    pickupNote: 'x'.repeat(240),
    address: 'Hamngatan 1',
    virtual: true,
    code: '0042',
    roaming: false,
    homeLocation: { id: 1 },
  };
  const { status, body } = await post(bench, '/key', whole);
  assert.equal(status, 200);
  const { id, homeLocation, serialNumber, ...rest } = body;
  assert.ok(Number.isSafeInteger(id));
  assert.equal(serialNumber, null);
  assert.equal(homeLocation.id, 1);
  const { homeLocation: _home, ...given } = whole;
  assert.deepEqual(rest, given);
});

test('a new key roams, is of metal, and without a code', async () => {
  await using bench = await offline(26);
  const { body } = await post(bench, '/key', { name: 'Shed' });
  assert.equal(body.roaming, true);
  assert.equal(body.virtual, false);
  assert.equal('code' in body, false);
  assert.equal('currentLocation' in body || 'currentUser' in body, false);
});

test('a key that is checked in has a location, one that is out has a user, and never both', async () => {
  await using bench = await offline(27);
  const { site, server, flat } = bench;
  const path = `/keycafe/v0/key/${flat.id}`;
  const inside = (await server.ask(path, { headers })).body;
  assert.equal(inside.currentLocation.id, 1);
  assert.equal('currentUser' in inside, false);
  const made = await post(bench, '/access', { key: { id: flat.id }, name: 'Ada' });
  await site.type(`${made.body.bookingCode}#`);
  await site.takeKey(FLAT_KEY.slot);
  const outside = (await server.ask(path, { headers })).body;
  assert.equal('currentLocation' in outside, false);
  assert.ok(outside.currentUser.id);
});

test('an edit takes only the fields of the page, of a scheduled access, and adds no zone', async () => {
  await using bench = await offline(28);
  const key = { id: bench.flat.id };
  const put = (id: number, body: object) =>
    bench.server.ask(`/keycafe/v0/access/${id}`, { method: 'PUT', headers, body });
  const floating = (await post(bench, '/access', { ...STAY, key, name: 'Ada' })).body;
  const edited = await put(floating.id, {
    accessEndTime: '12:00',
    name: 'Ada L',
    returnReminder: true,
  });
  assert.equal(edited.status, 200);
  assert.deepEqual(
    [
      edited.body.accessEndTime,
      edited.body.name,
      edited.body.returnReminder,
      edited.body.bookingCode,
    ],
    ['12:00', 'Ada L', true, floating.bookingCode],
  );
  for (const field of ['key', 'user', 'locale', 'allowSetup']) {
    assert.equal((await put(floating.id, { [field]: null })).status, 400, field);
  }
  assert.equal((await put(floating.id, { timeZone: 'Europe/Stockholm' })).status, 400);
  const ongoing = (await post(bench, '/access', { key, name: 'Ben' })).body;
  assert.equal((await put(ongoing.id, { name: 'C' })).status, 400);
  assert.equal((await put(1, { name: 'C' })).status, 404);
});

test('a cancelled access opens nothing, is told as pending to nobody, and its key may come back', async () => {
  await using bench = await offline(29);
  const { site, server, flat } = bench;
  const made = (await post(bench, '/access', { key: { id: flat.id }, name: 'Ada' })).body;
  await site.type(`${made.bookingCode}#`);
  await site.takeKey(FLAT_KEY.slot);
  const path = `/keycafe/v0/access/${made.id}`;
  assert.equal((await server.ask(path, { method: 'DELETE', headers })).status, 200);
  assert.equal((await server.ask(path, { headers })).status, 404);
  assert.equal((await server.ask(path, { method: 'DELETE', headers })).status, 404);
  const granted = site.types('access').filter((type) => type === 'access.granted').length;
  await site.show(FLAT_KEY.fob);
  assert.equal(
    site.types('access').filter((type) => type === 'access.granted').length,
    granted + 1,
  );
  const [slot] = site.openSlots();
  assert.ok(slot !== undefined);
  await site.putKey(slot, FLAT_KEY.fob);
  await site.type(`${made.bookingCode}#`);
  assert.match(String(site.last('access.denied').body['reason']), /revoked/);
});

test('lists have 50 on a page, a bare array and a Link header', async () => {
  await using bench = await offline(30);
  for (let at = 0; at < 51; at += 1) {
    await bench.site.advance(1200);
    const made = await post(bench, '/access', {
      ...STAY,
      key: { id: bench.flat.id },
      name: `Guest ${at}`,
    });
    assert.equal(made.status, 200);
  }
  await bench.site.advance(60_000);
  const first = await bench.server.ask('/keycafe/v0/access', { headers });
  assert.equal(first.body.length, 50);
  assert.match(first.headers.get('link') ?? '', /page=2>; rel="next"/);
  const second = await bench.server.ask('/keycafe/v0/access?page=2', { headers });
  assert.equal(second.body.length, 1);
  assert.doesNotMatch(second.headers.get('link') ?? '', /rel="next"/);
  const found = await bench.server.ask('/keycafe/v0/access?query=guest%2050', { headers });
  assert.equal(found.body.length, 1);
});

test('the wrong credentials get 401, and too many requests a whole minute of 429', async () => {
  await using bench = await offline(31);
  const ask = (secret: string) => bench.server.ask('/keycafe/v0/key', { headers: basic(secret) });
  for (const wrong of ['anna@example.se:t0ken', 'anna@example.se/key:t0ken', ':']) {
    const reply = await ask(wrong);
    assert.equal(reply.status, 401);
    assert.equal(reply.body.error.errorId, 'unauthorized');
  }
  for (let at = 0; at < 60; at += 1) assert.equal((await ask(SECRET)).status, 200);
  assert.equal((await ask(SECRET)).status, 429);
  await bench.site.advance(59_000);
  assert.equal((await ask(SECRET)).status, 429);
  await bench.site.advance(1100);
  assert.equal((await ask(SECRET)).status, 200);
});

test('events want a search property, and tell pick-ups newest first', async () => {
  await using bench = await offline(32);
  const { site, server, flat } = bench;
  assert.equal((await server.ask('/keycafe/v0/event', { headers })).status, 400);
  const made = (await post(bench, '/access', { key: { id: flat.id }, name: 'Ada' })).body;
  await site.type(`${made.bookingCode}#`);
  await site.takeKey(FLAT_KEY.slot);
  const events = (await server.ask(`/keycafe/v0/event?key=${flat.id}`, { headers })).body;
  assert.equal(events[0].type, 'PICKUP');
  assert.equal(events[0].key.id, flat.id);
});

test('no vendor makes staff of anybody', async () => {
  await using bench = await offline(33);
  await post(bench, '/access', {
    key: { id: bench.flat.id },
    name: 'Ada',
    staff: true,
    options: { staff: true },
  });
  const [stored] = bench.site.daemon.desk.grants.list({ source: 'keycafe', limit: 1 });
  assert.equal(stored?.grant.options.staff, undefined);
});
