/** A few lives of whole sites; `npm run explore -- --minutes N` has any number of others. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { live } from './life.ts';

/** Seeds that once showed a fault stay here. */
const SEEDS = [3, 10];
const STEPS = 70;

for (const seed of SEEDS) {
  test(`P1–P3, P5–P14 hold throughout a life with everything breaking (seed ${seed})`, async () => {
    const life = await live({ seed, steps: STEPS, pace: 'minutes' });
    assert.ok(life.entries > 60 && life.decisions > 3, 'something happened');
  });
}

test('a seed always makes the same life', async () => {
  const wish = { seed: 5, steps: 12, pace: 'days' } as const;
  const [first, second] = [await live(wish), await live(wish)];
  assert.deepEqual(first, second);
});
