import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SessionOptions } from '../../../daemon/cloud/broker.ts';
import {
  BROKER_LIMITS,
  messageFaults,
  sessionFaults,
} from '../../../daemon/cloud/broker-limits.ts';
import { CloudClient } from '../../../daemon/cloud/client.ts';
import { keyInMemory } from '../../../daemon/cloud/client-key.ts';
import { COMMAND_TYPES } from '../../../daemon/cloud/commands.ts';
import { COMMAND_EXAMPLES } from '../../../daemon/cloud/examples.ts';
import { LARGEST, topicsOf } from '../../../daemon/cloud/topics.ts';
import { SimulatedClock } from '../../../simulator/clock.ts';
import { seededRandom } from '../../../simulator/random.ts';
import { BRIDGE, Home, openBridge } from './bridge.ts';
import { Forge } from './forge.ts';
import { Wire } from './wire.ts';

/** The longest names that the rules of the topics allow. */
const ROOT = `${'r'.repeat(40)}/${'s'.repeat(40)}/${'t'.repeat(40)}`;
const LONG_BRIDGE = `kb-${'b'.repeat(29)}`;
const LONG_DEVICE = 'd'.repeat(32);

for (const limits of BROKER_LIMITS) {
  test(`${limits.name} takes every topic at its longest, and every message at its largest`, () => {
    const topics = topicsOf(ROOT, LONG_BRIDGE);
    const longest = [
      ...COMMAND_TYPES.map((type) => [topics.command(type), LARGEST.command, false] as const),
      [topics.ack, LARGEST.ack, false] as const,
      [topics.reply('q'.repeat(32)), LARGEST.reply, false] as const,
      [topics.events('security'), LARGEST.events, false] as const,
      [topics.status, LARGEST.status, true] as const,
      [topics.state, LARGEST.state, true] as const,
      [topics.device(LONG_DEVICE), LARGEST.device, true] as const,
    ];
    for (const [topic, bytes, retain] of longest) {
      const message = { topic, payload: Buffer.alloc(bytes), qos: 1, retain } as const;
      assert.deepEqual(messageFaults(message, limits), []);
    }
  });
}

test('every session, topic and message of a busy bridge and of its client is within the limits of every broker', async () => {
  using home = new Home();
  const clock = new SimulatedClock();
  const random = seededRandom(4);
  const wire = new Wire();
  const sessions: SessionOptions[] = [];
  const noting = {
    name: wire.name,
    connect: (...[options, listener, signal]: Parameters<Wire['connect']>) => {
      sessions.push(options);
      return wire.connect(options, listener, signal);
    },
  };
  await using bridge = await openBridge(home, { clock, random, broker: noting });
  await clock.settle();
  const cc = new Forge(home.sender('cc-test'), clock, random);
  const ops = new Forge(home.sender('ops-test'), clock, random);
  const states = () => wire.json(/\/state$/) as { nonces?: string[] }[];
  for (const type of COMMAND_TYPES) {
    for (const forge of [cc, ops]) {
      const nonce = states().findLast((state) => state.nonces)?.nonces?.[0];
      const made = forge.make(type, COMMAND_EXAMPLES[type], nonce);
      await wire.deliver(`latchkey/1/${BRIDGE}/cmd/${type}`, made.token);
      await clock.settle();
      assert.equal(wire.replies(made.id).length, 1, type);
    }
  }
  // A backlog with the largest events there are.
  wire.cut();
  await clock.settle();
  for (let n = 0; n < 300; n += 1) {
    const text = 'x'.repeat((n * 97) % 18_000);
    const entries = [{ type: 'device.log', body: { text } } as const];
    await bridge.journal.append({ stamp: bridge.stamp(), entries }).committed;
  }
  await clock.runUntil(() => wire.isConnected, 5_000);
  await clock.advance(6 * 60_000);
  assert.ok(wire.published.length > 300);
  for (const limits of BROKER_LIMITS) {
    assert.deepEqual(
      wire.published.flatMap((message) => messageFaults(message, limits)),
      [],
    );
    assert.deepEqual(
      sessions.flatMap((options) => sessionFaults(options, limits)),
      [],
    );
  }
  assert.ok(wire.published.every(({ qos }) => qos === 1));
  // Nothing that is momentary is ever retained, everything that is current state is.
  for (const { topic, retain } of wire.published) {
    assert.equal(retain, /\/(status|state)$/.test(topic), topic);
  }
  const own = wire.published.every(({ topic }) => topic.startsWith(`latchkey/1/${BRIDGE}/`));
  assert.ok(own, 'a bridge publishes below its own id only');
});

test('unacknowledged messages stay below what every broker allows', async () => {
  using home = new Home();
  const clock = new SimulatedClock();
  const random = seededRandom(4);
  const wire = new Wire();
  let open = 0;
  let most = 0;
  const slow = {
    name: wire.name,
    connect: async (...[options, listener, signal]: Parameters<Wire['connect']>) => {
      const session = await wire.connect(options, listener, signal);
      return {
        ...session,
        publish: async (message: Parameters<typeof session.publish>[0]) => {
          open += 1;
          most = Math.max(most, open);
          await new Promise<void>((later) => setImmediate(later));
          open -= 1;
          return session.publish(message);
        },
      };
    },
  };
  await using bridge = await openBridge(home, { clock, random, broker: slow });
  for (let n = 0; n < 200; n += 1) {
    const type = n % 2 ? 'access.denied' : 'device.online';
    await bridge.journal.append({ stamp: bridge.stamp(), entries: [{ type, body: { n } }] })
      .committed;
  }
  await clock.advance(1_000);
  assert.ok(most > 1);
  assert.ok(
    most <= Math.min(...BROKER_LIMITS.map(({ unacknowledged }) => unacknowledged)),
    `${most}`,
  );
});

test('the client of the cloud asks for no more than every broker gives', async () => {
  using home = new Home();
  const clock = new SimulatedClock();
  const wire = new Wire();
  await using client = await CloudClient.connect({
    broker: wire,
    topics: topicsOf(ROOT, LONG_BRIDGE),
    key: keyInMemory(home.sender('cc-test')),
    requester: 'q'.repeat(32),
    clock,
    random: seededRandom(1),
  });
  assert.ok(client.isConnected && wire.options !== undefined);
  for (const limits of BROKER_LIMITS) {
    assert.deepEqual(sessionFaults(wire.options, limits), []);
  }
});
