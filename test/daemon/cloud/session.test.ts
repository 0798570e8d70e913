import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { BrokerError, type BrokerErrorCode } from '../../../daemon/cloud/broker.ts';
import type { WireDeviceState, WireState, WireStatus } from '../../../daemon/cloud/messages.ts';
import { firstWait, keepConnected, PATIENCE, waitAfter } from '../../../daemon/cloud/reconnect.ts';
import { SimulatedClock } from '../../../simulator/clock.ts';
import { seededRandom } from '../../../simulator/random.ts';
import { BRIDGE, type BridgeOptions, Home, openBridge } from './bridge.ts';
import { Wire } from './wire.ts';

/** A home with a wire, and nobody on it yet. */
function ground() {
  const stack = new AsyncDisposableStack();
  const home = stack.use(new Home());
  const clock = new SimulatedClock();
  const random = seededRandom(31);
  const wire = new Wire();
  const open = (more: Partial<BridgeOptions> = {}) =>
    openBridge(home, { clock, random, broker: wire, ...more });
  const last = <T>(topic: string): T | undefined =>
    (wire.json(new RegExp(`/${BRIDGE}/${topic}$`)) as T[]).at(-1);
  return { stack, home, clock, wire, open, last };
}

async function set() {
  const made = ground();
  const bridge = made.stack.use(await made.open());
  await made.clock.settle();
  return { ...made, bridge };
}

test('the wait after a failure is drawn from zero to a bound that doubles, up to five minutes', () => {
  const random = seededRandom(1);
  const lost = new BrokerError('closed', '');
  fc.assert(
    fc.property(fc.nat(60), (failures) => {
      const waits = Array.from({ length: 20 }, () => waitAfter(lost, failures, PATIENCE, random));
      const bound = Math.min(300_000, 1_000 * 2 ** failures);
      assert.ok(waits.every((wait) => wait >= 0 && wait < bound));
    }),
  );
  const many = Array.from({ length: 2_000 }, () => waitAfter(lost, 20, PATIENCE, random));
  const mean = many.reduce((sum, wait) => sum + wait, 0) / many.length;
  assert.ok(mean > 140_000 && mean < 160_000, `${mean}`);
});

test('what the broker said decides how long it is left alone', () => {
  const random = { ...seededRandom(1), fraction: () => 0 };
  const least = (code: BrokerErrorCode) =>
    waitAfter(new BrokerError(code, ''), 0, PATIENCE, random);
  assert.equal(least('not-authorised'), 15 * 60_000);
  assert.equal(least('taken-over'), 150_000);
  assert.equal(least('unreachable'), 0);
});

test('a fleet does not start as one: each bridge has its own place in the spread, the same each time', () => {
  const places = Array.from({ length: 600 }, (_, n) => firstWait(`kb-${n}00000`, PATIENCE));
  assert.ok(places.every((wait) => wait >= 0 && wait < 30_000));
  const thirds = [0, 1, 2].map(
    (third) => places.filter((wait) => Math.floor(wait / 10_000) === third).length,
  );
  for (const count of thirds) assert.ok(count > 140 && count < 260, `${thirds}`);
  assert.equal(firstWait('kb-7f3a91', PATIENCE), firstWait('kb-7f3a91', PATIENCE));
  assert.equal(firstWait('kb-7f3a91', { ...PATIENCE, spread: 0 }), 0);
});

test('a session of a minute makes the next failure count as the first', async () => {
  const clock = new SimulatedClock();
  const waits: number[] = [];
  const lives = [0, 0, 0, 0, 70_000, 0];
  const ending = new AbortController();
  const ran = keepConnected(
    {
      bridge: BRIDGE,
      clock,
      random: { ...seededRandom(1), fraction: () => 0.999999 },
      patience: { longest: 300_000, spread: 0 },
      attempt: async () => {
        const life = lives.shift();
        if (life === undefined) ending.abort();
        else
          await new Promise<void>((over) => clock.wakeAt((clock.uptime() + life) as never, over));
        return new BrokerError('closed', '');
      },
      waiting: (_why, wait) => waits.push(Math.round(wait / 1000)),
    },
    ending.signal,
  );
  await clock.advance(600_000);
  await ran;
  assert.deepEqual(waits, [1, 2, 4, 8, 1, 2]);
});

