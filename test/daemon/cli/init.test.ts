import assert from 'node:assert/strict';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { loadConfig } from '../../../config/load.ts';
import { readClientKey } from '../../../daemon/cloud/client-key.ts';
import { TrustStore } from '../../../daemon/cloud/trust-store.ts';
import { instant } from '../../../drivers/contract/time.ts';
import { latchkey } from './process.ts';

function folder(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), 'latchkey-init-'));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

test('a new site has a config that is right, a pepper of its own, and a sender that the box trusts', async () => {
  using home = folder();
  const args = ['--directory', join(home.path, 'etc'), '--store', join(home.path, 'store')];
  const made = await latchkey([
    'init',
    '--site',
    'harbour-12',
    '--zone',
    'Europe/Stockholm',
    '--broker',
    'mqtts://broker.example.com:8883',
    '--bridge',
    'kb-7f3a91',
    '--json',
    ...args,
  ]);
  assert.equal(made.status, 0, made.stderr);
  const told = JSON.parse(made.stdout);
  const config = loadConfig(told.config);
  assert.equal(config.site.id, 'harbour-12');
  assert.equal(readFileSync(told.pepper).length, 32);
  assert.equal(statSync(told.pepper).mode & 0o077, 0);
  const sender = readClientKey(told.cloudKey);
  assert.deepEqual(sender.sealingKey, told.publicSealing);
  const now = instant(Date.parse('2026-11-24T00:00Z'));
  const trust = TrustStore.open(config.cloud?.mqtt.trust ?? '');
  assert.ok(trust.key(sender.kid, { lo: now, hi: now, state: 'trusted' }));

  const again = await latchkey(['init', '--site', 'harbour-12', ...args]);
  assert.equal(again.status, 2);
  assert.match(again.stderr, /is there already/);
});

test('what is wrong is told, and nothing is written', async () => {
  using home = folder();
  const directory = join(home.path, 'etc');
  for (const [wrong, said] of [
    [['--site', 'Harbour 12'], /site\.id/],
    [['--site', 'harbour-12', '--zone', 'Europe/Stokholm'], /did you mean Europe\/Stockholm/],
    [['--site', 'harbour-12', '--broker', 'http://broker'], /mqtts:/],
    [['--site', 'harbour-12', '--bridge', 'box'], /kb-/],
  ] as const) {
    const made = await latchkey([
      'init',
      ...wrong,
      '--directory',
      directory,
      '--store',
      join(home.path, 'store'),
    ]);
    assert.equal(made.status, 2, made.stdout);
    assert.match(made.stderr, said);
    assert.equal(existsSync(directory), false);
  }
});

test('the config that the package left is replaced as long as nobody touched it, and its pepper is kept', async () => {
  using home = folder();
  const etc = join(home.path, 'etc');
  mkdirSync(etc);
  const file = join(etc, 'config.yaml');
  copyFileSync(resolve(import.meta.dirname, '../../../config/packaged.yaml'), file);
  assert.equal(loadConfig(file).site.id, 'not-set-up', 'it is right as it is');
  const args = [
    'init',
    '--site',
    'harbour-12',
    '--directory',
    etc,
    '--store',
    join(home.path, 's'),
  ];
  const made = await latchkey(args);
  assert.equal(made.status, 0, made.stderr);
  const config = loadConfig(file);
  assert.equal(config.site.id, 'harbour-12');
  assert.equal(config.secrets.pinPepper, 'credential:pin-pepper');
  assert.ok(!existsSync(join(etc, 'pin-pepper')));
  assert.equal((await latchkey(args)).status, 2, 'now it is somebody’s');
});
