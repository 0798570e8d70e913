/** A few lives of whole sites; `npm run explore -- --minutes N` has any number of others. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { live } from './life.ts';

const isRestless = process.env['LATCHKEY_LONG'] !== '1';

test('P1–P3, P5–P14 hold throughout a life of minutes with everything breaking', async () => {
  const life = await live({ seed: 3, steps: 70, pace: 'minutes' });
  assert.ok(life.entries > 60 && life.decisions > 3, 'something happened');
});

test('P4: two sites of one seed decide the same, the one with clouds that come and go, the other with none', async () => {
  const life = await live({ seed: 2, steps: 50, pace: 'twins', isRestless });
  assert.ok(life.decisions > 10, 'something was decided');
});

test('a seed always makes the same life, whatever the files and clouds of it do', async () => {
  const wish = { seed: 10, steps: 40, pace: 'days', isRestless } as const;
  const [first, second] = [await live(wish), await live(wish)];
  assert.deepEqual(first, second);
});
