/** The harness on a clock that moves only when a side says so. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { judged, type Metric, measure, median, quantile, type Sides } from './measure.ts';

const metric: Metric = {
  name: 'toy',
  unit: 'ms',
  what: 'a toy',
  goal: { ratio: 2, direction: 'at-most' },
  prepare: async () => ({ skipped: 'never' }),
};

/** Sides that take as long as they are told, on a clock of their own. */
function timed(floor: (n: number) => number, ours: (n: number) => number, more: Partial<Sides>) {
  let at = 0;
  const order: string[] = [];
  const sides: Sides = {
    perRound: 3,
    turns: 'each',
    floor: (n) => {
      order.push(`f${n}`);
      at += floor(n);
    },
    ours: async (n) => {
      order.push(`o${n}`);
      await Promise.resolve();
      at += ours(n);
    },
    n: 7,
    [Symbol.asyncDispose]: async () => {},
    ...more,
  };
  return { sides, order, now: () => at };
}

test('the ratio is the median of the rounds, and the first round only warms up', async () => {
  const { sides, now } = timed(
    () => 10,
    (n) => (n < 3 ? 1000 : 10 + Math.floor(n / 3)),
    {},
  );
  const result = await measure(metric, sides, { rounds: 5 }, now);
  assert.equal(result.floor, 10);
  assert.equal(result.value, 13);
  assert.equal(result.ratio, 1.3);
  assert.deepEqual([result.lowest, result.highest], [1.1, 1.5]);
  assert.equal(result.p99, 15);
  assert.equal(result.n, 7);
  assert.equal(result.met, true);
  assert.equal(result.noisy, false);
});

test('sides take turns per operation, or per round with the floor first', async () => {
  const each = timed(
    () => 1,
    () => 1,
    { perRound: 2, isCold: true },
  );
  await measure(metric, each.sides, { rounds: 2 }, each.now);
  assert.deepEqual(each.order, ['f0', 'o0', 'f1', 'o1', 'f2', 'o2', 'f3', 'o3']);
  const round = timed(
    () => 1,
    () => 1,
    { perRound: 2, turns: 'round', isCold: true },
  );
  await measure(metric, round.sides, { rounds: 2 }, round.now);
  assert.deepEqual(round.order, ['f0', 'f1', 'o0', 'o1', 'f2', 'f3', 'o2', 'o3']);
});

test('one slow operation among many moves neither median', async () => {
  const { sides, now } = timed(
    (n) => (n === 4 ? 900 : 10),
    (n) => (n === 7 ? 900 : 15),
    {},
  );
  const result = await measure(metric, sides, { rounds: 3 }, now);
  assert.equal(result.ratio, 1.5);
  assert.equal(result.noisy, false);
  assert.equal(result.p99, 900);
});

test('a side that knows its own figure is believed, in the unit of the metric', async () => {
  const { sides, now } = timed(
    () => 1,
    () => 1,
    { floor: () => 200, ours: async () => 120 },
  );
  const rate = { ...metric, unit: '/s', goal: { ratio: 0.5, direction: 'at-least' } } as const;
  const result = await measure(rate, sides, { rounds: 3 }, now);
  assert.deepEqual([result.floor, result.value, result.ratio, result.met], [200, 120, 0.6, true]);
});

test('what is timed is given in the unit of the metric', async () => {
  const { sides, now } = timed(
    () => 2,
    () => 3,
    {},
  );
  const result = await measure({ ...metric, unit: 'µs' }, sides, { rounds: 1 }, now);
  assert.deepEqual([result.floor, result.value], [2000, 3000]);
});

test('where one round takes long there are fewer', async () => {
  const { sides, order, now } = timed(
    () => 1,
    () => 1,
    { perRound: 1, roundsMost: 2, isCold: true },
  );
  await measure(metric, sides, { rounds: 9 }, now);
  assert.equal(order.length, 4);
});

test('a floor that moves more than twofold between rounds is noisy', () => {
  const figures = (floors: readonly number[]) => ({ floors, values: floors, all: floors });
  assert.equal(judged(metric, 1, figures([10, 20, 15]), []).noisy, false);
  assert.equal(judged(metric, 1, figures([10, 20.1, 15]), []).noisy, true);
});

test('what else is asked for must be met as well', () => {
  const figures = { floors: [10], values: [10], all: [10] };
  const also = (met: boolean) => [{ what: 'bytes', met }];
  assert.equal(judged(metric, 1, figures, also(true)).met, true);
  assert.equal(judged(metric, 1, figures, also(false)).met, false);
});

test('the ratio can tell how many times slower the other one is', () => {
  const peer = { ...metric, goal: { ratio: 25, direction: 'at-least', of: 'floor/ours' } } as const;
  const result = judged(peer, 1, { floors: [500], values: [10], all: [10] }, []);
  assert.deepEqual([result.ratio, result.met], [50, true]);
});

const values = fc.array(fc.integer({ min: 0, max: 1000 }), { minLength: 1, maxLength: 40 });

test('half of all lie on either side of the median, and a quantile is one of the values', () => {
  fc.assert(
    fc.property(values, fc.double({ min: 0.01, max: 1, noNaN: true }), (all, q) => {
      const middle = median(all);
      assert.ok(all.filter((each) => each < middle).length <= all.length / 2);
      assert.ok(all.filter((each) => each > middle).length <= all.length / 2);
      const found = quantile(all, q);
      assert.ok(all.includes(found));
      assert.ok(all.filter((each) => each <= found).length >= all.length * q - 1e-9);
    }),
  );
});

test('without a goal what else is asked for is judged alone, however the floor moves', () => {
  const { goal: _, ...told } = metric;
  const figures = { floors: [1, 9], values: [50, 50], all: [50, 50] };
  const met = judged(told, 1, figures, [{ what: 'none is lost', met: true }]);
  assert.deepEqual([met.met, met.noisy], [true, false]);
  assert.equal(judged(told, 1, figures, [{ what: 'none is lost', met: false }]).met, false);
});
