import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compactVerify } from 'jose';
import { checkpointOf } from '../../../daemon/access/checkpoint.ts';
import type { Entry } from '../../../daemon/access/entry.ts';
import { holderId } from '../../../daemon/access/model.ts';
import type { CloudOptions } from '../../../daemon/cloud/cloud-link.ts';
import { EventFeed } from '../../../daemon/cloud/event-feed.ts';
import { EventFollower } from '../../../daemon/cloud/event-follower.ts';
import { privateKeyOf, publicKeyOf } from '../../../daemon/cloud/jose.ts';
import { signNow } from '../../../daemon/cloud/jws.ts';
import {
  ACK_TYP,
  logLineSchema,
  stateSchema,
  type WireEvent,
} from '../../../daemon/cloud/messages.ts';
import { StorageError } from '../../../daemon/store/ports.ts';
import { instant } from '../../../drivers/contract/time.ts';
import { SimulatedClock } from '../../../simulator/clock.ts';
import { seededRandom } from '../../../simulator/random.ts';
import { BRIDGE, type Bridge, Home, openBridge } from './bridge.ts';
import { Forge } from './forge.ts';
import { Wire } from './wire.ts';

const DAY = 86_400_000;
const LONG = process.env['LATCHKEY_LONG'] === '1';

async function set(options: CloudOptions = {}) {
  const stack = new AsyncDisposableStack();
  const home = stack.use(new Home());
  const clock = new SimulatedClock();
  const random = seededRandom(9);
  const wire = new Wire();
  const bridge = stack.use(await openBridge(home, { clock, random, broker: wire, options }));
  await clock.settle();
  const cc = home.sender('cc-test');
  const acknowledge = async (epoch: string, seq: number) => {
    const ack = { v: 1, aud: BRIDGE, iat: Math.floor(clock.now() / 1000), epoch, seq };
    const token = signNow(ack, ACK_TYP, { kid: cc.kid, key: privateKeyOf(cc.jwk) });
    await wire.deliver(`latchkey/1/${BRIDGE}/ack`, token);
  };
  return {
    stack,
    home,
    clock,
    random,
    wire,
    bridge,
    acknowledge,
    forge: new Forge(cc, clock, random),
  };
}

/** Happens at once; returns the seqs. */
async function happen(
  bridge: Bridge,
  entries: readonly Entry[],
  at = bridge.stamp().at,
): Promise<number[]> {
  const { recorded, committed } = bridge.journal.append({
    stamp: { ...bridge.stamp(), at },
    entries,
  });
  await committed;
  return recorded.map(({ seq }) => seq);
}

function mixed(count: number): Entry[] {
  return Array.from({ length: count }, (_, n) => ({
    type:
      (['access.denied', 'device.offline', 'device.online', 'system.clock_state'] as const)[
        n % 4
      ] ?? 'access.denied',
    body: { n },
  }));
}

const BACKLOG = LONG ? 100_000 : 4_000;

