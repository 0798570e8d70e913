import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Command } from 'commander';
import { cloudCommand } from '../../../daemon/cli/cloud.ts';
import { readClientKey, writeClientKey } from '../../../daemon/cloud/client-key.ts';
import { realClock } from '../../../daemon/platform/clock.ts';
import { mqttBroker } from '../../../daemon/platform/mqtt-broker.ts';
import { realRandom } from '../../../daemon/platform/random.ts';
import { EmbeddedBroker } from '../../../simulator/broker.ts';
import { until } from '../../real-time.ts';
import { BRIDGE, Home, openBridge } from './bridge.ts';

const parts = { clock: realClock(), random: realRandom() };

/** Runs one command line and gives what it printed as JSON, and its exit status. */
async function run(t: TestContext, ...line: string[]) {
  const printed: string[] = [];
  const log = t.mock.method(console, 'log', (text: string) => void printed.push(text));
  const program = new Command().exitOverride();
  cloudCommand(program);
  await program.parseAsync(['node', 'latchkey', 'cloud', ...line, '--json']);
  log.mock.restore();
  const status = process.exitCode;
  process.exitCode = 0;
  return { status, reply: JSON.parse(printed.at(-1) ?? 'null') };
}

test('a person drives a site from a shell: each command signed, counted and answered', async (t) => {
  using home = new Home();
  await using embedded = await EmbeddedBroker.start();
  await using bridge = await openBridge(home, {
    ...parts,
    broker: mqttBroker({ url: embedded.url }),
  });
  await until(() => bridge.link.isOnline);
  const key = join(home.directory, 'cloud-key.json');
  writeClientKey(key, home.sender('cc-test'));
  const to = ['--broker', embedded.url, '--bridge', BRIDGE, '--key', key];

  const pong = await run(t, 'ping', '--echo', 'hello', ...to);
  assert.equal(pong.status, 0);
  assert.equal(pong.reply.data.echo, 'hello');

  const opened = await run(t, 'slot.open', '--dev', 'box', '--slot', '3', '--ms', '500', ...to);
  assert.deepEqual([opened.status, opened.reply.data.result], [0, 'done']);
  assert.equal(bridge.doors.pulseCount, 1);

  const missing = await run(t, 'unlock', '--dev', 'nowhere', ...to);
  assert.deepEqual([missing.status, missing.reply.code], [1, 'not_found']);

  const put = await run(
    t,
    'grant.put',
    ...[
      '--id',
      'g-1',
      '--rev',
      '1',
      '--pin',
      '860217',
      '--target',
      'key:key-14',
      '--target',
      'slot:box:3',
    ],
    ...to,
  );
  assert.deepEqual([put.status, put.reply.data.outcome], [0, 'stored']);
  assert.deepEqual(bridge.grants.list({ limit: 9 })[0]?.grant.targets, [
    { kind: 'key', id: 'key-14' },
    { kind: 'slot', id: 'box:3' },
  ]);

  const file = join(home.directory, 'grants.json');
  const grant = {
    ...{ id: 'g-2', rev: 1, holder: 'p_2', operations: ['unlock'], window: { kind: 'ongoing' } },
    credentials: [{ id: 'c', kind: 'fob', secret: '0f00012abc' }],
    targets: [{ kind: 'lock', id: 'door' }],
  };
  writeFileSync(file, JSON.stringify({ version: 5, grants: [grant] }));
  const snapshot = await run(t, 'grants.snapshot', file, ...to);
  assert.deepEqual([snapshot.status, snapshot.reply.data.complete], [0, true]);
  assert.equal(bridge.grants.version('cloud'), 5);
  assert.deepEqual(
    bridge.grants.list({ limit: 9 }).map((each) => each.grant.id),
    ['g-2'],
  );

  for (const window of [{ kind: 'weekend' }, { kind: 'instants', start: '2027-01-01' }]) {
    writeFileSync(file, JSON.stringify({ ...grant, id: 'g-3', window }));
    const wrong = await run(t, 'grant.put', file, ...to);
    assert.equal(wrong.status, 2);
    assert.match(wrong.reply.error.message, /^window: one of \{kind: ongoing\}.* ms since 1970/);
  }

  const revoked = await run(t, 'grant.revoke', 'g-2', '--rev', '9', ...to);
  assert.equal(revoked.status, 0);

  const lockdown = await run(t, 'lockdown', ...to);
  assert.equal(lockdown.status, 0);
  const released = await run(t, 'release', lockdown.reply.id, ...to);
  assert.equal(released.status, 0, JSON.stringify(released.reply));

  const state = await run(t, 'state', ...to);
  assert.equal(state.reply.status.online, true);
  assert.equal(state.reply.state.bridge, BRIDGE);
  assert.equal(state.reply.devices.box.link, 'up', 'also what is retained of each device');

  const kept = readClientKey(key);
  assert.equal(kept.counter, '8');
  assert.deepEqual(kept.pending, []);
  assert.ok(!readFileSync(key, 'utf8').includes('860217'));
});

test('a command line that cannot be sent says why, in JSON too', async (t) => {
  using home = new Home();
  const key = join(home.directory, 'cloud-key.json');
  const none = await run(t, 'ping', '--key', key, '--broker', 'mqtt://127.0.0.1:1');
  assert.equal(none.status, 2);
  writeClientKey(key, home.sender('cc-test'));
  const silent = await run(t, 'ping', '--key', key, '--broker', 'mqtt://127.0.0.1:1');
  assert.deepEqual([silent.status, silent.reply.error.code], [3, 'unreachable']);
});