test('status, state and device states are told again after every connect, with a new number and a will to match', async () => {
  const { stack, clock, wire, last } = await set();
  await using _ = stack;
  const first = last<WireStatus>('status');
  assert.equal(first?.online, true);
  const will = () => JSON.parse(Buffer.from(wire.options?.will?.payload ?? []).toString());
  assert.deepEqual(
    [will().online, will().session, will().bdSeq],
    [false, first?.session, first?.bdSeq],
  );
  assert.equal(wire.options?.will?.retain, true);
  assert.deepEqual(wire.options?.subscriptions, [
    `latchkey/1/${BRIDGE}/cmd/+`,
    `latchkey/1/${BRIDGE}/ack`,
  ]);
  wire.published.length = 0;
  wire.cut();
  await clock.runUntil(() => wire.isConnected, 5_000);
  await clock.settle();
  const second = last<WireStatus>('status');
  assert.equal(second?.bdSeq, (first?.bdSeq ?? 0) + 1);
  assert.notEqual(second?.session, first?.session);
  assert.equal(will().bdSeq, second?.bdSeq);
  for (const topic of ['state', 'dev/box/state']) assert.ok(last(topic) !== undefined, topic);
});

test('the number of the session grows over restarts too', async () => {
  const { stack, home, clock, open, last } = ground();
  await using _ = stack;
  const directory = join(home.directory, 'store');
  const births: number[] = [];
  for (let n = 0; n < 3; n += 1) {
    await using again = await open({ directory });
    await clock.settle();
    assert.ok(again.link.isOnline);
    births.push(last<WireStatus>('status')?.bdSeq ?? 0);
  }
  assert.deepEqual(births, [1, 2, 3]);
});

test('a stop says goodbye itself, so that nobody takes it for a failure', async () => {
  const { stack, open, clock, last } = ground();
  await using _ = stack;
  const bridge = await open();
  await clock.settle();
  await bridge[Symbol.asyncDispose]();
  assert.deepEqual(
    [last<WireStatus>('status')?.online, last<WireStatus>('status')?.reason],
    [false, 'shutdown'],
  );
});

test('nonces change every five minutes and at each connect, two are good at a time, and state tells them', async () => {
  const { stack, clock, wire, last } = await set();
  await using _ = stack;
  const nonces = () => last<WireState>('state')?.nonces ?? [];
  const [first] = nonces();
  await clock.advance(5 * 60_000 + 200);
  assert.equal(nonces()[1], first);
  const [second] = nonces();
  wire.cut();
  await clock.runUntil(() => wire.isConnected, 5_000);
  await clock.settle();
  assert.equal(nonces()[1], second);
  assert.equal(nonces().length, 2);
});

test('state carries what a cloud needs to see whether anything is missing, and nothing of a person', async () => {
  const { stack, clock, bridge, last } = await set();
  await using _ = stack;
  bridge.link.stateChanged();
  await clock.advance(200);
  const state = last<WireState>('state');
  assert.equal(state?.epoch, bridge.journal.epoch);
  assert.equal(state?.grantsDigest, bridge.grants.digest('cloud'));
  assert.equal(state?.grantsVersion, 0);
  assert.deepEqual(Object.keys(state ?? {}).sort(), [
    ...['acked', 'bridge', 'caps', 'clock', 'counters', 'epoch', 'grants', 'grantsDigest'],
    ...['grantsVersion', 'lastSeq', 'lockdowns', 'nonces', 'site', 'ts', 'v', 'versions'],
  ]);
});

test('many changes of devices at once make one message each, and the age of the last proof is told each minute', async () => {
  const { stack, clock, wire, bridge } = await set();
  await using _ = stack;
  const told = () => wire.json(/\/dev\/box\/state$/) as WireDeviceState[];
  const before = told().length;
  for (let n = 0; n < 50; n += 1) bridge.link.deviceChanged();
  await clock.advance(1_000);
  assert.ok(told().length - before <= 1);
  await clock.advance(61_000);
  assert.equal(told().length, before + 1);
});

test('being taken over is an alarm: somebody else goes by our name', async () => {
  const { stack, clock, wire, bridge } = await set();
  await using _ = stack;
  wire.cut('taken-over');
  await clock.settle();
  const alarms = bridge.journal.read({ types: ['security.duplicate_id'], limit: 9 });
  assert.deepEqual(
    alarms.map(({ body }) => body),
    [{ bridge: BRIDGE, alarm: true }],
  );
});
