import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { pause, uptime } from '../../drivers/contract/time.ts';
import { SimulatedClock } from '../../simulator/clock.ts';

test('timers fire in the order of their moments, those of one moment in the order of setting', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ after: fc.integer({ min: 0, max: 9 }), cancel: fc.boolean() })),
      async (wanted) => {
        const clock = new SimulatedClock();
        const begin = clock.uptime();
        const fired: { index: number; at: number }[] = [];
        const timers = wanted.map(({ after }, index) =>
          clock.wakeAt(uptime(begin + after), () =>
            fired.push({ index, at: clock.uptime() - begin }),
          ),
        );
        for (const [index, { cancel }] of wanted.entries()) if (cancel) timers[index]?.cancel();
        await clock.advance(9);
        const expected = wanted
          .map(({ after, cancel }, index) => ({ index, at: after, cancel }))
          .filter(({ cancel }) => !cancel)
          .map(({ index, at }) => ({ index, at }))
          .sort((a, b) => a.at - b.at || a.index - b.index);
        assert.deepEqual(fired, expected);
        assert.equal(clock.waiting, 0);
        assert.equal(clock.uptime() - begin, 9);
      },
    ),
    { numRuns: 50 },
  );
});

test('what one timer sets going settles before the next fires, and is counted at its own moment', async () => {
  const clock = new SimulatedClock({ uptime: 0 });
  const seen: string[] = [];
  const walk = async (name: string, step: number) => {
    for (let count = 0; count < 3; count += 1) {
      await pause(clock, step);
      seen.push(`${name}@${clock.uptime()}`);
    }
  };
  void walk('a', 10);
  void walk('b', 15);
  await clock.advance(100);
  assert.deepEqual(seen, ['a@10', 'b@15', 'a@20', 'b@30', 'a@30', 'b@45']);
});

test('the wall clock can be set without uptime or timers noticing', async () => {
  const clock = new SimulatedClock({ at: '2026-03-29T00:55:00Z' });
  const before = clock.uptime();
  let fired = false;
  clock.wakeAt(uptime(before + 1000), () => {
    fired = true;
  });
  clock.shiftWall(-86_400_000);
  await clock.advance(999);
  assert.equal(fired, false);
  assert.equal(new Date(clock.now()).toISOString(), '2026-03-28T00:55:00.999Z');
  await clock.advance(1);
  assert.equal(fired, true);
  assert.equal(clock.uptime() - before, 1000);
});

test('runUntil stops at the moment it waits for, and says so when that never comes', async () => {
  const clock = new SimulatedClock({ uptime: 0 });
  let reached = false;
  clock.wakeAt(uptime(40), () => {
    reached = true;
  });
  await clock.runUntil(() => reached, 1000);
  assert.equal(clock.uptime(), 40);
  await assert.rejects(
    clock.runUntil(() => false, 10),
    /not reached within 10 ms/,
  );
  assert.equal(clock.uptime(), 50);
});

test('a timer that is due already fires in the next turn without anybody moving the clock', async () => {
  const clock = new SimulatedClock();
  let fired = false;
  clock.wakeAt(clock.uptime(), () => {
    fired = true;
  });
  assert.equal(fired, false);
  await clock.settle();
  assert.equal(fired, true);
});
