import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { realClock } from '../../../daemon/platform/clock.ts';
import { makeBackups } from '../../../daemon/store/backups.ts';
import { openJournal } from '../../../daemon/store/journal-open.ts';
import { instant, uptime } from '../../../drivers/contract/time.ts';
import { seededRandom } from '../../../simulator/random.ts';
import { latchkey } from './process.ts';

const clock = realClock();
const at = instant(Date.parse('2026-11-24T00:00Z'));
const stamp = {
  at,
  uptime: uptime(1),
  boot: 'b',
  clock: { lo: at, hi: at, state: 'trusted' },
} as const;

test('a backup is put in the place of a lost journal, begins a new epoch, and what was there is kept', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-restore-'));
  try {
    const before = await openJournal({ directory, clock, random: seededRandom(1) });
    await before.journal.append({ stamp, entries: [{ type: 'system.started', body: { n: 1 } }] })
      .committed;
    const made = await makeBackups(directory, { journal: before }, at);
    assert.equal(made.kind, 'made');
    const { epoch } = before.journal;

    const running = await latchkey([
      'restore',
      join(directory, 'backups', readdirSync(join(directory, 'backups'))[0] ?? ''),
      '--directory',
      directory,
    ]);
    assert.equal(running.status, 1, 'not beside a daemon');
    assert.match(running.stderr, /in use/);
    await before.journal[Symbol.asyncDispose]();

    const backup = join(directory, 'backups', readdirSync(join(directory, 'backups'))[0] ?? '');
    const done = await latchkey(['restore', backup, '--directory', directory, '--json']);
    assert.equal(done.status, 0, done.stderr);
    const after = await openJournal({ directory, clock, random: seededRandom(2) });
    assert.notEqual(after.journal.epoch, epoch);
    assert.equal(after.recovered?.kind, 'restored');
    assert.equal((await after.journal.verify()).ok, true);
    await after.journal[Symbol.asyncDispose]();

    const wrong = join(directory, 'no.db');
    writeFileSync(wrong, 'not a database');
    const refused = await latchkey(['restore', wrong, '--directory', directory]);
    assert.equal(refused.status, 1);
    writeFileSync(wrong, '');
    for (const args of [[wrong], [backup, '--grants', backup], [wrong, '--grants', backup]]) {
      const other = await latchkey(['restore', ...args, '--directory', directory]);
      assert.equal(other.status, 1);
      assert.match(other.stderr, /^\S+ is no backup of (a journal|grants)\n$/);
    }
    const missing = await latchkey(['restore', '/nowhere.db', '--directory', directory]);
    assert.equal(missing.status, 2);
    assert.match(missing.stderr, /ENOENT|no such file/);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});

const service = 65_534;
const isRoot = process.getuid?.() === 0;

test('what root restores, on this machine or another, belongs to the service, and others read no more than before', {
  skip: isRoot ? false : 'only root makes files for others',
}, async () => {
  const root = mkdtempSync(join(tmpdir(), 'latchkey-restore-'));
  try {
    const etc = join(root, 'etc');
    const store = join(root, 'store');
    const site = ['--site', 'hut-1', '--zone', 'Europe/Stockholm'];
    const init = await latchkey(['init', ...site, '--directory', etc, '--store', store]);
    assert.equal(init.status, 0, init.stderr);
    const passphrase = join(root, 'passphrase');
    writeFileSync(passphrase, 'correct horse battery staple', { mode: 0o600 });
    const before = await openJournal({ directory: store, clock, random: seededRandom(1) });
    await before.journal.append({ stamp, entries: [{ type: 'system.started', body: { n: 1 } }] })
      .committed;
    await makeBackups(store, { journal: before }, at);
    await before.journal[Symbol.asyncDispose]();
    const backup = readdirSync(join(store, 'backups')).find((name) => name.endsWith('.db')) ?? '';

    chownSync(store, service, service);
    const here = await latchkey(['restore', join(store, 'backups', backup), '--directory', store]);
    assert.equal(here.status, 0, here.stderr);
    assert.deepEqual(
      notTheirs(store),
      [],
      'the next damage finds a quarantine that it may write to',
    );

    const token = await latchkey(['token', 'add', 'wall', '--directory', store]);
    assert.equal(token.status, 0, token.stderr);
    assert.deepEqual(notTheirs(store), [], 'who makes a token shuts nobody out');

    const config = join(etc, 'config.yaml');
    chmodSync(config, 0o644);
    const unit = join(root, 'site.unit');
    const key = ['--passphrase-file', passphrase];
    const made = await latchkey(['backup', unit, '--config', config, ...key]);
    assert.equal(made.status, 0, made.stderr);
    const spare = join(root, 'spare');
    mkdirSync(join(spare, 'store'), { recursive: true, mode: 0o700 });
    chownSync(join(spare, 'store'), service, service);
    const to = ['--directory', join(spare, 'store'), '--root', spare, '--old-unit-is-dead'];
    const there = await latchkey(['restore', unit, ...to, ...key]);
    assert.equal(there.status, 0, there.stderr);
    assert.deepEqual(notTheirs(join(spare, 'store')), []);
    const moved = lstatSync(join(spare, config));
    assert.deepEqual(
      [moved.uid, moved.mode & 0o777],
      [0, 0o644],
      'read by the service, not its own',
    );
    const pepper = lstatSync(join(spare, etc, 'pin-pepper'));
    assert.deepEqual([pepper.uid, pepper.mode & 0o777], [service, 0o600]);
    assert.deepEqual(readFileSync(join(spare, config)), readFileSync(config));
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});

function notTheirs(directory: string): readonly string[] {
  return readdirSync(directory, { encoding: 'utf8', recursive: true }).filter(
    (name) => lstatSync(join(directory, name)).uid !== service,
  );
}
