/** Installed, upgraded with a migration, rolled back, removed and purged, in a Debian 12 of its own. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { packages } from '../../daemon/packaging/main.ts';
import { cannot } from './debian-archive.ts';
import { bootOfThisMachine, DebianRoot } from './debian-root.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const ARCHITECTURE = process.arch === 'arm64' ? 'arm64' : 'amd64';
const skip = cannot('unshare', 'chroot');
const GRANT = JSON.stringify({
  holder: 'ada',
  targets: [{ kind: 'key', id: 'flat-3' }],
  credentials: [{ kind: 'pin' }],
});

const COMMAND = '0193f3a0-0000-7000-8000-000000000001';
const UPDATE = 'LATCHKEY_UPDATE_TRIES=1 /usr/lib/latchkey/bin/update';

/** The package in a source of its own, which is the only one. */
function offer(debian: DebianRoot, deb: string): void {
  const folder = join(debian.path, 'srv/packages');
  mkdirSync(folder, { recursive: true });
  copyFileSync(deb, join(folder, 'latchkey.deb'));
  const control = execFileSync('dpkg-deb', ['-f', deb], { encoding: 'utf8' }).trimEnd();
  const sum = createHash('sha256').update(readFileSync(deb)).digest('hex');
  const found = `Filename: ./latchkey.deb\nSize: ${statSync(deb).size}\nSHA256: ${sum}\n`;
  writeFileSync(join(folder, 'Packages'), `${control}\n${found}`);
  debian.write('etc/apt/sources.list', 'deb [trusted=yes] file:/srv/packages ./\n');
}