test(`P8: a backlog of ${BACKLOG} events drains in order within the pace, and what happens meanwhile is told within 2 s`, async () => {
  const { stack, clock, wire, bridge, acknowledge } = await set({ drainPerSecond: 100 });
  await using _ = stack;
  wire.isUp = false;
  wire.cut();
  await clock.settle();
  for (let n = 0; n < BACKLOG; n += 500) await happen(bridge, mixed(500));
  const last = bridge.journal.lastSeq;
  wire.published.length = 0;

  const follower = new EventFollower();
  const arrived = new Map<number, number>();
  const order: number[] = [];
  const stamps: number[] = [];
  wire.heard = (message) => {
    if (!/\/evt\//.test(message.topic)) return;
    stamps.push(clock.uptime());
    assert.ok(message.payload.length <= 16 * 1024);
    const value = JSON.parse(Buffer.from(message.payload).toString());
    for (const event of (value.batch ?? [value]) as WireEvent[]) {
      const taken = follower.take(event);
      if (taken.kind !== 'new') continue;
      assert.ok(taken.genuine);
      arrived.set(event.seq, clock.uptime());
      if (event.seq <= last) order.push(event.seq);
    }
  };
  wire.isUp = true;
  const live: [seq: number, at: number][] = [];
  for (
    let second = 0;
    second < 100_000 && bridge.journal.acknowledged < bridge.journal.lastSeq;
    second += 1
  ) {
    if (second % 5 === 2) {
      const at = clock.uptime();
      for (const seq of await happen(bridge, [{ type: 'access.granted', body: { second } }]))
        live.push([seq, at]);
    }
    await clock.advance(1_000);
    const mark = follower.watermark;
    if (mark !== undefined && wire.isConnected) await acknowledge(mark.epoch, mark.seq);
  }
  assert.deepEqual(
    order,
    Array.from({ length: last }, (_, n) => n + 1),
  );
  assert.ok(live.length > 0);
  for (const [seq, at] of live) {
    const took = (arrived.get(seq) ?? Number.POSITIVE_INFINITY) - at;
    assert.ok(took <= 2_000, `event ${seq} took ${took} ms`);
  }
  // No second has more messages than the pace, but for the one after a rest.
  for (const [at, stamp] of stamps.entries()) {
    const within = stamps.slice(at).findIndex((each) => each >= stamp + 1_000);
    assert.ok((within === -1 ? stamps.length - at : within) <= 201);
  }
});

test('P10: nothing is sent of a person who was erased, also where it was read from the disk before', async () => {
  const { stack, clock, wire, bridge } = await set({ drainPerSecond: 1 });
  await using _ = stack;
  wire.isUp = false;
  wire.cut();
  await clock.settle();
  const anna = holderId('anna-lind');
  // Of several classes in turn, so that each message is an event or two, and all of them are read at once.
  const entries = mixed(100).map((entry) => ({ ...entry, sub: anna }));
  const before = await happen(bridge, entries);
  wire.isUp = true;
  await clock.advance(8_000);
  assert.ok(wire.events.some(({ sub }) => sub === anna));

  const { journal } = bridge;
  await happen(bridge, [checkpointOf(journal.ledger)]);
  assert.equal(await journal.erase(before.at(-1) ?? 0, anna), before.length);
  wire.published.length = 0;
  await clock.advance(8_000); // sooner than all of it is sent again
  assert.ok(wire.events.some(({ seq }) => before.includes(seq)));
  assert.doesNotMatch(JSON.stringify(wire.events), /anna-lind/);
});

test('what happens together is told together, and after the turn in which it happened', async () => {
  const { stack, clock, wire, bridge } = await set();
  await using _ = stack;
  await clock.advance(50);
  wire.published.length = 0;
  const [intent] = await happen(bridge, [{ type: 'access.commanded', body: { command: 'c' } }]);
  const [result] = await happen(bridge, [{ type: 'access.opened', body: { opening: 1 } }]);
  await clock.settle();
  assert.equal(wire.published.length, 0);
  await clock.advance(20);
  assert.equal(wire.published.length, 1);
  assert.deepEqual(
    wire.events.map(({ seq }) => seq),
    [intent, result],
  );
});

test('what is not acknowledged is sent again, later each time, and in order', async () => {
  const { stack, clock, wire, bridge, acknowledge } = await set();
  await using _ = stack;
  const [seq = 0] = await happen(bridge, [{ type: 'access.taken', body: { key: 'k' } }]);
  await clock.advance(50);
  const copies = () => wire.events.filter((event) => event.seq === seq).length;
  assert.equal(copies(), 1);
  await clock.advance(31_000);
  assert.equal(copies(), 2);
  await clock.advance(50_000);
  assert.equal(copies(), 2);
  await clock.advance(10_000);
  assert.equal(copies(), 3);
  await acknowledge(bridge.journal.epoch, bridge.journal.lastSeq);
  assert.equal(bridge.link.status.outbox, 0);
  await clock.advance(3_600_000);
  assert.equal(copies(), 3);
});

test('an acknowledgement never goes back, never ahead, and only from a key that may', async () => {
  const { stack, home, clock, wire, bridge, acknowledge } = await set();
  await using _ = stack;
  await happen(bridge, mixed(10));
  await clock.settle();
  const { epoch } = bridge.journal;
  await acknowledge(epoch, 5);
  await acknowledge(epoch, 3);
  assert.equal(bridge.journal.acknowledged, 5);
  await acknowledge('another', 9);
  assert.equal(bridge.journal.acknowledged, 5);
  const ops = home.sender('ops-test');
  const ack = { v: 1, aud: BRIDGE, iat: 0, epoch, seq: 9 };
  const signed = signNow(ack, ACK_TYP, { kid: ops.kid, key: privateKeyOf(ops.jwk) });
  await wire.deliver(`latchkey/1/${BRIDGE}/ack`, signed);
  assert.equal(bridge.journal.acknowledged, 5);
  await acknowledge(epoch, 1_000_000);
  assert.ok(bridge.journal.acknowledged <= bridge.journal.lastSeq);
});

test('events are sent once more when asked for, up to a bound', async () => {
  const { stack, clock, wire, bridge, acknowledge, forge } = await set();
  await using _ = stack;
  await happen(bridge, mixed(30));
  await clock.settle();
  await acknowledge(bridge.journal.epoch, bridge.journal.lastSeq);
  wire.published.length = 0;
  const ask = async (body: object) => {
    const made = forge.make('events.resend', body, undefined);
    await wire.deliver(`latchkey/1/${BRIDGE}/cmd/events.resend`, made.token);
    await clock.settle();
    return wire.replies(made.id)[0];
  };
  const { epoch } = bridge.journal;
  const reply = await ask({ epoch, from: 10, to: 20 });
  assert.equal(reply?.data['events'], 11);
  assert.deepEqual(
    wire.events.map(({ seq }) => seq),
    [10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20],
  );
  assert.equal((await ask({ epoch: 'other', from: 1, to: 2 }))?.code, 'not_found');
  assert.equal((await ask({ epoch, from: 1, to: 99_999 }))?.code, 'not_found');
});

test('an event too large for a message goes as its skeleton, and the quarantine is told', async () => {
  const { stack, clock, wire, bridge } = await set();
  await using _ = stack;
  const [seq] = await happen(bridge, [{ type: 'device.log', body: { text: 'x'.repeat(20_000) } }]);
  await clock.advance(50);
  const sent = wire.events.find((event) => event.seq === seq);
  assert.equal(sent?.body['quarantined'], true);
  assert.equal(sent?.hash, bridge.journal.entry(seq ?? 0)?.hash);
  const told = wire.events.find(({ type }) => type === 'system.quarantined');
  assert.equal(told?.body['seq'], seq);
});

test('a message that the broker refuses poisons nothing: the others of its batch arrive', async () => {
  const { stack, clock, wire, bridge } = await set();
  await using _ = stack;
  wire.refuse = ({ topic, payload }) =>
    /\/evt\//.test(topic) && Buffer.from(payload).includes('poison') ? 'too-large' : undefined;
  const seqs = await happen(bridge, [
    { type: 'access.denied', body: { n: 1 } },
    { type: 'access.denied', body: { n: 'poison' } },
    { type: 'access.denied', body: { n: 3 } },
  ]);
  await clock.advance(50);
  const bodies = seqs.map((seq) => wire.events.find((event) => event.seq === seq)?.body);
  assert.deepEqual(bodies[0], { n: 1 });
  assert.equal(bodies[1]?.['quarantined'], true);
  assert.deepEqual(bodies[2], { n: 3 });
});

test('over the cap the oldest of the least important class is left out, with a record that says which', async () => {
  const { stack, clock, wire, bridge, forge } = await set({ caps: { events: 200 } });
  await using _ = stack;
  wire.isUp = false;
  wire.cut();
  await clock.settle();
  for (let n = 0; n < 10; n += 1) await happen(bridge, mixed(40));
  await clock.settle();
  wire.published.length = 0;
  wire.isUp = true;
  await clock.runUntil(() => wire.isConnected, 10_000);
  await clock.settle();
  const follower = new EventFollower();
  for (const event of wire.events) follower.take(event);
  assert.equal(follower.missing, undefined);
  assert.equal(follower.watermark?.seq, bridge.journal.lastSeq);
  const sent = new Set(wire.events.map(({ seq }) => seq));
  const left = bridge.journal.read({ limit: 5000 }).filter(({ seq }) => !sent.has(seq));
  assert.ok(left.length >= 200 && left.length < 300, `${left.length} left out`);
  assert.ok(left.every(({ type }) => type.startsWith('device.') || type.startsWith('system.')));
  const gaps = wire.events.filter(({ type }) => type === 'system.outbox_gap');
  const counted = gaps.reduce((sum, { body }) => sum + Number(body['count']), 0);
  assert.equal(counted, left.length);
  // It is still there for who asks.
  const [first] = left;
  const made = forge.make(
    'events.resend',
    { epoch: bridge.journal.epoch, from: first?.seq, to: first?.seq },
    undefined,
  );
  await wire.deliver(`latchkey/1/${BRIDGE}/cmd/events.resend`, made.token);
  await clock.settle();
  assert.equal(wire.events.filter(({ seq }) => seq === first?.seq).length, 1);
});

async function awayAndBack(
  { clock, wire }: Awaited<ReturnType<typeof set>>,
  happens: () => Promise<void>,
): Promise<void> {
  wire.isUp = false;
  wire.cut();
  await clock.settle();
  await happens();
  await clock.settle();
  wire.published.length = 0;
  wire.isUp = true;
  await clock.runUntil(() => wire.isConnected, 600_000);
  await clock.settle();
}

test('over the cap of bytes the least important goes first, and what is told of it adds up', async () => {
  const site = await set({ caps: { bytes: 200_000 } });
  const { stack, wire, bridge } = site;
  await using _ = stack;
  const text = 'x'.repeat(2_000);
  const large = (type: 'device.log' | 'access.denied') => ({ type, body: { text } }) as const;
  await awayAndBack(site, async () => {
    for (let n = 0; n < 60; n += 1) {
      await happen(bridge, [large('access.denied'), large('device.log')]);
    }
  });
  const sent = new Set(wire.events.map(({ seq }) => seq));
  const left = bridge.journal.read({ limit: 5000 }).filter(({ seq }) => !sent.has(seq));
  assert.ok(left.filter(({ type }) => type === 'device.log').length >= 40);
  const bytes = wire.events.reduce((sum, event) => sum + JSON.stringify(event).length, 0);
  assert.ok(bytes < 200_000, `${bytes} bytes were sent`);
  const gaps = wire.events.filter(({ type }) => type === 'system.outbox_gap');
  assert.ok(gaps.length > 0 && gaps.every(({ body }) => body['why'] === 'bytes'));
  const counted = gaps.reduce((sum, { body }) => sum + Number(body['count']), 0);
  assert.equal(counted, left.length);
  const follower = new EventFollower();
  for (const event of wire.events) follower.take(event);
  assert.equal(follower.missing, undefined);
});

test('what has waited too long is left out, newer events and the records of it are not', async () => {
  const patience = { longest: 300_000, spread: 0 };
  const site = await set({ patience, caps: { age: 30 * DAY } });
  const { stack, clock, wire, bridge } = site;
  await using _ = stack;
  let old: number[] = [];
  let young: number[] = [];
  await awayAndBack(site, async () => {
    const ago = (days: number) => instant(clock.now() - days * DAY);
    old = await happen(bridge, mixed(8), ago(31));
    young = await happen(bridge, mixed(8), ago(29));
    await clock.advance(3_600_000);
    await happen(bridge, mixed(1));
  });
  const sent = new Set(wire.events.map(({ seq }) => seq));
  assert.ok(old.every((seq) => !sent.has(seq)));
  assert.ok(young.every((seq) => sent.has(seq)));
  const gaps = wire.events.filter(({ type }) => type === 'system.outbox_gap');
  assert.ok(gaps.length > 0 && gaps.every(({ body }) => body['why'] === 'age'));
  const follower = new EventFollower();
  for (const event of wire.events) follower.take(event);
  assert.equal(follower.missing, undefined);
});

test('lines of the log are published only where the site says so, a few a second, and say how many were too many', async () => {
  const { stack, clock, wire, bridge } = await set({ publishLog: true });
  await using _ = stack;
  const silent = await set();
  await using __ = silent.stack;
  silent.bridge.link.tell('storage', { state: 'low' });
  for (let n = 0; n < 50; n += 1) bridge.link.tell('storage', { n });
  await clock.advance(1_000);
  bridge.link.tell('storage', { n: 50 });
  bridge.link.tell('long', { text: 'x'.repeat(5_000) });
  const lines = wire.published.filter(({ topic }) => topic === bridge.topics.log);
  assert.equal(silent.wire.json(/\/log$/).length, 0);
  assert.ok(lines.length <= 10 && lines.every(({ qos, retain }) => qos === 0 && !retain));
  const read = lines.map(({ payload }) =>
    logLineSchema.parse(JSON.parse(String(Buffer.from(payload)))),
  );
  assert.deepEqual(read.at(0)?.fields, { n: 0 });
  assert.ok(read.some(({ fields, dropped }) => fields['n'] === 50 && dropped === 45));
  assert.deepEqual(read.at(-1)?.fields, {});
});

test('each bridge has its own moment for a whole snapshot after a connect', async () => {
  const { stack, clock, wire } = await set({ snapshotSpread: 60_000 });
  await using _ = stack;
  const [first] = wire.json(/a91\/state$/).map((state) => stateSchema.parse(state));
  assert.ok(first?.snapshotFrom !== undefined);
  assert.ok(first.snapshotFrom > clock.now() && first.snapshotFrom <= clock.now() + 60_000);
});

test('the chain is marked by signatures, after a hundred entries or a quarter of an hour', async () => {
  const { stack, home, clock, bridge } = await set();
  await using _ = stack;
  await happen(bridge, mixed(120));
  await clock.settle();
  const marks = () =>
    bridge.journal
      .read({ types: ['system.checkpoint'], limit: 100 })
      .filter(({ body }) => 'jws' in body);
  assert.equal(marks().length, 1);
  await happen(bridge, mixed(1));
  await clock.advance(15 * 60_000 + 1);
  assert.equal(marks().length, 2);
  for (const { body } of marks()) {
    const key = publicKeyOf(home.enrolment.identity.publicSigning);
    const point = JSON.parse(
      Buffer.from((await compactVerify(String(body['jws']), key)).payload).toString(),
    );
    assert.equal(point.hash, bridge.journal.entry(point.seq)?.hash);
  }
});

test('an event that was changed on its way is noticed, and not taken for the real one', async () => {
  const { stack, clock, wire, bridge } = await set();
  await using _ = stack;
  await happen(bridge, mixed(5));
  await clock.advance(50);
  const follower = new EventFollower();
  const [first, second, third] = wire.events;
  assert.ok(first && second && third);
  assert.deepEqual(follower.take(first), { kind: 'new', genuine: true });
  assert.deepEqual(follower.take({ ...second, body: { n: 99 } }), { kind: 'forged' });
  assert.deepEqual(follower.take(second), { kind: 'new', genuine: true });
  assert.deepEqual(follower.take(second), { kind: 'seen' });
  assert.deepEqual(follower.take({ ...third, sub: 'p_evil' }), { kind: 'forged' });
});

test('a disk that cannot be read for a while holds up the events, and ends nothing', async () => {
  const { stack, clock, wire, bridge } = await set();
  await using _ = stack;
  const read = bridge.journal.outbox.bind(bridge.journal);
  let isBroken = true;
  bridge.journal.outbox = (...which) => {
    if (isBroken) throw new StorageError('broken', 'disk I/O error');
    return read(...which);
  };
  const [seq] = await happen(bridge, [{ type: 'access.taken', body: { key: 'k' } }]);
  await clock.advance(12_000);
  assert.ok(!wire.events.some((event) => event.seq === seq));
  isBroken = false;
  await clock.advance(6_000);
  assert.ok(wire.events.some((event) => event.seq === seq));
});

test('a follower acknowledges a backlog 2,500 at a time, its last event at once, and what comes after it within 50 ms', async () => {
  const { stack, home, clock, wire, bridge } = await set();
  await using _ = stack;
  await happen(
    bridge,
    Array.from({ length: 4_000 }, (_, n) => ({ type: 'access.denied', body: { n } }) as const),
  );
  await clock.advance(1_000);
  const backlog = bridge.journal.lastSeq;
  const { kid, jwk } = home.sender('cc-test');
  const [said] = wire.json(/a91\/state$/).map((state) => stateSchema.parse(state));
  assert.ok(said !== undefined);
  const acks: string[] = [];
  const feed = new EventFeed(
    {
      topics: bridge.topics,
      key: { kid, key: privateKeyOf(jwk) },
      clock,
      state: () => ({ ...said, lastSeq: backlog }),
      publish: async ({ topic }) => void acks.push(topic),
      resend: () => {},
    },
    { event: () => {} },
  );
  stack.defer(() => feed.close());
  for (const value of wire.json(/\/evt\//)) await feed.take(value);
  assert.deepEqual(acks, [bridge.topics.ack, bridge.topics.ack]);
  assert.equal(feed.watermark?.seq, backlog);
  wire.published.length = 0;
  await happen(bridge, [{ type: 'access.denied', body: {} }]);
  await clock.advance(20);
  for (const value of wire.json(/\/evt\//)) await feed.take(value);
  assert.equal(feed.watermark?.seq, backlog + 1);
  assert.equal(acks.length, 2);
  await clock.advance(50);
  assert.equal(acks.length, 3);
});
