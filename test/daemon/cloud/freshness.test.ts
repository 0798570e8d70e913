import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CounterWindow, judgeTimes, SessionNonces } from '../../../daemon/cloud/freshness.ts';
import { instant } from '../../../drivers/contract/time.ts';
import { SimulatedClock } from '../../../simulator/clock.ts';
import { seededRandom } from '../../../simulator/random.ts';

/** Everything that was ever used, in a set: what the window must agree with inside its width. */
class Oracle {
  readonly #used = new Set<bigint>();
  #highest = 0n;

  isFresh(counter: bigint): boolean {
    return counter > 0n && counter > this.#highest - 1024n && !this.#used.has(counter);
  }

  use(counter: bigint): void {
    this.#used.add(counter);
    if (counter > this.#highest) this.#highest = counter;
  }
}

const counters = fc.array(
  fc.oneof(
    { weight: 8, arbitrary: fc.bigInt(0n, 3000n) },
    fc.bigInt(0n, 2n ** 64n - 1n),
    fc.bigInt(2n ** 64n - 2000n, 2n ** 64n - 1n),
  ),
  { maxLength: 200 },
);

test('a counter is fresh exactly once, over restarts too, as one who remembers all of them would say', () => {
  fc.assert(
    fc.property(counters, fc.infiniteStream(fc.boolean()), (wanted, restarts) => {
      let window = new CounterWindow();
      const oracle = new Oracle();
      for (const counter of wanted) {
        const restart = restarts.next();
        if (restart.done !== true && restart.value) window = new CounterWindow(window.text);
        assert.equal(window.isFresh(counter), oracle.isFresh(counter), `${counter}`);
        if (!window.isFresh(counter)) continue;
        window.use(counter);
        oracle.use(counter);
      }
    }),
    { numRuns: 200 },
  );
});

test('a nonce is good for five to ten minutes of the clock that never jumps, whatever the wall clock does', async () => {
  const clock = new SimulatedClock();
  const nonces = new SessionNonces(clock, seededRandom(5));
  nonces.rotate();
  const [first = ''] = nonces.current;
  clock.shiftWall(-86_400_000);
  await clock.advance(299_000);
  assert.ok(nonces.isCurrent(first));
  nonces.rotate();
  clock.shiftWall(7 * 86_400_000);
  assert.ok(nonces.isCurrent(first));
  await clock.advance(300_000);
  nonces.rotate();
  assert.ok(!nonces.isCurrent(first));
  assert.equal(nonces.current.length, 2);
});

test('nonces that should have been rotated away are none', async () => {
  const clock = new SimulatedClock();
  const nonces = new SessionNonces(clock, seededRandom(5));
  nonces.rotate();
  await clock.advance(600_001);
  assert.deepEqual(nonces.current, []);
});

test('expired is what is over for sure, and the future is told from the past in every state of the clock', () => {
  const now = 1_795_305_600;
  const at = (state: 'trusted' | 'holdover' | 'floor' | 'broken', lo = 0, hi = 0) => ({
    lo: instant((now + lo) * 1000),
    hi: instant((now + hi) * 1000),
    state,
  });
  const judge = (iat: number, exp: number, clock: ReturnType<typeof at>) =>
    judgeTimes({ iat: now + iat, exp: now + exp }, clock);
  assert.equal(judge(-30, 0, at('trusted')), 'in-time'); // 60 s of tolerance
  assert.equal(judge(-90, -60, at('trusted')), 'expired');
  assert.equal(judge(61, 90, at('trusted')), 'clock-untrusted');
  assert.equal(judge(60, 90, at('trusted')), 'in-time');
  assert.equal(judge(-30, -1, at('holdover', -2, 2)), 'in-time');
  assert.equal(judge(-30, -2, at('holdover', -2, 2)), 'expired');
  assert.equal(judge(3, 30, at('holdover', -2, 2)), 'clock-untrusted');
  // Far behind, an untrusted clock says nothing about the future, and still knows what is over.
  assert.equal(judge(86_400, 86_430, at('floor', 0, Number.POSITIVE_INFINITY)), 'in-time');
  assert.equal(judge(-30, 0, at('broken', 0, Number.POSITIVE_INFINITY)), 'expired');
});
