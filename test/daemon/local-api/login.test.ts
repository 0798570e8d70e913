import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Accounts } from '../../../daemon/local-api/accounts.ts';
import { storedToken, writeTokens } from '../../../daemon/local-api/tokens.ts';
import { instant } from '../../../drivers/contract/time.ts';
import { seededRandom } from '../../../simulator/random.ts';
import { ApiBench, type Call } from './bench.ts';

const PASSWORD = 'a boat in the harbour';

/** Logs in, or sets up, and gives what the cookie holds. */
async function sessionFrom(bench: ApiBench, path: string, body: object): Promise<string> {
  const { status, headers } = await bench.raw('POST', path, { as: 'nobody', body });
  assert.equal(status, 200);
  const cookie = headers?.['set-cookie'] ?? '';
  assert.match(cookie, /^latchkey_session=[A-Za-z0-9_-]{43}; Path=\/; HttpOnly; SameSite=Strict$/);
  return /=([^;]+)/.exec(cookie)?.[1] ?? '';
}

async function following(bench: ApiBench, call: Call): Promise<AsyncIterator<string>> {
  const { body: stream } = await bench.raw('GET', '/api/v1/events', call);
  assert.ok(typeof stream === 'object' && Symbol.asyncIterator in stream);
  const iterator = stream[Symbol.asyncIterator]();
  assert.match((await iterator.next()).value, /^retry: /);
  return iterator;
}

/** Past what only says that the stream stands. */
async function nextEntry(bench: ApiBench, stream: AsyncIterator<string>) {
  for (;;) {
    const next = await bench.site.settling(stream.next());
    if (next.done === true || !next.value.startsWith(':')) return next;
  }
}

function setUp(bench: ApiBench): Promise<string> {
  const code = bench.accounts.setupCode ?? '';
  return sessionFrom(bench, '/api/v1/setup', { code, name: 'anna', password: PASSWORD });
}

test('there is no default password: the first account needs the setup code, which is good once', async () => {
  await using bench = await ApiBench.open();
  assert.equal((await bench.call('GET', '/api/v1/setup', { as: 'nobody' })).body.done, false);
  const code = bench.accounts.setupCode ?? '';
  const ask = (body: object) => bench.call('POST', '/api/v1/setup', { as: 'nobody', body });
  assert.equal((await ask({ code: 'AAAA', name: 'anna', password: PASSWORD })).status, 401);
  assert.equal((await ask({ code, name: 'anna', password: 'short' })).body.error.field, 'password');
  const typed = code.toLowerCase().replace(/(.{4})(?!$)/g, '$1-');
  const session = await sessionFrom(bench, '/api/v1/setup', {
    code: typed,
    name: 'anna',
    password: PASSWORD,
  });
  assert.deepEqual((await bench.call('GET', '/api/v1/me', { session })).body, {
    name: 'anna',
    scope: 'admin',
  });
  assert.equal((await ask({ code, name: 'bert', password: PASSWORD })).status, 409);
});

test('a session does what its account may, in its own name, until it is over', async () => {
  await using bench = await ApiBench.open();
  await setUp(bench);
  const made = await bench.call('PUT', '/api/v1/accounts/bert', {
    body: { scope: 'operate', password: PASSWORD },
  });
  assert.equal(made.status, 200);
  const login = { name: 'bert', password: PASSWORD };
  const session = await sessionFrom(bench, '/api/v1/login', login);
  const by = (call: Call = {}): Call => ({ session, body: {}, ...call });
  assert.equal((await bench.call('GET', '/api/v1/status', by())).status, 200);
  assert.equal((await bench.call('DELETE', '/api/v1/grants/g', by())).status, 403);
  await bench.call('PUT', '/api/v1/keys/flat-3/place', by({ body: { kind: 'lost' } }));
  assert.equal(bench.site.last('access.corrected').body['by'], 'panel:bert');

  await bench.site.advance(14 * 60_000);
  assert.equal((await bench.call('GET', '/api/v1/me', by())).status, 200, 'in use');
  await bench.site.advance(15 * 60_000);
  assert.equal(
    (await bench.call('GET', '/api/v1/me', by())).status,
    401,
    'idle for a quarter of an hour',
  );

  const again = await sessionFrom(bench, '/api/v1/login', login);
  await bench.call('PUT', '/api/v1/accounts/bert', {
    body: { scope: 'read', password: `${PASSWORD}!` },
  });
  assert.equal((await bench.call('GET', '/api/v1/me', { session: again })).status, 401, 'changed');
  const other = await sessionFrom(bench, '/api/v1/login', {
    name: 'bert',
    password: `${PASSWORD}!`,
  });
  const out = await bench.call('POST', '/api/v1/logout', { session: other, body: {} });
  assert.equal(out.status, 200);
  assert.equal(
    (await bench.call('GET', '/api/v1/me', { session: other })).status,
    401,
    'logged out',
  );
});

