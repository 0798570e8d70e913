/** The Debian package of this machine: built twice, looked at by lintian, unpacked, and its daemon plays the story. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { z } from 'zod';
import { packages, versionHere } from '../../daemon/packaging/main.ts';
import { assertToldBy, daemonIn } from './told-story.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const ARCHITECTURE = process.arch === 'arm64' ? 'arm64' : 'amd64';
const bill = z.object({
  components: z.array(
    z.object({ 'bom-ref': z.string(), name: z.string(), hashes: z.unknown().optional() }),
  ),
});
const missing = ['dpkg-deb', 'lintian'].filter(
  (tool) => spawnSync(tool, ['--version']).error !== undefined,
);
const required = process.env['LATCHKEY_REQUIRE_ALL'] === '1';
const skip = missing.length > 0 && !required ? `${missing.join(', ')} is missing` : false;

const directory = mkdtempSync(join(tmpdir(), 'latchkey-deb-'));
const bundle = join(ROOT, 'dist', `deb-test-${process.pid}`);
const tree = join(directory, 'unpacked');
let deb = '';

function build(name: string, more: { readonly also?: (tree: string) => void } = {}) {
  const to = join(directory, name);
  mkdirSync(to);
  return packages({
    architectures: [ARCHITECTURE],
    directory: to,
    bundle,
    compression: 'none',
    ...more,
  });
}

before(async () => {
  if (skip !== false) return;
  assert.deepEqual(missing, []);
  [deb = ''] = await build('one');
  execFileSync('dpkg-deb', ['-x', deb, tree]);
});

after(() => {
  rmSync(directory, { recursive: true });
  rmSync(bundle, { recursive: true, force: true });
});

test('the same checkout gives the same package', { skip }, async () => {
  const [again = ''] = await build('two');
  const [first, second] = [deb, again].map((file) =>
    createHash('sha256').update(readFileSync(file)).digest('hex'),
  );
  assert.equal(second, first);
  rmSync(again);
});

/** Only of a package that is made in a hurry. */
const IN_A_HURRY = [
  'uses-no-compression-for-',
  // An override for the Node that is left out below.
  'mismatched-override',
];

test('lintian finds nothing', { skip }, async () => {
  // Its minutes go into the 120 MB of Node, so a small program stands in; the whole is looked at on demand.
  const [small = ''] = await build('small', {
    also: (laidOut) => cpSync('/bin/true', join(laidOut, 'usr/lib/latchkey/bin/node')),
  });
  const { stdout } = spawnSync('lintian', ['--allow-root', small], { encoding: 'utf8' });
  const found = stdout
    .split('\n')
    .filter((line) => /^[EW]:/.test(line) && !IN_A_HURRY.some((tag) => line.includes(tag)));
  assert.deepEqual(found, []);
});

test('it says what it needs, whose it is, and what changed', { skip }, () => {
  const control = execFileSync('dpkg-deb', ['-f', deb], { encoding: 'utf8' });
  assert.match(control, new RegExp(`^Version: ${versionHere()}$`, 'm'));
  assert.match(control, new RegExp(`^Architecture: ${ARCHITECTURE}$`, 'm'));
  const changelog = readFileSync(join(ROOT, 'systemd/debian/changelog'), 'utf8');
  assert.ok(changelog.startsWith(`latchkey (${versionHere()}) `), 'the changelog knows it');
  const copyright = readFileSync(join(tree, 'usr/share/doc/latchkey/copyright'), 'utf8');
  for (const inside of ['bin/node', 'better-sqlite3', 'serialport', 'fastify', 'mqtt', 'preact']) {
    assert.match(copyright, new RegExp(`^Files: usr/lib/latchkey/.*${inside}`, 'm'));
  }
});

test('its bill of materials names what is inside, and nothing of another machine', { skip }, () => {
  const text = readFileSync(join(tree, 'usr/share/doc/latchkey/sbom.cdx.json'), 'utf8');
  const { components } = bill.parse(JSON.parse(text));
  const refs = new Set(components.map((each) => each['bom-ref']));
  const home = join(tree, 'usr/lib/latchkey');
  const manifests = readdirSync(join(home, 'node_modules'), { recursive: true, encoding: 'utf8' })
    .filter((path) => /^(@[^/]+\/)?[^/]+\/package\.json$/.test(path))
    .map((path) => JSON.parse(readFileSync(join(home, 'node_modules', path), 'utf8')));
  assert.ok(manifests.length > 5);
  for (const { name, version } of manifests) assert.ok(refs.has(`${name}@${version}`), name);
  for (const bundled of ['fastify', 'mqtt', 'undici', 'zod']) {
    assert.ok(
      components.some(({ name }) => name === bundled),
      bundled,
    );
  }
  const native = components.filter(({ name }) => /koffi-/.test(name)).map(({ name }) => name);
  assert.deepEqual(native, [`@koromix/koffi-linux-${ARCHITECTURE === 'arm64' ? 'arm64' : 'x64'}`]);
  const runtime = components.find(({ name }) => name === 'nodejs');
  const binary = readFileSync(join(home, 'bin/node'));
  const content = createHash('sha256').update(binary).digest('hex');
  assert.deepEqual(runtime?.hashes, [{ alg: 'SHA-256', content }]);
});

test('everything that the unit and the page on installing name is in it', { skip }, () => {
  const unit = readFileSync(join(tree, 'lib/systemd/system/latchkey.service'), 'utf8');
  const started = /^ExecStart=(\S+) (\S+) /m.exec(unit)?.slice(1) ?? [];
  assert.equal(started.length, 2);
  for (const path of started) assert.ok(existsSync(join(tree, path)), path);
  const update = readFileSync(join(tree, 'lib/systemd/system/latchkey-update.service'), 'utf8');
  const run = /^ExecStart=(\S+)$/m.exec(update)?.[1] ?? '';
  assert.equal(statSync(join(tree, run)).mode & 0o777, 0o755);
  const watched = readFileSync(join(tree, 'lib/systemd/system/latchkey-update.path'), 'utf8');
  assert.match(watched, /^WantedBy=multi-user\.target$/m);
  assert.equal(statSync(join(tree, 'usr/lib/latchkey/bin/node')).mode & 0o777, 0o755);
});

test('nothing of another machine is in it', { skip }, () => {
  const names = execFileSync('dpkg-deb', ['-c', deb], { encoding: 'utf8' }).split('\n');
  const native = names.filter((name) => name.endsWith('.node'));
  const own = ARCHITECTURE === 'arm64' ? /linux[-_]arm64/ : /linux[-_]x64/;
  assert.equal(native.length, 6, native.join('\n'));
  assert.deepEqual(
    native.filter((name) => !own.test(name)),
    [],
  );
});

test('its daemon, on its own Node and with its own native parts, plays the whole story', {
  skip,
}, async () => {
  await assertToldBy(daemonIn(tree));
});
