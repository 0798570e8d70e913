/** The doctor before a site that is well in parts and ill in others, each part of it really so. */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { loadConfig } from '../../../config/load.ts';
import { clockFindings, unitFindings } from '../../../daemon/doctor/machine.ts';
import { brokerFindings } from '../../../daemon/doctor/online.ts';
import { realClock } from '../../../daemon/platform/clock.ts';
import { mqttBroker } from '../../../daemon/platform/mqtt-broker.ts';
import { uptime } from '../../../drivers/contract/time.ts';
import { EmbeddedBroker } from '../../../simulator/broker.ts';
import { ended, latchkey, printed, start } from './process.ts';

interface Finding {
  readonly area: string;
  readonly state: string;
  readonly what: string;
  readonly remedy?: string;
}

const directory = mkdtempSync(join(tmpdir(), 'latchkey-doctor-'));
after(() => rmSync(directory, { recursive: true }));

async function examined(file: string) {
  const { status, stdout, stderr } = await latchkey(['doctor', '--config', file, '--json']);
  assert.equal(stderr, '', 'no bar where nobody looks');
  const told: { readonly ok: boolean; readonly findings: readonly Finding[] } = JSON.parse(stdout);
  assert.equal(told.ok, status === 0);
  for (const { state, remedy, what } of told.findings) {
    assert.equal(remedy !== undefined, state !== 'well', `${what}: a remedy for what is not well`);
  }
  const state = (sign: RegExp) => told.findings.find(({ what }) => sign.test(what))?.state;
  return { ...told, state, status };
}

function site(name: string, more: string): string {
  const home = join(directory, name);
  mkdirSync(join(home, 'store'), { recursive: true, mode: 0o700 });
  writeFileSync(join(home, 'pepper'), '07'.repeat(32), { mode: 0o600 });
  const file = join(home, 'config.yaml');
  writeFileSync(
    file,
    `site: { id: hut-1, zone: Europe/Stockholm, policies: { clockSource: assumed } }
store: { directory: ${home}/store }
secrets: { pinPepper: "file:${home}/pepper" }
${more}`,
  );
  return file;
}

test('a site that needs nothing more is told so, with a daemon and without', async () => {
  await using broker = await EmbeddedBroker.start();
  const file = site(
    'well',
    `buses: { a: { serial: /dev/null, baudRate: 19200 } }
cloud: { mqtt: { url: "${broker.url}", bridgeId: kb-7f3a91, trust: ${directory}/trust.json } }
api: { listen: "127.0.0.1:0" }
`,
  );
  const before = await examined(file);
  assert.equal(before.status, 0, JSON.stringify(before.findings));
  assert.equal(before.state(/no daemon runs here/), 'advice');
  assert.equal(before.state(/^a: \/dev\/null, .* may use it/), 'well');
  assert.equal(before.state(/^secrets.pinPepper: .*pepper, for .* only/), 'well');
  assert.equal(before.state(/MB free where/), 'well');
  assert.equal(before.state(/acknowledges a message in [\d.]+ ms/), 'well');

  const alone = site('alone', 'api: { listen: "127.0.0.1:0" }\n');
  const daemon = start(['run', '--config', alone]);
  await printed(daemon, /"event":"started"/);
  try {
    const beside = await examined(alone);
    assert.equal(beside.status, 0, JSON.stringify(beside.findings));
    assert.equal(beside.state(/the daemon answers at http/), 'well');
    assert.equal(beside.state(/nothing is connected/), 'advice');
  } finally {
    daemon.kill('SIGTERM');
    await ended(daemon);
  }
});