test('a store outlives upgrade, rollback and removal, and nothing outlives the purge', {
  skip,
}, async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-lifecycle-'));
  const bundle = join(ROOT, 'dist', `lifecycle-${process.pid}`);
  t.after(() => {
    rmSync(directory, { recursive: true });
    rmSync(bundle, { recursive: true, force: true });
  });
  const options = {
    architectures: [ARCHITECTURE],
    directory,
    bundle,
    compression: 'none',
  } as const;
  const [older = ''] = await packages(options);
  const [newer = ''] = await packages({
    ...options,
    version: '99.0.0',
    also(tree) {
      for (const store of ['journal', 'grants']) {
        const folder = join(tree, 'usr/lib/latchkey/dist/daemon/migrations', store);
        const next = String(readdirSync(folder).length + 1).padStart(3, '0');
        writeFileSync(
          join(folder, `${next}-later.sql`),
          'CREATE TABLE later (at INTEGER) STRICT;\n',
        );
      }
    },
  });
  await using debian = new DebianRoot();
  const inside = (path: string) => join(debian.path, path);

  // Installed: enabled, its user there, its pepper sealed, and running with nothing connected.
  await debian.install(older);
  assert.equal(await debian.run('systemctl is-enabled latchkey'), 'enabled\n');
  assert.match(await debian.run('id latchkey'), /dialout.*input|input.*dialout/);
  assert.equal(statSync(inside('var/lib/latchkey')).mode & 0o777, 0o700);
  const pepper = await debian.run(
    'systemd-creds decrypt --name=pin-pepper /etc/credstore.encrypted/latchkey.pin-pepper - | base64',
  );
  assert.equal(Buffer.from(pepper, 'base64').length, 32);
  assert.match(await debian.run('man latchkey | cat'), /LATCHKEY\(1\)/);
  const config = debian.read('etc/latchkey/config.yaml');
  const edited = config.replace('127.0.0.1:4180', '127.0.0.1:0').replace(
    'buses: {}\ndevices: {}\naccessPoints: {}',
    `buses: { a: { tcp: "127.0.0.1:1" } }
devices: { box: { driver: kerong-cu16, bus: a, address: 0 } }
accessPoints: { lobby: { box: box } }
keys: { flat-3: { name: Flat 3, home: lobby, slot: 3 } }`,
  );
  assert.notEqual(edited, config);
  debian.write('etc/latchkey/config.yaml', config.replace('127.0.0.1:4180', '127.0.0.1:0'));
  await debian.startDaemon();
  await debian.run('latchkey status');
  await debian.stopDaemon();

  // In use.
  debian.write('etc/latchkey/config.yaml', edited);
  await debian.startDaemon();
  await debian.run('latchkey grants put g-ada -', GRANT);
  // Two starts, one boot of the machine.
  const clocks = await debian.run('latchkey journal --type system.clock_state --json');
  const boots = clocks
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line).body.boot);
  assert.ok(boots.length > 0);
  assert.deepEqual(new Set(boots), new Set([bootOfThisMachine().slice(0, 12)]));
  await debian.stopDaemon();

  // Upgraded as a cloud asks for it, by apt from a source that this Debian trusts: the config is as it was, and the
  // store was copied before it was changed.
  assert.equal(await debian.run('systemctl is-enabled latchkey-update.path'), 'enabled\n');
  offer(debian, newer);
  const wanted = '/var/lib/latchkey/update/wanted';
  await debian.run(`echo '${COMMAND} 99.0.1' > ${wanted}`);
  await debian.run(UPDATE);
  const refused = debian.read('var/lib/latchkey/update/result');
  assert.equal(refused, `${COMMAND} failed apt-get does not install latchkey 99.0.1\n`);
  await debian.run(`echo '${COMMAND} 99.0.0' > ${wanted}`);
  await debian.run(UPDATE);
  assert.equal(existsSync(inside(wanted)), false);
  // Nothing here starts services: what was asked for is installed, and the answer says that it does not run.
  const answer = debian.read('var/lib/latchkey/update/result');
  assert.equal(answer, `${COMMAND} failed installed, but it does not start\n`);
  assert.match(await debian.run('dpkg -s latchkey'), /^Version: 99\.0\.0$/m);
  assert.equal(debian.read('etc/latchkey/config.yaml'), edited);
  await debian.startDaemon();
  assert.match(await debian.run('latchkey grants show g-ada'), /"ada"/);
  assert.match((await debian.try('latchkey status')).stdout, /99\.0\.0/);
  await debian.stopDaemon();
  const backups = readdirSync(inside('var/lib/latchkey/backups')).sort();
  const [journal, grants] = ['journal', 'grants'].map((store) =>
    backups.findLast((name) => name.startsWith(`${store}-`)),
  );
  assert.ok(journal !== undefined && grants !== undefined, backups.join(' '));

  // Back: the older one refuses what it does not know, says what to do, and that works.
  await debian.install(older);
  assert.match(await debian.daemonThatFails(), /restore a backup made before it/);
  const at = '/var/lib/latchkey/backups';
  await debian.run(`latchkey restore ${at}/${journal} --grants ${at}/${grants}`);
  await debian.startDaemon();
  assert.match(await debian.run('latchkey grants show g-ada'), /"ada"/);
  await debian.run('latchkey journal verify');
  assert.equal(
    await debian.run(
      'systemd-creds decrypt --name=pin-pepper /etc/credstore.encrypted/latchkey.pin-pepper - | base64',
    ),
    pepper,
    'the pepper is the same throughout',
  );
  await debian.stopDaemon();

  // Removed: the program is gone, what it knew is not. Then that, too.
  await debian.run('dpkg --remove latchkey');
  assert.equal(existsSync(inside('usr/lib/latchkey')), false);
  assert.equal(existsSync(inside('var/lib/latchkey/journal.db')), true);
  assert.equal(debian.read('etc/latchkey/config.yaml'), edited);
  await debian.run('dpkg --purge latchkey');
  for (const path of ['var/lib/latchkey', 'etc/latchkey', 'var/cache/latchkey']) {
    assert.equal(existsSync(inside(path)), false, path);
  }
  const left = await debian.run(
    "find / -xdev \\( -name '*latchkey*' -o -name '*pin-pepper*' \\) -not -path '/proc/*' -not -path '/var/log/*' -not -path '/tmp/*' -not -path '/run/*' -not -path '/var/cache/man/*' -not -path '/srv/packages/*'",
  );
  assert.equal(left, '');
});
