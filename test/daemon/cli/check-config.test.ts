import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { loadConfig } from '../../../config/load.ts';
import { latchkey } from './process.ts';

const BROKEN = resolve(import.meta.dirname, '../../config/broken');
const DEMO = resolve(import.meta.dirname, '../../../config/demo.yaml');

test('a config that is right ends with 0 and says what is in it', async () => {
  const { status, stdout } = await latchkey([
    'check-config',
    DEMO,
    '--set',
    'LATCHKEY_DIRECTORY=/run/x',
  ]);
  assert.equal(status, 0);
  const { buses, devices, accessPoints, keys } = loadConfig(DEMO, {
    variables: new Map([['LATCHKEY_DIRECTORY', '/run/x']]),
  });
  const [wires, boxes, points, held] = [buses, devices, accessPoints, keys].map(
    (all) => Object.keys(all).length,
  );
  const counted = `${wires} buses, ${boxes} devices, ${points} access points, ${held} keys`;
  assert.ok(stdout.trimEnd().endsWith(counted), `${stdout} says ${counted}`);
});

test('faults end with 2, one line each, with file, line and place', async () => {
  const file = join(BROKEN, '14-no-such-slot.yaml');
  const { status, stdout } = await latchkey(['check-config', file]);
  assert.equal(status, 2);
  const lines = stdout.trim().split('\n');
  assert.equal(lines.length, 4);
  assert.match(lines[0] ?? '', new RegExp(`^${file}:\\d+: accessPoints\\.lobby\\.`));
  assert.equal(lines.at(-1), '3 faults');
});

test('as JSON for programs, for two of the broken files', async () => {
  const files = readdirSync(BROKEN).filter((name) => /^(17|22)/.test(name));
  assert.equal(files.length, 2);
  const all = await Promise.all(
    files.map((name) => latchkey(['check-config', '--json', join(BROKEN, name)])),
  );
  for (const { status, stdout } of all) {
    assert.equal(status, 2);
    const { ok, faults } = JSON.parse(stdout);
    assert.equal(ok, false);
    for (const fault of faults) assert.ok(fault.found && fault.remedy && fault.line > 0);
  }
});

test('a file that is not there, and a command that does not exist, are bad input', async () => {
  const [missing, unknown, none, badSet] = await Promise.all([
    latchkey(['check-config', '/nowhere.yaml']),
    latchkey(['statsu']),
    latchkey(['check-config']),
    latchkey(['check-config', DEMO, '--set', 'nonsense']),
  ]);
  assert.deepEqual([missing.status, unknown.status, none.status, badSet.status], [2, 2, 2, 2]);
  assert.match(missing.stdout, /no such file/);
  assert.match(unknown.stderr, /did you mean status/i);
});

test('every command explains itself, with examples on those that need some', async () => {
  const { status, stdout } = await latchkey(['--help']);
  assert.equal(status, 0);
  const [, list = ''] = /Commands:\n([\s\S]*?)\n\n/.exec(stdout) ?? [];
  const names = [...list.matchAll(/^ {2}([a-z-]+)/gm)]
    .map(([, name = '']) => name)
    .filter((name) => name !== 'help');
  for (const name of [
    'run',
    'check-config',
    'config',
    'status',
    'journal',
    'why',
    'what-if',
    'keys',
    'grants',
    'token',
    'drivers',
    'cloud',
  ]) {
    assert.ok(names.includes(name), name);
  }
  const helps = await Promise.all(
    ['status', 'journal', 'cloud'].map((name) => latchkey([name, '--help'])),
  );
  for (const help of helps) {
    assert.equal(help.status, 0);
    assert.match(help.stdout, /^Usage: latchkey/);
  }
});

test('the schema for editors is printed whole', async () => {
  const { status, stdout } = await latchkey(['config', 'schema']);
  assert.equal(status, 0);
  assert.equal(JSON.parse(stdout).title, 'Latchkey config');
});

test('a value for a name that nothing asks for is a fault, beside those of the file', async () => {
  const [slip, none, both] = await Promise.all([
    latchkey(['check-config', DEMO, '--set', 'API_PROT=4000']),
    latchkey(['check-config', DEMO, '--set', 'NOSUCH=1', '--json']),
    latchkey(['check-config', join(BROKEN, '14-no-such-slot.yaml'), '--set', 'NOSUCH=1']),
  ]);
  assert.deepEqual([slip.status, none.status, both.status], [2, 2, 2]);
  const told = 'found --set API_PROT=…; nothing in it asks for that; did you mean API_PORT?';
  assert.equal(slip.stdout, `${DEMO}: ${told}\none fault\n`);
  assert.deepEqual(JSON.parse(none.stdout), {
    ok: false,
    faults: [{ path: '', found: '--set NOSUCH=…', remedy: 'nothing in it asks for that' }],
  });
  assert.match(both.stdout, /\n4 faults\n$/);
});

test('a config that is not there, or is wrong, is told by its name to whoever starts the daemon, too', async () => {
  const file = join(BROKEN, '14-no-such-slot.yaml');
  const [missing, wrong] = await Promise.all([
    latchkey(['run', '--config', '/nowhere.yaml']),
    latchkey(['run', '--config', file]),
  ]);
  assert.deepEqual([missing.status, wrong.status], [2, 2]);
  assert.equal(missing.stderr, '/nowhere.yaml: found no such file; a file that can be read\n');
  assert.match(wrong.stderr, new RegExp(`^${file}:\\d+: accessPoints\\.lobby\\.`));
});
