import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import {
  readSecret,
  readSecretKey,
  readSecretText,
  secretReferences,
} from '../../config/secrets.ts';
import { ConfigError } from '../../drivers/contract/errors.ts';

const directory = mkdtempSync(join(tmpdir(), 'latchkey-secrets-'));
after(() => rmSync(directory, { recursive: true }));
const source = { credentialsDirectory: directory };

function put(name: string, text: string | Uint8Array, mode = 0o600): string {
  const file = join(directory, name);
  writeFileSync(file, text);
  chmodSync(file, mode);
  return file;
}

test('a credential comes from the directory that systemd gives, a file from its path', () => {
  const file = put('mqtt', 'very secret\n');
  assert.equal(readSecretText('credential:mqtt', 'x', source), 'very secret');
  assert.equal(readSecretText(`file:${file}`, 'x', source), 'very secret');
});

test('a file that others may read is refused, with the remedy', () => {
  for (const mode of [0o640, 0o604, 0o644, 0o620]) {
    const file = put(`open-${mode}`, 'very secret', mode);
    assert.throws(
      () => readSecret(`file:${file}`, 'api.tokens[0].token', source),
      (error) => {
        assert.ok(error instanceof ConfigError);
        assert.match(error.message, /^api\.tokens\[0\]\.token: .*chmod 600/);
        assert.doesNotMatch(error.message, /very secret/);
        return true;
      },
    );
  }
});

test('a credential that others may read is refused; the right that systemd gives by an access list is none', () => {
  put('listed', 'very secret', 0o440);
  assert.equal(readSecretText('credential:listed', 'x', source), 'very secret');
  for (const mode of [0o444, 0o604]) {
    put('open-credential', 'very secret', mode);
    assert.throws(() => readSecret('credential:open-credential', 'x', source), /chmod 600/);
  }
});

test('what is missing, empty or unreachable is told', () => {
  put('empty', '');
  assert.throws(() => readSecret('credential:nothing', 'x', source), /ENOENT/);
  assert.throws(() => readSecret('credential:empty', 'x', source), /empty/);
  const nowhere = { credentialsDirectory: undefined };
  assert.throws(() => readSecret('credential:mqtt', 'x', nowhere), /LoadCredential=/);
  assert.throws(() => readSecret('credential:../mqtt', 'x', source), ConfigError);
  assert.throws(
    () => readSecret('hunter2', 'x', source),
    (error) => !/hunter2/.test(String(error)),
  );
});

test('a key is 32 bytes, raw or in hex', () => {
  put(
    'raw',
    Uint8Array.from({ length: 32 }, (_, index) => index),
  );
  put('hex', `${'0a'.repeat(32)}\n`);
  put('short', 'abc');
  assert.equal(readSecretKey('credential:raw', 'x', source)[31], 31);
  assert.deepEqual(readSecretKey('credential:hex', 'x', source), new Uint8Array(32).fill(10));
  assert.throws(() => readSecretKey('credential:short', 'x', source), /32 random bytes/);
});

test('references are found in driver options wherever they stand', () => {
  const options = {
    secureChannel: { key: 'credential:scbk-1' },
    list: [{ a: 'file:/k' }, 3, 'no'],
  };
  assert.deepEqual(secretReferences(options, 'devices.door'), [
    { reference: 'credential:scbk-1', path: 'devices.door.secureChannel.key' },
    { reference: 'file:/k', path: 'devices.door.list[0].a' },
  ]);
});
