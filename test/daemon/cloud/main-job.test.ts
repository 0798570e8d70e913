import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CloudClient } from '../../../daemon/cloud/client.ts';
import { keyInMemory } from '../../../daemon/cloud/client-key.ts';
import { realClock } from '../../../daemon/platform/clock.ts';
import { mqttBroker } from '../../../daemon/platform/mqtt-broker.ts';
import { realRandom } from '../../../daemon/platform/random.ts';
import { EmbeddedBroker } from '../../../simulator/broker.ts';
import { OwnCloud } from '../../../simulator/site/own-cloud.ts';
import { TcpLine } from '../../../simulator/tcp-line.ts';
import { until } from '../../real-time.ts';
import { Home, openBridge } from './bridge.ts';

const clock = realClock();
const random = realRandom();
const GRANT = {
  id: 'g-77',
  rev: 1,
  holder: 'p_8c1d',
  targets: [{ kind: 'key', id: 'key-14' }],
  window: { kind: 'ongoing' },
  operations: ['pickup', 'dropoff'],
} as const;

async function set() {
  const stack = new AsyncDisposableStack();
  const home = stack.use(new Home());
  const embedded = stack.use(await EmbeddedBroker.start());
  const cloud = stack.use(
    await OwnCloud.join({
      broker: mqttBroker({ url: embedded.url }),
      key: home.sender('cc-test'),
      clock,
      random,
    }),
  );
  // Over a line of its own, so that cutting it leaves the cloud where it is; and after the cloud, which hears all.
  const line = stack.use(await TcpLine.lay({ to: { host: '127.0.0.1', port: embedded.port } }));
  const url = `mqtt://127.0.0.1:${line.port}`;
  const bridge = stack.use(await openBridge(home, { clock, random, broker: mqttBroker({ url }) }));
  await until(() => cloud.client.state !== undefined);
  return { stack, home, embedded, line, bridge, cloud };
}

test('a grant put over a broker is known, a slot opens once, and its events reach the cloud in order', async () => {
  const { stack, bridge, cloud } = await set();
  await using _ = stack;
  const put = await cloud.putGrant(
    { ...GRANT, targets: [...GRANT.targets], operations: [...GRANT.operations] },
    [
      { id: 'c1', kind: 'pin', secret: '471113' },
      { id: 'c2', kind: 'fob', secret: '0f00012abc' },
    ],
  );
  assert.equal(put.status, 'ok', JSON.stringify(put));
  assert.equal(bridge.grants.count('cloud'), 1);

  const opened = await cloud.ask('slot.open', { dev: 'box', slot: 7, ms: 500 });
  assert.equal(opened.status, 'ok', JSON.stringify(opened));
  assert.equal(opened.data['result'], 'done');
  assert.equal(bridge.doors.pulseCount, 1);

  const revoked = await cloud.ask('grant.revoke', { id: 'g-77', rev: 2 });
  assert.deepEqual(revoked.data['devices'], [{ dev: 'box', state: 'dead' }]);
  assert.deepEqual(bridge.doors.withdrawn, ['g-77']);

  await until(() => bridge.journal.acknowledged === bridge.journal.lastSeq);
  const journal = bridge.journal.read({ limit: 1000 });
  assert.deepEqual(
    cloud.events.map(({ seq, type, hash }) => [seq, type, hash]),
    journal.map(({ seq, type, hash }) => [seq, type, hash]),
  );
  assert.equal(cloud.forged, 0);
});

test('what happened while the broker was cut arrives in order once it is back', async () => {
  const { stack, bridge, cloud, line } = await set();
  await using _ = stack;
  await line.cut();
  await until(() => !bridge.link.isOnline);
  for (let n = 0; n < 50; n += 1) {
    await bridge.journal.append({
      stamp: bridge.stamp(),
      entries: [{ type: n % 2 ? 'access.denied' : 'device.offline', body: { n } }],
    }).committed;
  }
  await line.mend();
  await until(() => bridge.journal.acknowledged === bridge.journal.lastSeq);
  const seqs = cloud.events.map(({ seq }) => seq);
  assert.deepEqual(
    seqs,
    [...seqs].sort((a, b) => a - b),
  );
  assert.equal(new Set(seqs).size, bridge.journal.lastSeq);
});

test('a drawn PIN comes back sealed to the key in the command, and once more on a repetition', async () => {
  const { stack, home, bridge, cloud } = await set();
  await using _ = stack;
  const { newKeyPair, privateKeyOf, publicHalf, unseal } = await import(
    '../../../daemon/cloud/jose.ts'
  );
  const mine = newKeyPair('X25519');
  const replyKey = { ...publicHalf(mine), crv: 'X25519' as const };
  const grant = { ...GRANT, credentials: [{ id: 'c1', kind: 'pin' as const }] };
  const body = {
    grant: { ...grant, targets: [...grant.targets], operations: [...grant.operations] },
    replyKey,
  };
  const replies = [await cloud.ask('grant.put', body), await cloud.ask('grant.put', body)];
  const pins = await Promise.all(
    replies.map(async ({ data }) => {
      const [pin] = data['pins'] as { sealed: string }[];
      return unseal(pin?.sealed ?? '', privateKeyOf(mine));
    }),
  );
  assert.match(pins[0] ?? '', /^\d{6}$/);
  assert.equal(pins[1], pins[0]);
  const stored = bridge.grants.list({ limit: 1 })[0]?.grant.credentials[0];
  assert.equal(stored?.digits, 6);
  assert.ok(home);
});

test('a second client with its own requester gets its own replies', async () => {
  const { stack, home, bridge, embedded } = await set();
  await using _ = stack;
  const ops = stack.use(
    await CloudClient.connect({
      broker: mqttBroker({ url: embedded.url }),
      topics: bridge.topics,
      key: keyInMemory(home.sender('ops-test')),
      requester: 'ops',
      clock,
      random,
    }),
  );
  const pong = await ops.send('ping', { echo: 'hello' });
  assert.equal(pong.data['echo'], 'hello');
  const refused = await ops.send('unlock', { dev: 'door' });
  assert.equal(refused.code, 'denied');
  assert.equal(bridge.doors.pulseCount, 0);
});
