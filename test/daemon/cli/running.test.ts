/** The commands beside a daemon that runs: its own process, its own store, nothing connected. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { ended, latchkey, printed, start } from './process.ts';

const directory = mkdtempSync(join(tmpdir(), 'latchkey-cli-'));
const store = join(directory, 'store');
const config = join(directory, 'config.yaml');
const at = ['--directory', store];
let daemon: ReturnType<typeof start>;

before(async () => {
  writeFileSync(join(directory, 'pepper'), '07'.repeat(32), { mode: 0o600 });
  writeFileSync(join(directory, 'keycafe'), 'anna@example.se/token:t0ken', { mode: 0o600 });
  writeFileSync(
    config,
    `site: { id: hut-1, zone: Europe/Stockholm }
store: { directory: ${store} }
secrets: { pinPepper: "file:${directory}/pepper" }
buses: { a: { serial: /dev/serial/by-id/none, baudRate: 19200 }, b: { tcp: "127.0.0.1:1" } }
devices:
  box: { driver: kerong-cu16, bus: a, address: 0 }
  keypad: { driver: wiegand-serial, bus: b }
accessPoints: { lobby: { box: box, readers: [keypad] } }
keys: { flat-3: { name: Flat 3, home: lobby, slot: 3 } }
vendors: { keycafe: { credentials: "file:${directory}/keycafe", connect: false, dialect: true, keys: { 5003: flat-3 } } }
api: { listen: "127.0.0.1:0" }
`,
  );
  daemon = start(['run', '--config', config]);
  await printed(daemon, /"event":"started"/);
});

after(async () => {
  daemon.kill('SIGTERM');
  await ended(daemon);
  rmSync(directory, { recursive: true });
});

test('the daemon is found by its store, by a file that only its owner can read', () => {
  assert.equal(statSync(join(store, 'api.json')).mode & 0o777, 0o600);
});

test('a second daemon on the same store, or at the same address, is told so in one line', async () => {
  const { status, stderr } = await latchkey(['run', '--config', config]);
  assert.equal(status, 1);
  assert.equal(stderr, `the store cannot be used: ${store} is in use by another daemon\n`);

  const { url } = JSON.parse(readFileSync(join(store, 'api.json'), 'utf8'));
  const { host } = new URL(url);
  const other = join(directory, 'other.yaml');
  const text = readFileSync(config, 'utf8').replace(store, join(directory, 'other'));
  writeFileSync(other, text.replace('127.0.0.1:0', host));
  const taken = await latchkey(['run', '--config', other]);
  assert.equal(taken.status, 1);
  assert.match(taken.stderr, new RegExp(`^api.listen: nothing can be served at ${host}; .*\\n$`));
});

test('a setting that is no setting is told as misuse', async () => {
  const { status, stderr } = await latchkey(['run', '--config', config, '--set', 'what']);
  assert.equal(status, 2);
  assert.match(stderr, /'what' is invalid. NAME=value/);
});

test('the setup code of the panel is shown to whoever may read the store', async () => {
  const { status, stdout } = await latchkey(['setup-code', ...at]);
  assert.equal(status, 0);
  assert.match(stdout, /^([A-Z2-9]{4}-){3}[A-Z2-9]{4}\n$/);
});

test('status tells what is not well, and ends with 1', async () => {
  const [{ status, stdout }, text] = await Promise.all([
    latchkey(['status', ...at, '--json']),
    latchkey(['status', '--config', config]),
  ]);
  const told = JSON.parse(stdout);
  assert.equal(status, 1, 'two devices are away');
  assert.deepEqual(told.devices, { all: 2, online: 0 });
  assert.equal(told.site, 'hut-1');
  assert.match(text.stdout, /box +kerong-cu16 +0 +0 +0 +port-missing/);
  assert.match(text.stdout, /^clock +(trusted|holdover|floor), ±(\d{1,3} ms|\d+ (s|min|h|d)), /m);
});

test('a grant is put, shown, asked about, and revoked', async () => {
  const body = {
    holder: 'anna',
    credentials: [{ kind: 'pin' }],
    targets: [{ kind: 'key', id: 'flat-3' }],
  };
  const put = await latchkey(['grants', 'put', 'g-1', '-', ...at, '--json'], JSON.stringify(body));
  assert.equal(put.status, 0, put.stderr);
  assert.match(JSON.parse(put.stdout).pins[0].digits, /^\d{6}$/);
  const slip = { ...body, targets: [{ kind: 'key', id: 'flat-33' }] };
  const told = await latchkey(['grants', 'put', 'g-9', '-', ...at], JSON.stringify(slip));
  assert.match(told.stdout, /^stored.*\nPIN.*\nThis site has no key:flat-33, or not yet/);
  const list = await latchkey(['grants', 'anna', ...at]);
  assert.match(list.stdout, /g-1 +anna +key flat-3/);
  const asked = await latchkey(['what-if', 'lobby', 'g-1', ...at]);
  assert.equal(asked.status, 0, asked.stderr);
  assert.match(asked.stdout, /^Denied at lobby under grant g-1/);
  const revoked = await latchkey(['grants', 'revoke', 'g-1', ...at]);
  assert.match(revoked.stdout, /^revoked/);
  const bad = await latchkey(
    ['grants', 'put', 'g-2', '-', ...at],
    '{"holder": "anna", "targets": []}',
  );
  assert.equal(bad.status, 2);
  assert.match(bad.stderr, /bad_request.*\(targets\)/);
});

test('vendors: who is in step, what differs, and what a vendor cannot keep of a grant', async () => {
  const body = {
    holder: 'bo',
    credentials: [{ kind: 'pin' }],
    targets: [{ kind: 'key', id: 'flat-3' }],
    schedule: { zone: 'site', weekly: [{ days: [1], from: '10:00', to: '12:00' }] },
  };
  const put = await latchkey(['grants', 'put', 'g-weekly', '-', ...at], JSON.stringify(body));
  assert.equal(put.status, 0, put.stderr);
  const status = await latchkey(['vendors', 'status', ...at]);
  assert.match(status.stdout, /keycafe +online +never/);
  const diff = await latchkey(['vendors', 'diff', 'keycafe', ...at]);
  assert.equal(diff.status, 0, diff.stdout);
  assert.match(diff.stdout, /Nothing differs/);
  const fidelity = await latchkey(['vendors', 'fidelity', ...at]);
  assert.equal(fidelity.status, 1, fidelity.stderr);
  assert.match(fidelity.stdout, /g-weekly +from local, for key flat-3/);
  assert.match(fidelity.stdout, /keycafe +cannot: Keycafe has no weekly hours/);
  const stay = await latchkey(['vendors', 'stay', 'bo', ...at, '--json']);
  assert.equal(JSON.parse(stay.stdout).grants[0].grant, 'g-weekly');
  const nobody = await latchkey(['vendors', 'stay', 'nobody', ...at]);
  assert.equal(nobody.stdout, 'nobody may do nothing here.\n');
  const misspelt = await latchkey(['vendors', 'diff', 'keycaffe', ...at]);
  assert.equal(misspelt.status, 2, misspelt.stdout);
  assert.match(misspelt.stderr, /one of keycafe \(vendor\)/);
  const revoked = await latchkey(['grants', 'revoke', 'g-weekly', ...at]);
  assert.equal(revoked.status, 0);
  const after = await latchkey(['vendors', 'fidelity', ...at]);
  assert.equal(after.status, 0, after.stdout);
});

test('keys are listed, and their place is stated', async () => {
  const list = await latchkey(['keys', ...at]);
  assert.match(list.stdout, /flat-3 +Flat 3 +slot 3 of lobby/);
  const stated = await latchkey(['keys', 'place', 'flat-3', '--slot', 'lobby:4', ...at]);
  assert.equal(stated.stdout.trim(), 'stated', stated.stderr);
  const again = await latchkey(['keys', 'flat', ...at, '--json']);
  assert.equal(JSON.parse(again.stdout)[0].place.slot, 4);
  assert.equal((await latchkey(['keys', 'place', 'flat-3', ...at])).status, 2);
});

test('an opening that cannot be is told honestly; a lockdown is set and ended', async () => {
  const [opened, nowhere, set] = await Promise.all([
    latchkey(['open', 'lobby:3', '--why', 'stranded guest', ...at, '--json']),
    latchkey(['open', 'lobby:99', ...at]),
    latchkey(['lockdown', '--no-staff', ...at, '--json']),
  ]);
  assert.equal(opened.status, 1, 'the board is away');
  assert.equal(JSON.parse(opened.stdout).result, 'refused');
  assert.equal(nowhere.status, 2);
  const { lockdown } = JSON.parse(set.stdout);
  const { stdout } = await latchkey(['status', ...at]);
  assert.match(stdout, new RegExp(`lockdown of site since .*${lockdown}`));
  assert.equal((await latchkey(['lockdown', '--end', lockdown, ...at])).status, 0);
});

test('the journal is printed, followed and verified while the daemon runs', async () => {
  const follower = start(['journal', '--follow', '--json', ...at]);
  await printed(follower, /system\.started/);
  const heard = printed(follower, /access\.corrected.*"slot":5/);
  await latchkey(['keys', 'place', 'flat-3', '--slot', 'lobby:5', ...at]);
  await heard;
  follower.kill('SIGINT');
  assert.equal(await ended(follower), 0);
  const text = await latchkey(['journal', '-n', '5', ...at]);
  assert.match(text.stdout, /access\.corrected/);
  const verified = await latchkey(['journal', 'verify', ...at, '--json']);
  assert.equal(verified.status, 0, verified.stdout);
  assert.equal(JSON.parse(verified.stdout).ok, true);
});

test('an entry that is no decision is told as such', async () => {
  const { status, stdout } = await latchkey(['why', '1', ...at]);
  assert.equal(status, 0);
  assert.match(stdout, /is no decision/);
  assert.equal((await latchkey(['why', '99999', ...at])).status, 2);
});

test('what cannot be meant is told with what would do, in words of the command line', async () => {
  const [point, entry, classes, list] = await Promise.all([
    latchkey(['open', 'lobby', ...at]),
    latchkey(['why', 'x', ...at]),
    latchkey(['journal', '--class', 'access,doors', ...at]),
    latchkey(['grants', 'put', 'g-3', '-', ...at], '[]'),
  ]);
  assert.deepEqual([point.status, entry.status, classes.status, list.status], [2, 2, 2, 2]);
  assert.match(point.stderr, /a slot of a box is opened as ACCESS-POINT:SLOT, such as lobby:3\n$/);
  assert.match(entry.stderr, /a number, as `latchkey journal` has it/);
  assert.match(classes.stderr, /one or more of access, grant, device, system, security/);
  assert.match(list.stderr, /expected object, received array\n$/);
});

test('who asks to erase somebody that nothing is kept of is asked whether that is their id', async () => {
  const { status, stdout } = await latchkey(['holder', 'erase', 'p_nobody', ...at]);
  assert.equal(status, 0);
  assert.match(stdout, /^nothing was kept of p_nobody: is that their id\?/);
});

test('a token is made, counts, has its scope, and is taken back', async () => {
  const made = await latchkey(['token', 'add', 'panel', '--scope', 'read', ...at]);
  const token = made.stdout.trim();
  assert.match(token, /^lk_[A-Za-z0-9_-]{43}$/);
  assert.doesNotMatch(readFileSync(join(store, 'api-tokens.json'), 'utf8'), new RegExp(token));
  const { url } = JSON.parse(readFileSync(join(store, 'api.json'), 'utf8'));
  const by = ['--api', url, '--token', token];
  assert.equal((await latchkey(['keys', ...by])).status, 0);
  const refused = await latchkey(['grants', 'revoke', 'g-1', ...by]);
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /forbidden/);
  assert.match((await latchkey(['token', 'list', ...at])).stdout, /panel +read/);
  assert.equal((await latchkey(['token', 'add', 'panel', ...at])).status, 2);
  assert.equal((await latchkey(['token', 'remove', 'panel', ...at])).status, 0);
  const after = await latchkey(['keys', '--api', url, '--token', 'lk_wrong']);
  assert.match(after.stderr, /unauthorized/);
});

test('tokens that a card has lost are told, and close the API to nobody else', async () => {
  const file = join(store, 'api-tokens.json');
  const whole = readFileSync(file);
  writeFileSync(file, '');
  const lost = await latchkey(['token', 'list', ...at]);
  assert.equal(lost.status, 1);
  assert.match(lost.stderr, /cannot be read: it is damaged; move api-tokens\.json away/);
  assert.equal((await latchkey(['keys', ...at])).status, 0);
  writeFileSync(file, whole);
  assert.equal((await latchkey(['token', 'list', ...at])).status, 0);
});

test('once the daemon has stopped, its file is gone, and the journal can still be verified', async () => {
  daemon.kill('SIGTERM');
  assert.equal(await ended(daemon), 0);
  assert.equal(existsSync(join(store, 'api.json')), false);
  const { status, stderr } = await latchkey(['status', ...at]);
  assert.equal(status, 1);
  assert.match(stderr, /no daemon is running/);
  assert.equal((await latchkey(['journal', 'verify', ...at])).status, 0);
});
