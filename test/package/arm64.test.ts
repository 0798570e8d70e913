/** The package for the Pi, run on an emulated one: its daemon drives the simulated site with native parts for arm64. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { packages } from '../../daemon/packaging/main.ts';
import { cannot, foreignLibraries } from './debian-archive.ts';
import { assertToldBy, daemonIn } from './told-story.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const skip = cannot('qemu-aarch64-static');
const directory = mkdtempSync(join(tmpdir(), 'latchkey-arm64-'));
const bundle = join(ROOT, 'dist', `arm64-test-${process.pid}`);
const tree = join(directory, 'unpacked');
const emulator = ['qemu-aarch64-static', '-L', join(directory, 'root')];

before(async () => {
  if (skip !== false) return;
  const [deb = ''] = await packages({
    architectures: ['arm64'],
    directory,
    bundle,
    compression: 'none',
  });
  execFileSync('dpkg-deb', ['-x', deb, tree]);
  foreignLibraries('arm64', ['libstdc++6', 'libudev1', 'libsystemd0'], directory);
});

after(() => {
  rmSync(directory, { recursive: true });
  rmSync(bundle, { recursive: true, force: true });
});

function node(...args: readonly string[]): string {
  const [program = '', ...first] = [...emulator, join(tree, 'usr/lib/latchkey/bin/node')];
  return execFileSync(program, [...first, ...args], { encoding: 'utf8' }).trim();
}

test('its Node is one for arm64', { skip }, () => {
  assert.match(node('-p', 'process.arch + process.version'), /^arm64v24\./);
});

test('every native part loads', { skip }, () => {
  const script = join(tree, 'usr/lib/latchkey/dist/daemon/native-parts.mjs');
  writeFileSync(
    script,
    `import { createRequire } from 'node:module';
const require = createRequire(import.meta.url);
const Sqlite = require('better-sqlite3');
const { SerialPort } = require('serialport');
for (const name of ['@stoprocent/bluetooth-hci-socket', '@stoprocent/noble', 'usb']) require(name);
const { default: koffi } = await import('koffi');
const notify = koffi.load('libsystemd.so.0').func('int sd_notify(int, const char *)');
console.log(JSON.stringify([
  new Sqlite(':memory:').prepare('SELECT 6 * 7 AS found').get().found,
  typeof SerialPort.list,
  notify(0, 'READY=1'),
]));
`,
  );
  assert.deepEqual(JSON.parse(node(script)), [42, 'function', 0]);
  rmSync(script);
});

test('its daemon plays the whole story, on serial ports, TCP and MQTT', { skip }, async () => {
  const cache = join(directory, 'cache');
  mkdirSync(cache);
  await assertToldBy(daemonIn(tree, emulator), {
    environment: { CACHE_DIRECTORY: cache },
    pace: 5,
    // A radio has a process of its own, and what an emulated program starts is not emulated.
    impossible: ['lock-on-the-air'],
  });
});
