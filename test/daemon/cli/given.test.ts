/** What people give to a command and is not there, is something else, or could mean two things. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { InvalidArgumentError } from 'commander';
import { givenMoment } from '../../../daemon/cli/moment.ts';
import { latchkey } from './process.ts';

const directory = mkdtempSync(join(tmpdir(), 'latchkey-given-'));
const none = join(directory, 'none');
const config = join(directory, 'config.yaml');
const passphrase = join(directory, 'passphrase');
writeFileSync(passphrase, 'correct horse battery');
writeFileSync(
  config,
  `site: { id: hut-1, zone: Europe/Stockholm }
store: { directory: ${join(directory, 'store')} }
secrets: { pinPepper: "file:${join(directory, 'pepper')}" }
`,
);
const at = ['--directory', join(directory, 'store')];
const out = join(directory, 'out');

after(() => rmSync(directory, { recursive: true }));

const commands: Readonly<Record<string, readonly string[]>> = {
  doctor: ['doctor', '--config', none],
  'support-bundle': ['support-bundle', '--config', none, '--out', out],
  'passphrase of a backup': ['backup', out, '--config', config, '--passphrase-file', none],
  'passphrase to verify': ['verify', config, '--passphrase-file', none],
  verify: ['verify', none, '--passphrase-file', passphrase],
  restore: ['restore', none, ...at],
  'grants to restore': ['restore', config, '--grants', none, ...at],
  'certificates of a broker': ['cloud', 'ping', '--key', config, '--ca', none],
};

for (const [name, args] of Object.entries(commands)) {
  test(`a file that is not there is told by its name, and nothing is made: ${name}`, async () => {
    const before = readdirSync(directory);
    const { status, stdout, stderr } = await latchkey(args);
    assert.equal(status, 2, stderr);
    assert.equal(stderr, `${none}: there is no such file\n`);
    assert.equal(stdout, '');
    assert.deepEqual(readdirSync(directory), before);
  });
}

test('a directory in the place of a file is told as that', async () => {
  const { status, stderr } = await latchkey(['restore', directory, ...at]);
  assert.equal(status, 2);
  assert.equal(stderr, `${directory}: a directory, and a file is wanted\n`);
});

test('a moment is the same wherever it is typed, and there is such a day', () => {
  assert.equal(givenMoment('2026-11-24T22:10+01:00'), '2026-11-24T21:10:00.000Z');
  assert.equal(givenMoment('2026-11-24T21:10Z'), '2026-11-24T21:10:00.000Z');
  assert.equal(givenMoment('2026-11-24T22:10:30.5+01:00'), '2026-11-24T21:10:30.500Z');
  for (const text of ['2026-11-24', '2026-11-24T22:10', '12', 'now', '2026-02-30T10:00Z', ''])
    assert.throws(() => givenMoment(text), InvalidArgumentError, text);
});

test('a moment that could be two is refused before anything is sent', async () => {
  const grant = ['cloud', 'grant.put', '--id', 'g-1', '--target', 'key:flat-3', '--key', config];
  const cases = [
    ['clock', '2026-11-24T22:10'],
    ['keys', 'place', 'flat-3', '--holder', 'anna', '--due', '2026-11-24'],
    [...grant, '--from', '2026-11-24T22:10'],
  ];
  for (const { status, stderr } of await Promise.all(cases.map((args) => latchkey(args)))) {
    assert.equal(status, 2, stderr);
    assert.match(stderr, /a time with offset is wanted, such as 2026-11-24T22:10\+01:00/);
  }
});

test('the help says no default that only a program reads', async () => {
  const { stdout } = await latchkey(['commission', '--help']);
  assert.doesNotMatch(stdout, /default: (\{\}|\[\]|false)/);
});