test('a wrong password and a name that nobody has are told alike, and told to the journal', async () => {
  await using bench = await ApiBench.open();
  await setUp(bench);
  const tries = [
    { name: 'anna', password: 'not this one at all' },
    { name: 'nobody', password: PASSWORD },
  ];
  const answers = [];
  for (const body of tries)
    answers.push((await bench.call('POST', '/api/v1/login', { as: 'nobody', body })).body);
  assert.deepEqual(answers[0], answers[1]);
  assert.equal(bench.site.last('security.login_failed').body['where'], 'local-api');
  assert.doesNotMatch(JSON.stringify(bench.site.journal), /boat|not this one/);
});

test('opening from the panel is off, unless the config says so', async () => {
  for (const panelOpening of [false, true]) {
    await using bench = await ApiBench.open({ panelOpening });
    const session = await setUp(bench);
    const path = '/api/v1/access-points/lobby/slots/3/open';
    const { status } = await bench.call('POST', path, { session, body: {} });
    assert.equal(status, panelOpening ? 200 : 403);
    assert.equal(bench.site.pulses(3), panelOpening ? 1 : 0);
    assert.equal(
      (await bench.call('POST', path, { as: 'operate', body: {} })).status,
      200,
      'a program may',
    );
  }
});

test('the last account that may do everything stays', async () => {
  await using bench = await ApiBench.open();
  await setUp(bench);
  assert.equal((await bench.call('DELETE', '/api/v1/accounts/anna')).status, 409);
  assert.equal((await bench.call('DELETE', '/api/v1/accounts/nobody')).status, 404);
  await bench.call('PUT', '/api/v1/accounts/bert', {
    body: { scope: 'admin', password: PASSWORD },
  });
  assert.equal((await bench.call('DELETE', '/api/v1/accounts/anna')).status, 200);
  const changes = bench.site.journal.filter(({ type }) => type === 'system.config_changed');
  assert.deepEqual(
    changes.map(({ body: { account, by, removed } }) => [account, by, removed ?? false]),
    [
      ['anna', 'setup-code', false],
      ['bert', 'api:the-admin', false],
      ['anna', 'api:the-admin', true],
    ],
  );
});

