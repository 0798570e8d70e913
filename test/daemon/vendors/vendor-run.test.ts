import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runAlone, together } from '../../../daemon/vendors/vendor-run.ts';
import { pause } from '../../../drivers/contract/time.ts';
import { SimulatedClock } from '../../../simulator/clock.ts';
import { seededRandom } from '../../../simulator/random.ts';

test('a loop that fails ends the others of its vendor, and all begin anew after a pause that grows', async () => {
  const clock = new SimulatedClock();
  const stopping = new AbortController();
  const starts: number[] = [];
  const faults: string[] = [];
  let beside = 0;
  const running = runAlone(
    {
      clock,
      random: seededRandom(1),
      broken: (error) => faults.push(String(error)),
      run: (signal) => {
        starts.push(clock.uptime());
        assert.equal(beside, 0, 'the loops of the start before have ended');
        return together(signal, [
          async (inner) => {
            beside += 1;
            await pause(clock, 3_600_000, inner);
            beside -= 1;
          },
          async (inner) => {
            await pause(clock, 1000, inner);
            throw new TypeError('no such thing');
          },
          () => undefined,
        ]);
      },
    },
    stopping.signal,
  );
  await clock.advance(120_000);
  const waits = starts.slice(1).map((at, index) => at - (starts[index] ?? 0));
  assert.ok(waits.length >= 4, `${waits}`);
  const [first = 0, second = 0, third = 0] = waits;
  assert.ok(first < second + 2500 && second < third + 5000 && third > first, `${waits}`);
  assert.deepEqual([...new Set(faults)], ['TypeError: no such thing']);
  stopping.abort();
  await clock.advance(1);
  await running;
  assert.equal(beside, 0);
});
