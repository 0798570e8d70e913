/** P10 for what leaves the site by hand: nothing that opens a door, and nobody who goes through one, is in the bundle. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ended, latchkey, printed, start } from './process.ts';

const CANARIES = {
  pin: '7391552648',
  fob: '1F00644BB6',
  holder: 'canary-ida',
  grant: 'g-canary',
  keyName: 'Canary flat',
  notes: 'under the canary mat',
  siteName: 'Canary Street 12',
  token: 'canary-token-0123456789',
  pepper: '5a'.repeat(32),
} as const;

test('the bundle of a running site says how it goes, and has none of its secrets and people', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-support-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const config = join(directory, 'config.yaml');
  const secret = (name: string, text: string) =>
    writeFileSync(join(directory, name), text, { mode: 0o600 });
  secret('pepper', CANARIES.pepper);
  secret('token', CANARIES.token);
  writeFileSync(
    config,
    `site: { id: hut-1, name: ${CANARIES.siteName}, zone: Europe/Stockholm }
store: { directory: ${directory}/store }
secrets: { pinPepper: "file:${directory}/pepper" }
buses: { a: { serial: /dev/serial/by-id/none, baudRate: 19200 } }
devices: { box: { driver: kerong-cu16, bus: a, address: 0 } }
accessPoints: { lobby: { name: ${CANARIES.keyName}, box: box } }
keys: { flat-3: { name: ${CANARIES.keyName}, notes: ${CANARIES.notes}, fob: "${CANARIES.fob}", home: lobby, slot: 3 } }
api: { listen: "127.0.0.1:0", tokens: [{ name: panel, scope: read, token: "file:${directory}/token" }] }
`,
  );
  const daemon = start(['run', '--config', config]);
  t.after(async () => {
    daemon.kill('SIGTERM');
    await ended(daemon);
  });
  await printed(daemon, /"event":"started"/);
  const grant = JSON.stringify({
    holder: CANARIES.holder,
    targets: [{ kind: 'key', id: 'flat-3' }],
    credentials: [{ kind: 'pin', pin: CANARIES.pin }],
  });
  const put = await latchkey(['grants', 'put', CANARIES.grant, '-', '--config', config], grant);
  assert.equal(put.status, 0, put.stderr);

  const file = join(directory, 'support.tar.gz');
  const made = await latchkey(['support-bundle', '--config', config, '--out', file, '--json']);
  assert.equal(made.status, 0, made.stderr);
  const { parts }: { readonly parts: readonly string[] } = JSON.parse(made.stdout);
  for (const part of ['versions', 'config', 'store', 'health', 'status', 'devices']) {
    assert.ok(parts.includes(`${part}.json`), `${part} in ${parts}`);
  }
  assert.equal(statSync(file).mode & 0o777, 0o600);
  const text = (name: string) =>
    execFileSync('tar', ['-xzOf', file, '--wildcards', `*/${name}`], { encoding: 'utf8' });
  assert.equal(JSON.parse(text('config.json')).devices.box.driver, 'kerong-cu16');
  assert.match(text('metrics.txt'), /^latchkey_info\{/m);
  assert.match(text('journal.jsonl'), /"type":"grant\./);
  assert.match(text('health.json'), /"device box"/);

  const whole = execFileSync('tar', ['-xzOf', file]);
  for (const [what, canary] of Object.entries(CANARIES)) {
    for (const spelling of [canary, canary.toLowerCase(), Buffer.from(canary).toString('base64')]) {
      assert.ok(!whole.includes(spelling), `${what} as ${spelling}`);
    }
  }
});

test('where no daemon runs and the config is wrong, the bundle says that', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-support-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const config = join(directory, 'config.yaml');
  writeFileSync(config, 'site: { id: hut-1 }\nkeys: { a: { fob: "1F00644BB6" } }\n');
  const file = join(directory, 'support.tar.gz');
  const made = await latchkey(['support-bundle', '--config', config, '--out', file, '--json']);
  assert.equal(made.status, 0, made.stderr);
  const { parts }: { readonly parts: readonly string[] } = JSON.parse(made.stdout);
  assert.ok(parts.includes('config.json') && parts.includes('health.json.missing'), String(parts));
  const whole = execFileSync('tar', ['-xzOf', file], { encoding: 'utf8' });
  assert.match(whole, /no daemon runs here/);
  assert.doesNotMatch(whole, /1F00644BB6/);
});

test('a secret that somebody wrote into the config itself is neither in the bundle nor told as a fault', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-support-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const config = join(directory, 'config.yaml');
  writeFileSync(
    config,
    `site: { id: hut-1, zone: Europe/Stockholm }
store: { directory: ${directory}/store }
secrets: { pinPepper: INLINE-1 }
buses: { a: { serial: /dev/serial/by-id/none, baudRate: 19200 }, r: { ble: hci0 } }
devices:
  door: { driver: osdp, bus: a, address: 1, secureChannel: INLINE-2 }
  gate: { driver: osdp, bus: a, address: 2, secureChannel: { key: INLINE-3 } }
  lock: { driver: nuki-smart-lock, bus: r, address: "54:d2:72:00:00:03", authorization: INLINE-4, pin: INLINE-5 }
  relay: { driver: gatt-relay, bus: r, address: "54:d2:72:00:00:04", password: INLINE-6 }
keys: { flat-3: { name: Flat 3, code: INLINE-7, fob: INLINE-8 } }
cloud: { mqtt: { url: "mqtts://user:INLINE-9@broker:8883", bridgeId: kb-123456, password: INLINE-10 } }
vendors:
  keycafe: { credentials: "a@b.se/token:INLINE-11", webhook: INLINE-12, dialectKeys: INLINE-13, baseUrl: "https://u:INLINE-14@b.se" }
  seam: { credentials: INLINE-15, webhook: INLINE-16 }
api: { tls: { cert: /nowhere, key: INLINE-17 }, tokens: [{ name: panel, scope: read, token: INLINE-18 }] }
`,
  );
  const [told, started] = await Promise.all([
    latchkey(['check-config', config]),
    latchkey(['run', '--config', config]),
  ]);
  assert.deepEqual([told.status, started.status], [2, 2]);
  assert.doesNotMatch(told.stdout + started.stderr, /INLINE/);
  const file = join(directory, 'support.tar.gz');
  const made = await latchkey(['support-bundle', '--config', config, '--out', file]);
  assert.equal(made.status, 0, made.stderr);
  const whole = execFileSync('tar', ['-xzOf', file], { encoding: 'utf8' });
  assert.doesNotMatch(whole, /INLINE/);
  assert.match(whole, /"baudRate": 19200/, 'how it is built is there');
});
