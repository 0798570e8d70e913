import assert from 'node:assert/strict';
import { copyFileSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import {
  BrokerError,
  type BrokerListener,
  type BrokerSession,
  type ReceivedMessage,
} from '../../../daemon/cloud/broker.ts';
import { realClock } from '../../../daemon/platform/clock.ts';
import { mqttBroker } from '../../../daemon/platform/mqtt-broker.ts';
import { realRandom } from '../../../daemon/platform/random.ts';
import { OwnCloud } from '../../../simulator/site/own-cloud.ts';
import { until } from '../../real-time.ts';
import { BRIDGE, Home, openBridge } from './bridge.ts';
import { type Lines, Mosquitto, makeCertificates, mosquittoFor } from './mosquitto.ts';

const clock = realClock();
const random = realRandom();
const CONFIG = resolve(import.meta.dirname, '../../../config');

const SESSION = {
  willDelaySeconds: 0,
  sessionExpirySeconds: 0,
  receiveMaximum: 8,
  keepAliveSeconds: 30,
  connectWithin: 5_000,
};

/** The shipped configuration, its paths and ports changed to those of the test. */
const shipped: Lines = (directory, port, otherPort) => {
  copyFileSync(join(CONFIG, 'mosquitto.acl'), join(directory, 'latchkey.acl'));
  const text = readFileSync(join(CONFIG, 'mosquitto.conf'), 'utf8');
  return text
    .replace('listener 8883', `listener ${port} 127.0.0.1`)
    .replace('listener 8884', `listener ${otherPort} 127.0.0.1`)
    .replaceAll('/etc/mosquitto/certs', directory)
    .replaceAll('/etc/mosquitto', directory)
    .replace('persistence true', 'persistence false')
    .split('\n');
};

/** Each comes to the listener that is meant for it. */
function certified(broker: Mosquitto, name: string) {
  const pem = (file: string) => readFileSync(join(broker.directory, file), 'utf8');
  const port = name === 'cloud' ? broker.otherPort : broker.port;
  return mqttBroker({
    url: `mqtts://localhost:${port}`,
    tls: { ca: pem('ca.crt'), cert: pem(`${name}.crt`), key: pem(`${name}.key`) },
  });
}

async function secured(binary: string): Promise<Mosquitto> {
  return Mosquitto.start(binary, (directory, port, otherPort) => {
    makeCertificates(directory, { ca: ['server', BRIDGE, 'kb-000002'], 'cloud-ca': ['cloud'] });
    return shipped(directory, port, otherPort);
  });
}

/** Listens, and gathers what it is given. */
function ears() {
  const heard: ReceivedMessage[] = [];
  const listener: BrokerListener = {
    message: async (message) => void heard.push(message),
    closed: () => {},
  };
  return { heard, listener };
}

test('the shipped Mosquitto files: the whole job over mutual TLS', async (t) => {
  const binary = mosquittoFor(t);
  if (binary === undefined) return;
  await using broker = await secured(binary);
  using home = new Home();
  await using bridge = await openBridge(home, { clock, random, broker: certified(broker, BRIDGE) });
  await using cloud = await OwnCloud.join({
    broker: certified(broker, 'cloud'),
    key: home.sender('cc-test'),
    clock,
    random,
  });
  const reply = await cloud.ask('slot.open', { dev: 'box', slot: 3 });
  assert.equal(reply.data['result'], 'done');
  await until(() => bridge.journal.acknowledged === bridge.journal.lastSeq);
  const online = bridge.log.find(({ event }) => event === 'cloud-online');
  assert.equal(online?.fields['protocol'], 'mqtt-5');
});

test("the shipped access list: a bridge can neither read nor write what is another one's", async (t) => {
  const binary = mosquittoFor(t);
  if (binary === undefined) return;
  await using broker = await secured(binary);
  const cloudEars = ears();
  const other = ears();
  const signal = new AbortController().signal;
  const open = (
    name: string,
    subscriptions: readonly string[],
    { listener }: ReturnType<typeof ears>,
  ) =>
    certified(broker, name).connect(
      { ...SESSION, clientId: name, subscriptions },
      listener,
      signal,
    );
  const mine = `latchkey/1/${BRIDGE}`;
  await using stack = new AsyncDisposableStack();
  const kept = (session: BrokerSession) => stack.adopt(session, (each) => each.close());
  const cloud = kept(await open('cloud', ['latchkey/1/+/evt/+', 'latchkey/1/+/res/+'], cloudEars));
  const bridge = kept(await open('kb-000002', ['latchkey/1/kb-000002/cmd/+'], other));
  const payload = Buffer.from('x');
  const say = (session: BrokerSession, topic: string) =>
    session.publish({ topic, payload, qos: 1, retain: false }).catch((problem: unknown) => {
      assert.ok(
        problem instanceof BrokerError && problem.code === 'not-authorised',
        String(problem),
      );
    });

  // Reading: neither one topic of the other, nor a wildcard that would hold it, gives anything.
  for (const filter of [
    `${mine}/cmd/+`,
    `${mine}/ack`,
    `${mine}/state`,
    'latchkey/1/+/cmd/+',
    'latchkey/#',
    '#',
  ]) {
    await bridge.subscribe([filter]).catch((problem: unknown) => {
      assert.ok(
        problem instanceof BrokerError && problem.code === 'not-authorised',
        String(problem),
      );
    });
  }
  await say(cloud, `${mine}/cmd/ping`);
  await say(cloud, `${mine}/ack`);
  await say(cloud, 'latchkey/1/kb-000002/cmd/ping');
  await until(() => other.heard.length > 0);
  // Each filter that is allowed to hold the own topic gives a copy of it, and of nothing else.
  const own = new Set(['latchkey/1/kb-000002/cmd/ping']);
  assert.deepEqual(new Set(other.heard.map(({ topic }) => topic)), own);

  // Writing: neither the other's events, nor commands to it, nor a reply in its name.
  for (const topic of [
    `${mine}/evt/access`,
    `${mine}/res/cc`,
    `${mine}/cmd/unlock`,
    `${mine}/status`,
    'latchkey/1/kb-000002/cmd/unlock',
  ]) {
    await say(bridge, topic);
  }
  await say(bridge, 'latchkey/1/kb-000002/evt/access');
  await until(() => cloudEars.heard.length > 0);
  assert.deepEqual(
    cloudEars.heard.map(({ topic }) => topic),
    ['latchkey/1/kb-000002/evt/access'],
  );
  assert.deepEqual(new Set(other.heard.map(({ topic }) => topic)), own);
});

test('without a certificate of the authority nobody gets in', async (t) => {
  const binary = mosquittoFor(t);
  if (binary === undefined) return;
  await using broker = await secured(binary);
  const ca = readFileSync(join(broker.directory, 'ca.crt'), 'utf8');
  const { listener } = ears();
  const signal = new AbortController().signal;
  const options = { ...SESSION, clientId: BRIDGE, subscriptions: [] };
  const url = `mqtts://localhost:${broker.port}`;
  await assert.rejects(
    mqttBroker({ url, tls: { ca } }).connect(options, listener, signal),
    BrokerError,
  );
  // And we do not talk to a broker whose certificate nobody vouches for.
  await assert.rejects(mqttBroker({ url }).connect(options, listener, signal), BrokerError);
});

test('a broker that is killed, stopped and emptied loses no event and repeats no opening', async (t) => {
  const binary = mosquittoFor(t);
  if (binary === undefined) return;
  await using broker = await Mosquitto.start(binary);
  using home = new Home();
  await using bridge = await openBridge(home, {
    clock,
    random,
    broker: mqttBroker({ url: broker.url }),
    options: { keepAliveSeconds: 1 },
  });
  await using cloud = await OwnCloud.join({
    broker: mqttBroker({ url: broker.url }),
    key: home.sender('cc-test'),
    clock,
    random,
  });
  let asked = 0;
  const open = async () => {
    await until(() => bridge.link.isOnline && cloud.client.isConnected);
    await cloud.client.until(({ state }) => state !== undefined, 5_000);
    asked += 1;
    const reply = await cloud.ask('slot.open', { dev: 'box', slot: 1 });
    assert.equal(reply.data['result'], 'done', JSON.stringify(reply));
  };
  const happen = () =>
    bridge.journal.append({
      stamp: bridge.stamp(),
      entries: [{ type: 'access.denied', body: { asked } }],
    }).committed;
  await open();
  await broker.kill(); // and emptied: it keeps nothing
  await happen();
  await until(() => !bridge.link.isOnline);
  await broker.up();
  await open();
  broker.pause();
  await happen();
  await until(() => !bridge.link.isOnline);
  broker.resume();
  await open();
  await until(() => bridge.journal.acknowledged === bridge.journal.lastSeq, 20_000);
  assert.equal(bridge.doors.pulseCount, asked);
  for (const count of bridge.doors.pulses.values()) assert.equal(count, 1);
  const seqs = cloud.events.map(({ seq }) => seq);
  assert.equal(new Set(seqs).size, seqs.length);
  assert.deepEqual(
    seqs.toSorted((a, b) => a - b),
    Array.from({ length: bridge.journal.lastSeq }, (_, n) => n + 1),
  );
});

test('the acknowledgement of a command is held back until it is done with, and lost with the connection', async (t) => {
  const binary = mosquittoFor(t);
  if (binary === undefined) return;
  await using broker = await Mosquitto.start(binary);
  const port = mqttBroker({ url: broker.url });
  const options = {
    ...SESSION,
    sessionExpirySeconds: 600,
    clientId: 'kb-slow',
    subscriptions: ['t/+'],
  };
  const first = Promise.withResolvers<ReceivedMessage>();
  const stop = new AbortController();
  await port.connect(
    options,
    {
      message: (message) => {
        first.resolve(message);
        return new Promise(() => {});
      },
      closed: () => {},
    },
    stop.signal,
  );
  const signal = new AbortController().signal;
  const sender = await port.connect(
    { ...SESSION, clientId: 'sender', subscriptions: [] },
    ears().listener,
    signal,
  );
  await sender.publish({ topic: 't/1', payload: Buffer.from('once'), qos: 1, retain: false });
  assert.equal((await first.promise).duplicate, false);
  stop.abort();
  const again = ears();
  const session = await port.connect(options, again.listener, signal);
  assert.equal(session.facts.sessionPresent, true);
  await until(() => again.heard.length > 0);
  assert.equal(again.heard[0]?.duplicate, true);
  await session.close();
  await sender.close();
});

test('a message larger than the broker takes is refused here, before it is sent', async (t) => {
  const binary = mosquittoFor(t);
  if (binary === undefined) return;
  await using broker = await Mosquitto.start(binary, (_, port) => [
    `listener ${port} 127.0.0.1`,
    'allow_anonymous true',
    'max_packet_size 2000',
  ]);
  const signal = new AbortController().signal;
  const session = await mqttBroker({ url: broker.url }).connect(
    { ...SESSION, clientId: 'kb-large', subscriptions: [] },
    ears().listener,
    signal,
  );
  assert.equal(session.facts.maximumPacket, 2000);
  await assert.rejects(
    session.publish({ topic: 't', payload: Buffer.alloc(3000), qos: 1, retain: false }),
    (problem) => problem instanceof BrokerError && problem.code === 'too-large',
  );
  await session.publish({ topic: 't', payload: Buffer.alloc(300), qos: 1, retain: false });
  await session.close();
});

test('a bridge that calls itself by the name of another pushes nobody out', async (t) => {
  const binary = mosquittoFor(t);
  if (binary === undefined) return;
  await using broker = await secured(binary);
  const signal = new AbortController().signal;
  let closed: BrokerError | undefined;
  const mine = await certified(broker, BRIDGE).connect(
    { ...SESSION, clientId: BRIDGE, subscriptions: [] },
    { message: async () => {}, closed: (why) => (closed = why) },
    signal,
  );
  const thief = await certified(broker, 'kb-000002').connect(
    { ...SESSION, clientId: BRIDGE, subscriptions: [] },
    ears().listener,
    signal,
  );
  const topic = `latchkey/1/${BRIDGE}/evt/access`;
  await mine.publish({ topic, payload: Buffer.from('still here'), qos: 1, retain: false });
  assert.equal(closed, undefined);
  await thief.close();
  await mine.close();
});
