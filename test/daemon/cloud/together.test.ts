import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SimulatedClock } from '../../../simulator/clock.ts';
import { seededRandom } from '../../../simulator/random.ts';
import { until } from '../../real-time.ts';
import { BRIDGE, Home, openBridge } from './bridge.ts';
import { Forge, type Made } from './forge.ts';
import { Wire } from './wire.ts';

async function set() {
  const stack = new AsyncDisposableStack();
  const home = stack.use(new Home());
  const clock = new SimulatedClock();
  const random = seededRandom(8);
  const wire = new Wire();
  const bridge = stack.use(await openBridge(home, { clock, random, broker: wire }));
  await clock.settle();
  const forge = new Forge(home.sender('cc-test'), clock, random);
  const hand = (made: Made) => wire.deliver(`latchkey/1/${BRIDGE}/cmd/${made.type}`, made.token);
  return { stack, clock, wire, bridge, forge, hand };
}

test('commands do not wait for one another on their way to the disk, and none is acknowledged before it is there', async () => {
  const { stack, clock, wire, bridge, forge, hand } = await set();
  await using _ = stack;
  const slow = Promise.withResolvers<void>();
  bridge.doors.disk = slow.promise;
  const made = Array.from({ length: 40 }, () => lock(forge));
  const acknowledged: string[] = [];
  const handed = made.map((each) => hand(each).then(() => acknowledged.push(each.id)));
  await clock.settle();
  await until(() => made.every(({ id }) => bridge.journal.command(id) !== undefined));
  assert.deepEqual(acknowledged, []);
  assert.equal(bridge.doors.pulseCount, 0);
  slow.resolve();
  await Promise.all(handed);
  await clock.settle();
  assert.deepEqual(
    acknowledged,
    made.map(({ id }) => id),
  );
  for (const { id } of made) assert.equal(bridge.doors.pulses.get(id), 1);
  assert.ok(made.every(({ id }) => wire.replies(id).length === 1));
});

test('where the disk fails under commands that came together, none of them was done, and each can come again', async () => {
  const { stack, clock, wire, bridge, forge, hand } = await set();
  await using _ = stack;
  const made = Array.from({ length: 20 }, (_, n) =>
    n % 2 === 0 ? forge.make('ping', { echo: `${n}` }, undefined) : lock(forge),
  );
  const deliverAll = async () => {
    await Promise.all(made.map(hand));
    await clock.settle();
  };
  bridge.journal.failWrites('broken', 100);
  await deliverAll();
  assert.equal(bridge.doors.pulseCount, 0);
  bridge.journal.failWrites('broken', 0);
  await deliverAll();
  assert.deepEqual(
    made.map(({ id }) => wire.replies(id).map(({ code }) => code)),
    made.map(() => ['storage_full', null]),
  );
  assert.equal(bridge.doors.pulseCount, 10);
});

test('P3: of copies and used counters that come together with the first, none is done', async () => {
  const { stack, clock, wire, bridge, forge, hand } = await set();
  await using _ = stack;
  const first = lock(forge);
  const same = forge.make('lock', { dev: 'door' }, undefined, { change: { ctr: 1 } });
  const next = lock(forge);
  const copies = [first, first, same, next, first, next];
  await Promise.all(copies.map(hand));
  await clock.settle();
  assert.deepEqual(
    [first, same, next].map(({ id }) => wire.replies(id).map(({ dup, code }) => [dup, code])),
    [
      [
        [false, null],
        [true, null],
        [true, null],
      ],
      [[false, 'replay']],
      [
        [false, null],
        [true, null],
      ],
    ],
  );
  assert.deepEqual(
    [...bridge.doors.pulses],
    [
      [first.id, 1],
      [next.id, 1],
    ],
  );
});

test('what is acknowledged together is on the disk, and its effects are in the order of arrival', async () => {
  const { stack, clock, wire, bridge, forge, hand } = await set();
  await using _ = stack;
  const put = (rev: number) =>
    forge.make(
      'grant.put',
      {
        grant: {
          ...{ id: 'g', rev, holder: 'p_1', credentials: [], operations: ['unlock'] },
          ...{ targets: [{ kind: 'lock', id: 'door' }], window: { kind: 'ongoing' } },
        },
      },
      undefined,
    );
  const revoke = forge.make('grant.revoke', { id: 'g', rev: 3 }, undefined);
  const delta = (from: number, to: number) =>
    forge.make('grants.delta', { from, to, put: [], revoke: [] }, undefined);
  const all = [put(1), put(2), revoke, put(3), delta(0, 4), delta(4, 5), put(4)];
  const onDisk: (number | undefined)[] = [];
  await Promise.all(
    all.map((made) => hand(made).then(() => onDisk.push(bridge.journal.command(made.id)?.expires))),
  );
  await clock.settle();
  assert.ok(onDisk.every((expires) => expires !== undefined));
  assert.deepEqual(
    all.map(({ id }) => wire.replies(id).map(({ code }) => code)),
    [[null], [null], [null], ['conflict'], [null], [null], [null]],
  );
  assert.equal(bridge.grants.version('cloud'), 5);
});

function lock(forge: Forge): Made {
  return forge.make('lock', { dev: 'door' }, undefined);
}

test('a command whose signature is still looked at when the daemon stops is left to the broker, which brings it again', async () => {
  const { stack, forge, wire, hand } = await set();
  const made = [1, 2, 3].map(() => forge.make('ping', { echo: 'late' }, undefined));
  const handed = made.map(hand);
  await stack.disposeAsync();
  await Promise.all(handed);
  assert.ok(made.every(({ id }) => wire.replies(id).length <= 1));
});
