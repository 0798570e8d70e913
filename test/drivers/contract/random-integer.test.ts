import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Random, randomInteger } from '../../../drivers/contract/time.ts';

/** Gives these words, each as four bytes that lie somewhere in a larger buffer, as those of a pool do. */
function wordsAt(offset: number, words: readonly number[]): Random {
  const left = [...words];
  return {
    fraction: () => 0,
    bytes: (length) => {
      const pool = Buffer.alloc(offset + length + 3, 0xa5);
      pool.writeUInt32BE(left.shift() ?? 0, offset);
      return pool.subarray(offset, offset + length);
    },
  };
}

test('an integer is made of the bytes that were drawn, wherever in their buffer they lie', () => {
  fc.assert(
    fc.property(
      fc.nat({ max: 64 }),
      fc.nat({ max: 2 ** 32 - 1 }),
      fc.integer({ min: 1, max: 2 ** 32 }),
      (offset, word, bound) => {
        const limit = Math.floor(2 ** 32 / bound) * bound;
        const expected = word < limit ? word % bound : 0; // else the next word is drawn, which is 0
        assert.equal(randomInteger(wordsAt(offset, [word]), bound), expected);
      },
    ),
    { seed: 5 },
  );
});

test('what would favour small numbers is drawn again', () => {
  const random = wordsAt(0, [2 ** 32 - 1, 2 ** 32 - 6, 17]);
  assert.equal(
    randomInteger(random, 10),
    7,
    '2^32 is no multiple of 10: the last six are left out',
  );
  for (const bound of [0, -1, 1.5, Number.NaN, 2 ** 32 + 1]) {
    assert.throws(() => randomInteger(random, bound), RangeError);
  }
});