test('what is ill is named, each with what would mend it, and the exit status says so', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => taken.once('listening', resolve));
  const address = taken.address();
  assert.ok(typeof address === 'object' && address !== null);
  const file = site(
    'ill',
    `buses:
  gone: { serial: /dev/serial/by-id/none, baudRate: 19200 }
  flat: { serial: ${directory}/ill/config.yaml }
  gateway: { tcp: "127.0.0.1:1" }
cloud: { mqtt: { url: "mqtt://127.0.0.1:1", bridgeId: kb-7f3a91, trust: ${directory}/trust.json } }
vendors: { intserv: { credentials: "file:${directory}/ill/none", baseUrl: "http://127.0.0.1:1/v1" } }
api: { listen: "127.0.0.1:${address.port}" }
`,
  );
  chmodSync(join(directory, 'ill/store'), 0o755);
  writeFileSync(join(directory, 'ill/store/journal.db'), '', { mode: 0o644 });
  chmodSync(join(directory, 'ill/pepper'), 0o644);
  const { status, state, findings } = await examined(file);
  taken.close();
  assert.equal(status, 1);
  for (const sign of [
    /^gone: .*ENOENT/,
    /^flat: .* is no device/,
    /^gateway: 127.0.0.1:1: ECONNREFUSED/,
    /^mqtt:\/\/127.0.0.1:1: .*ECONNREFUSED/,
    /^intserv: .*ECONNREFUSED/,
    /^127.0.0.1:\d+: EADDRINUSE/,
    /others may look into .*store$/,
    /others may read .*journal.db/,
    /^secrets.pinPepper: others may read/,
    /^vendors.intserv.credentials: there is no/,
  ]) {
    assert.equal(state(sign), 'fault', `${sign} in ${JSON.stringify(findings)}`);
  }
});

test('a broker that acknowledges slowly is told of, with the setting that is usually missing', async () => {
  await using broker = await EmbeddedBroker.start();
  const config = loadConfig(
    site('slow', `cloud: { mqtt: { url: "${broker.url}", bridgeId: kb-7f3a91, trust: /none } }\n`),
  );
  // Each look at this clock is 15 ms after the one before; each message looks twice.
  const steps = (ms: number) => {
    let now = 0;
    const real = realClock();
    return {
      ...real,
      uptime() {
        now += ms;
        return uptime(now);
      },
    };
  };
  const broke = mqttBroker({ url: broker.url });
  const [slow] = await brokerFindings(config, broke, steps(25));
  assert.equal(slow?.state, 'advice');
  assert.match(slow?.remedy ?? '', /set_tcp_nodelay/);
  const [quick] = await brokerFindings(config, broke, steps(5));
  assert.equal(quick?.state, 'well');
});

test('a config with faults is told like check-config does, and nothing else is looked at', async () => {
  const file = site('wrong', 'buses: { a: { serial: /dev/null, baudRate: 7 } }\n');
  const { status, findings } = await examined(file);
  assert.equal(status, 1);
  assert.deepEqual(
    findings.map(({ area, state }) => [area, state]),
    [['config', 'fault']],
  );
});

test('a clock that cannot be right, one nobody set, and one that was', () => {
  const day = 86_400_000;
  const built = Date.UTC(2026, 10, 1);
  const state = (now: number, contact?: number) =>
    clockFindings(now, built, contact, false)[0]?.state;
  assert.equal(state(0), 'fault');
  assert.equal(state(built + day), 'advice');
  assert.equal(state(built + 3 * day, built + day), 'advice');
  assert.equal(state(built + day, built + day - 60_000), 'well');
});

test('a unit that is stopped, not enabled, or started again and again', () => {
  const unit = {
    LoadState: 'loaded',
    UnitFileState: 'enabled',
    ActiveState: 'active',
    NRestarts: '0',
  };
  const states = (more: Readonly<Record<string, string>>) =>
    unitFindings('latchkey.service', { ...unit, ...more }).map(({ state }) => state);
  assert.deepEqual(states({}), ['well', 'well']);
  assert.deepEqual(states({ UnitFileState: 'disabled' }), ['fault', 'well']);
  assert.deepEqual(states({ ActiveState: 'failed' }), ['well', 'fault']);
  assert.deepEqual(states({ NRestarts: '12' }), ['well', 'well', 'advice']);
  assert.deepEqual(states({ LoadState: 'not-found' }), ['advice']);
});
