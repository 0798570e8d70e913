import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type TestContext, test } from 'node:test';

const FOLDER = resolve(import.meta.dirname, '../../systemd');
/** 2.1 of 10, as systemd/README.md says. */
const THRESHOLD = '21';

/** False, and the test is skipped, where the tool is missing. */
function has(t: TestContext, tool: string): boolean {
  if (spawnSync(tool, ['--version']).error === undefined) return true;
  if (process.env['LATCHKEY_REQUIRE_ALL'] === '1') assert.fail(`${tool} is missing`);
  t.skip(`${tool} is missing`);
  return false;
}

function exposure(unit: string): { readonly status: number | null; readonly text: string } {
  const args = ['security', '--offline=true', `--threshold=${THRESHOLD}`, '--no-pager', unit];
  const { status, stdout, stderr } = spawnSync('systemd-analyze', args, { encoding: 'utf8' });
  return { status, text: `${stdout}${stderr}` };
}

test('the service is confined to 2.1 or better', (t) => {
  if (!has(t, 'systemd-analyze')) return;
  const { status, text } = exposure(join(FOLDER, 'latchkey.service'));
  assert.equal(status, 0, text);
});

test('and so it is with the adapter of its own', (t) => {
  if (!has(t, 'systemd-analyze')) return;
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-unit-'));
  try {
    const unit = join(directory, 'latchkey.service');
    copyFileSync(join(FOLDER, 'latchkey.service'), unit);
    mkdirSync(`${unit}.d`);
    copyFileSync(join(FOLDER, 'latchkey-hci.conf'), join(`${unit}.d`, 'hci.conf'));
    const { status, text } = exposure(unit);
    assert.equal(status, 0, text);
    assert.match(text, /2\.1 OK/, 'the drop-in counts');
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('the unit has no setting that systemd does not know', (t) => {
  if (!has(t, 'systemd-analyze')) return;
  const { stderr } = spawnSync('systemd-analyze', ['verify', join(FOLDER, 'latchkey.service')], {
    encoding: 'utf8',
  });
  const faults = stderr
    .split('\n')
    .filter((line) => line.includes('latchkey.service'))
    // Neither program nor manual is installed where tests run.
    .filter((line) => !/is not executable|failed with code 16/.test(line));
  assert.deepEqual(faults, []);
});

test('the user is one that systemd can make', (t) => {
  if (!has(t, 'systemd-sysusers')) return;
  const { status, stderr } = spawnSync(
    'systemd-sysusers',
    ['--dry-run', join(FOLDER, 'latchkey.sysusers')],
    { encoding: 'utf8' },
  );
  assert.equal(status, 0, stderr);
});

test('the user is in the groups of ports and keypads, which the unit does not add', () => {
  const lines = readFileSync(join(FOLDER, 'latchkey.sysusers'), 'utf8').split('\n');
  for (const group of ['dialout', 'input']) assert.ok(lines.includes(`m latchkey ${group}`), group);
});

test('what would stop the daemon from running is not set', () => {
  const unit = readFileSync(join(FOLDER, 'latchkey.service'), 'utf8');
  const set = unit.split('\n').filter((line) => /^[A-Z]/.test(line));
  // The engine makes code at run time; serial ports are devices; Bluetooth sockets are of the first network namespace.
  for (const forbidden of [
    'MemoryDenyWriteExecute',
    'PrivateDevices',
    'PrivateNetwork',
    'PrivateUsers',
  ]) {
    assert.ok(!set.some((line) => line.startsWith(`${forbidden}=`)), forbidden);
  }
  for (const needed of [
    'Type=notify',
    'WatchdogSec=30',
    'Restart=always',
    'StateDirectory=latchkey',
    'DevicePolicy=closed',
    'Environment=LATCHKEY_BOOT_ID=%b',
  ]) {
    assert.ok(set.includes(needed), needed);
  }
  // What was taken away before is given back only by a line that comes later.
  const denied = set.indexOf('SystemCallFilter=~@privileged @resources');
  assert.ok(denied > 0 && set.indexOf('SystemCallFilter=setpriority') > denied);
});

test('each udev rule matches before it assigns, and ends where a rule ends', () => {
  const rules = readFileSync(join(FOLDER, '99-latchkey.rules'), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  assert.equal(rules.length, 5);
  for (const rule of rules) {
    const parts = rule.split(', ');
    for (const part of parts) {
      assert.match(
        part,
        /^(ACTION|SUBSYSTEMS?|DRIVER|KERNEL|ENV\{\w+\}|ATTR\{\w+\}|GROUP|MODE|SYMLINK)(==|!=|=|\+=)"[^"]+"$/,
      );
    }
    assert.match(parts[0] ?? '', /^ACTION/, 'nothing is done when a port goes away');
  }
});
