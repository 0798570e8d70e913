import assert from 'node:assert/strict';
import { test } from 'node:test';
import { simulatedSite } from '../../site.ts';

test('a PIN is refused where too many of its length are active, and grants by fob do not count', async () => {
  await using site = await simulatedSite({ seed: 41 });
  const { secrets } = site.daemon.desk;
  for (let n = 0; n < 12; n += 1) await site.put({ id: `fob-${n}`, fob: `0F000000${10 + n}` });
  // One keypad and four digits: ten codes are the most at a thousand to one.
  const drawn: string[] = [];
  for (let n = 0; n < 12; n += 1) {
    const pin = secrets.drawPin(4);
    if (pin === undefined) break;
    drawn.push(pin);
    await site.put({ id: `pin-${n}`, pin });
  }
  assert.equal(drawn.length, 10);
  assert.equal(new Set(drawn).size, 10);
  await site.advance(100);
  const told = site.journal.filter(({ type }) => type === 'grant.code_space_low');
  assert.deepEqual(
    told.map(({ body }) => body['digits']),
    [4],
    'told once a day',
  );
  assert.match(secrets.drawPin(6) ?? '', /^\d{6}$/, 'longer ones have their own space');
});
