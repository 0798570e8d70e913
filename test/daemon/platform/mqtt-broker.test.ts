import assert from 'node:assert/strict';
import { createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { generate, type Packet, parser } from 'mqtt-packet';
import { BrokerError, type SessionOptions } from '../../../daemon/cloud/broker.ts';
import { mqttBroker } from '../../../daemon/platform/mqtt-broker.ts';
import { until } from '../../real-time.ts';

const OPTIONS: SessionOptions = {
  clientId: 'kb-7f3a91',
  willDelaySeconds: 0,
  subscriptions: ['t/+'],
  sessionExpirySeconds: 600,
  receiveMaximum: 8,
  keepAliveSeconds: 30,
  connectWithin: 2_000,
};
const never = new AbortController().signal;
const deaf = { message: async () => {}, closed: () => {} };

/** A broker that says to each packet what it is told to say: for what no broker at hand can be made to say. */
async function broker(
  answer: (packet: Packet, version: number, say: (packet: Packet) => void, socket: Socket) => void,
) {
  const sockets = new Set<Socket>();
  const versions: number[] = [];
  const server = createServer((socket) => {
    sockets.add(socket);
    let version = 4;
    const read = parser({ protocolVersion: 5 });
    read.on('packet', (packet: Packet) => {
      if (packet.cmd === 'connect') {
        version = packet.protocolVersion ?? 4;
        versions.push(version);
      }
      answer(
        packet,
        version,
        (reply) => socket.write(generate(reply, { protocolVersion: version })),
        socket,
      );
    });
    socket.on('data', (chunk) => read.parse(chunk));
    socket.on('error', () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    url: `mqtt://127.0.0.1:${address.port}`,
    versions,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

const welcome = (version: number): Packet =>
  version === 5
    ? { cmd: 'connack', sessionPresent: false, reasonCode: 0 }
    : { cmd: 'connack', sessionPresent: false, returnCode: 0 };

function polite(packet: Packet, version: number, say: (packet: Packet) => void): void {
  if (packet.cmd === 'connect') say(welcome(version));
  if (packet.cmd === 'subscribe' && packet.messageId !== undefined) {
    say({ cmd: 'suback', messageId: packet.messageId, granted: packet.subscriptions.map(() => 1) });
  }
}

async function codeOf(attempt: Promise<unknown>): Promise<string> {
  try {
    await attempt;
    return 'none';
  } catch (problem) {
    assert.ok(problem instanceof BrokerError, String(problem));
    return problem.code;
  }
}

for (const [reasonCode, code] of [
  [0x86, 'not-authorised'],
  [0x87, 'not-authorised'],
  [0x89, 'busy'],
  [0x97, 'busy'],
  [0x9f, 'busy'],
  [0x9c, 'moved'],
  [0x80, 'refused'],
] as const) {
  test(`a CONNECT refused with 0x${reasonCode.toString(16)} is ${code}`, async () => {
    await using server = await broker((packet, _version, say) => {
      if (packet.cmd === 'connect') say({ cmd: 'connack', sessionPresent: false, reasonCode });
    });
    assert.equal(await codeOf(mqttBroker({ url: server.url }).connect(OPTIONS, deaf, never)), code);
    assert.deepEqual(server.versions, [5]);
  });
}

test('a broker that does not know version 5 and says so is spoken to in 3.1.1, from then on at once', async () => {
  await using server = await broker((packet, version, say, socket) => {
    if (packet.cmd === 'connect' && version === 5) {
      socket.end(
        generate({ cmd: 'connack', sessionPresent: false, returnCode: 1 }, { protocolVersion: 4 }),
      );
    } else polite(packet, version, say);
  });
  const port = mqttBroker({ url: server.url });
  for (let n = 0; n < 2; n += 1) {
    const session = await port.connect(OPTIONS, deaf, never);
    assert.equal(session.facts.protocol, 'mqtt-3.1.1');
    await session.close();
  }
  assert.deepEqual(server.versions, [5, 4, 4]);
});

test('a broker that hangs up on version 5 is spoken to in 3.1.1', async () => {
  await using server = await broker((packet, version, say, socket) => {
    if (packet.cmd === 'connect' && version === 5) socket.destroy();
    else polite(packet, version, say);
  });
  const session = await mqttBroker({ url: server.url }).connect(OPTIONS, deaf, never);
  assert.equal(session.facts.protocol, 'mqtt-3.1.1');
  await session.close();
});

for (const [reasonCode, code] of [
  [0x8e, 'taken-over'],
  [0x8b, 'refused'],
  [0x95, 'too-large'],
] as const) {
  test(`a session that is ended with 0x${reasonCode.toString(16)} closes as ${code}`, async () => {
    await using server = await broker((packet, version, say, socket) => {
      polite(packet, version, say);
      if (packet.cmd === 'subscribe') {
        setImmediate(() => {
          say({ cmd: 'disconnect', reasonCode });
          socket.end();
        });
      }
    });
    const closed = Promise.withResolvers<BrokerError>();
    await mqttBroker({ url: server.url }).connect(
      OPTIONS,
      { ...deaf, closed: closed.resolve },
      never,
    );
    assert.equal((await closed.promise).code, code);
  });
}

test('a publish is refused alone where the broker refuses it alone, and ends with the session otherwise', async () => {
  await using server = await broker((packet, version, say, socket) => {
    polite(packet, version, say);
    if (packet.cmd !== 'publish' || packet.messageId === undefined) return;
    if (packet.topic === 'drop') socket.destroy();
    else
      say({
        cmd: 'puback',
        messageId: packet.messageId,
        reasonCode: packet.topic === 'no' ? 0x97 : 0,
      });
  });
  const session = await mqttBroker({ url: server.url }).connect(OPTIONS, deaf, never);
  const say = (topic: string) =>
    session.publish({ topic, payload: Buffer.from('x'), qos: 1, retain: false });
  await say('yes');
  assert.equal(await codeOf(say('no')), 'busy');
  await say('yes');
  assert.equal(await codeOf(say('drop')), 'closed');
  assert.equal(await codeOf(say('yes')), 'closed');
});

for (const version of [5, 4] as const) {
  test(`messages are acknowledged once, when done with, in their order, and no more handed over than may be (MQTT ${version})`, async () => {
    const acknowledged: number[] = [];
    await using server = await broker((packet, spoken, say, socket) => {
      if (version === 4 && packet.cmd === 'connect' && spoken === 5) socket.destroy();
      else polite(packet, spoken, say);
      if (packet.cmd === 'puback') acknowledged.push(packet.messageId ?? 0);
      if (packet.cmd !== 'subscribe') return;
      for (const messageId of [258, 3, 65_535, 1]) {
        const common = { cmd: 'publish', topic: 't/x', dup: false, retain: false } as const;
        say({ ...common, qos: 1, messageId, payload: `${messageId}` });
      }
      say({ cmd: 'publish', topic: 't/x', dup: false, retain: false, qos: 0, payload: 'none' });
    });
    const gates: (() => void)[] = [];
    const texts: string[] = [];
    const session = await mqttBroker({ url: server.url }).connect(
      { ...OPTIONS, atOnce: 2 },
      {
        ...deaf,
        message({ payload }) {
          texts.push(Buffer.from(payload).toString());
          return new Promise((resolve) => gates.push(resolve));
        },
      },
      never,
    );
    await until(() => texts.length === 2);
    gates[1]?.(); // the second is done with first, and waits for the first
    gates[0]?.();
    await until(() => texts.length === 4 && acknowledged.length === 2);
    assert.deepEqual(acknowledged, [258, 3]);
    gates[2]?.();
    gates[3]?.();
    await until(() => texts.length === 5);
    gates[4]?.();
    await until(() => acknowledged.length === 4);
    await session.close();
    assert.deepEqual(acknowledged, [258, 3, 65_535, 1]);
    assert.deepEqual(texts, ['258', '3', '65535', '1', 'none']);
  });
}

test('a subscription that is not granted is no session', async () => {
  await using server = await broker((packet, version, say) => {
    if (packet.cmd === 'connect') say(welcome(version));
    if (packet.cmd === 'subscribe' && packet.messageId !== undefined) {
      say({ cmd: 'suback', messageId: packet.messageId, granted: [0x87] });
    }
  });
  assert.equal(
    await codeOf(mqttBroker({ url: server.url }).connect(OPTIONS, deaf, never)),
    'not-authorised',
  );
});

test('nobody there, nobody answering, and being told to stop', async () => {
  assert.equal(
    await codeOf(mqttBroker({ url: 'mqtt://127.0.0.1:1' }).connect(OPTIONS, deaf, never)),
    'unreachable',
  );
  await using silent = await broker(() => {});
  const hurried = { ...OPTIONS, connectWithin: 50 };
  assert.equal(
    await codeOf(mqttBroker({ url: silent.url }).connect(hurried, deaf, never)),
    'unreachable',
  );
  const stop = new AbortController();
  const attempt = codeOf(mqttBroker({ url: silent.url }).connect(OPTIONS, deaf, stop.signal));
  stop.abort();
  assert.equal(await attempt, 'closed');
});

test('name and password of an address are not told to anybody', () => {
  assert.equal(
    mqttBroker({ url: 'mqtts://me:secret@broker.example:8883' }).name,
    'mqtts://broker.example:8883',
  );
});