test('accounts outlive the process, as hashes that only the owner of the store can read', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-accounts-'));
  try {
    const code = new Accounts(directory, seededRandom(1)).setupCode ?? '';
    const accounts = new Accounts(directory, seededRandom(2));
    assert.equal(accounts.setupCode, code, 'the code stays the same until it is used');
    assert.equal(statSync(join(directory, 'setup-code')).mode & 0o777, 0o600);
    assert.equal(await accounts.setUp(code, 'anna', PASSWORD, instant(1)), 'made');
    assert.equal(existsSync(join(directory, 'setup-code')), false);
    const file = join(directory, 'api-accounts.json');
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.doesNotMatch(readFileSync(file, 'utf8'), /boat/);
    const later = new Accounts(directory, seededRandom(3));
    assert.equal(later.setupCode, undefined);
    assert.equal(await later.login('anna', PASSWORD), 'admin');
    assert.equal(await later.login('anna', `${PASSWORD}.`), undefined);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('an account is given another scope without its password, which stays; a new one needs its own', async () => {
  await using bench = await ApiBench.open();
  await setUp(bench);
  const put = (name: string, body: object) =>
    bench.call('PUT', `/api/v1/accounts/${name}`, { body });
  const none = await put('bert', { scope: 'read' });
  assert.deepEqual([none.status, none.body.error.field], [400, 'password']);
  await put('bert', { scope: 'read', password: PASSWORD });
  const before = await sessionFrom(bench, '/api/v1/login', { name: 'bert', password: PASSWORD });
  assert.equal((await put('bert', { scope: 'operate' })).status, 200);
  assert.equal((await bench.call('GET', '/api/v1/me', { session: before })).status, 401);
  assert.deepEqual(bench.site.last('system.config_changed').body, {
    ...{ by: 'api:the-admin', account: 'bert', scope: 'operate' },
  });
  const session = await sessionFrom(bench, '/api/v1/login', { name: 'bert', password: PASSWORD });
  const { body: me } = await bench.call('GET', '/api/v1/me', { session });
  assert.deepEqual(me, { name: 'bert', scope: 'operate' });
});

test('accounts that a card has lost are set up anew, and nothing waits for them', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-accounts-'));
  try {
    for (const damaged of ['', '{"v":1,"accounts":[{']) {
      writeFileSync(join(directory, 'api-accounts.json'), damaged);
      const told: string[] = [];
      const accounts = new Accounts(directory, seededRandom(7), (_, where) => told.push(where));
      assert.deepEqual(told, ['api-accounts.json']);
      const code = accounts.setupCode ?? '';
      assert.equal(await accounts.setUp(code, 'anna', PASSWORD, instant(0)), 'made');
      const later = new Accounts(directory, seededRandom(8), (error) => assert.fail(String(error)));
      assert.equal(await later.login('anna', PASSWORD), 'admin');
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('the last account that may do everything cannot be given less', async () => {
  await using bench = await ApiBench.open();
  await setUp(bench);
  const body = { scope: 'read', password: PASSWORD };
  const { status, body: told } = await bench.call('PUT', '/api/v1/accounts/anna', { body });
  assert.deepEqual([status, told.error.field], [409, 'scope']);
});

test('nor can two who are given less at one time', async () => {
  const accounts = new Accounts(undefined, seededRandom(6));
  const put = (name: string, scope: 'admin' | 'read') =>
    accounts.put(name, scope, PASSWORD, instant(0));
  await put('anna', 'admin');
  await put('bert', 'admin');
  const results = await Promise.all([put('anna', 'read'), put('bert', 'read')]);
  assert.deepEqual(results.toSorted(), ['last-admin', 'put']);
});

test('where a token alone may do everything, accounts that may less come and go', async () => {
  const accounts = new Accounts(undefined, seededRandom(3));
  assert.equal(await accounts.put('rita', 'read', PASSWORD, instant(0)), 'put');
  assert.equal(accounts.remove('rita'), true);
});

test('one account too many is told so', async () => {
  const accounts = new Accounts(undefined, seededRandom(4));
  const names = Array.from({ length: 65 }, (_, at) => `a${at}`);
  const put = (name: string) => accounts.put(name, 'admin', PASSWORD, instant(0));
  const results = await Promise.all(names.map(put));
  assert.deepEqual(new Set(results), new Set(['put', 'too-many']));
  assert.equal(accounts.names.length, 64);
});

test('who is taken away while logging in is not let in', async () => {
  const accounts = new Accounts(undefined, seededRandom(5));
  await accounts.put('anna', 'admin', PASSWORD, instant(0));
  await accounts.put('bert', 'operate', PASSWORD, instant(0));
  const taken = accounts.login('bert', PASSWORD);
  accounts.remove('bert');
  assert.equal(await taken, undefined);
});

test('whose session ran out while nobody did anything, or whose token was taken back, hears no more', async () => {
  await using bench = await ApiBench.open();
  const { site } = bench;
  writeTokens(site.directory, [storedToken('wall', 'read', 'token-wall', site.clock.now())]);
  await site.advance(2000);
  const idle = await following(bench, { session: await setUp(bench) });
  const wall = await following(bench, { token: 'token-wall' });
  const stays = await following(bench, { as: 'read' });
  const happens = () => bench.call('PUT', '/api/v1/keys/flat-3/place', { body: { kind: 'lost' } });
  await happens();
  for (const each of [idle, wall, stays]) {
    assert.match((await site.settling(each.next())).value, /access\.corrected/);
  }
  writeTokens(site.directory, []);
  await site.advance(2500);
  await happens();
  assert.equal((await site.settling(wall.next())).done, true, 'taken back');
  for (const each of [idle, stays]) {
    assert.match((await site.settling(each.next())).value, /access\.corrected/);
  }
  await site.advance(15 * 60_000);
  await happens();
  assert.equal((await nextEntry(bench, idle)).done, true, 'idle for a quarter of an hour');
  assert.match((await nextEntry(bench, stays)).value, /access\.corrected/);
  assert.deepEqual(bench.broken, []);
});

test('who is logged out or taken away hears no more of what happens', async () => {
  await using bench = await ApiBench.open();
  const anna = await setUp(bench);
  const body = { scope: 'read', password: PASSWORD };
  await bench.call('PUT', '/api/v1/accounts/bert', { body });
  const bert = await sessionFrom(bench, '/api/v1/login', { name: 'bert', password: PASSWORD });
  const streams: AsyncIterator<string>[] = [];
  for (const session of [anna, bert]) {
    streams.push(await following(bench, { session }));
  }
  await bench.call('DELETE', '/api/v1/accounts/bert');
  await bench.call('POST', '/api/v1/logout', { session: anna, body: {} });
  await bench.call('PUT', '/api/v1/keys/flat-3/place', { body: { kind: 'lost' } });
  for (const each of streams) assert.equal((await bench.site.settling(each.next())).done, true);
});
