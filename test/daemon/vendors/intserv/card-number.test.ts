import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import {
  cardNumberIn,
  cardNumbersIn,
  cutCode,
  normalised,
  readerText,
} from '../../../../daemon/vendors/intserv/card-number.ts';

test('the page’s own example is the same number in decimal and in hex', () => {
  const decimal = cardNumberIn('0001234567890');
  assert.deepEqual(decimal, { technology: 'EM', value: 1234567890n });
  assert.deepEqual(cardNumberIn('0x00499602d2'), decimal);
  assert.deepEqual(cardNumberIn('EM:1234567890'), decimal);
});

const FORMS = [
  { technology: 'EM', bits: 40n, decimal: 13, hex: 10, reader: 'em4100:40' },
  { technology: 'MC', bits: 32n, decimal: 10, hex: 8, reader: 'iso14443a:32' },
  { technology: 'MD', bits: 56n, decimal: 17, hex: 14, reader: 'iso14443a:56' },
] as const;

for (const { technology, bits, decimal, hex, reader } of FORMS) {
  test(`${technology}: every way to write a number is the same number, beyond 2^53 too`, () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: (1n << bits) - 1n }), (value) => {
        const ways = [
          value.toString().padStart(decimal, '0'),
          `0x${value.toString(16).padStart(hex, '0')}`,
          `0x${value.toString(16).toUpperCase().padStart(hex, '0')}`,
          `${technology}:${value}`,
          `${technology}:0x${value.toString(16)}`,
        ];
        for (const text of ways) {
          const read = cardNumberIn(text);
          assert.deepEqual(read, { technology, value }, text);
          assert.ok(read);
          assert.equal(readerText(read), `${reader}:${value.toString(16).padStart(hex, '0')}`);
        }
      }),
    );
  });

  test(`${technology}: a number of another length or too large is none`, () => {
    const tooLarge = (1n << bits).toString().padStart(decimal, '0');
    if (tooLarge.length === decimal) assert.equal(cardNumberIn(tooLarge), undefined);
    assert.equal(cardNumberIn(`${technology}:${1n << bits}`), undefined);
    assert.equal(cardNumberIn('1'.repeat(decimal - 2)), undefined);
    assert.equal(cardNumberIn(''), undefined);
    assert.equal(cardNumberIn('0x'), undefined);
  });
}

test('a composite key is the same in any order, and none of it may be wrong', () => {
  const one = cardNumbersIn('EM:42|MD:0x01020304050607');
  const other = cardNumbersIn('MD:283686952306183|0000000000042');
  assert.ok(one && other);
  assert.equal(normalised(one), normalised(other));
  assert.equal(cardNumbersIn('EM:42|nonsense'), undefined);
});

test('a code is cut from the left, and keeps its zeros', () => {
  assert.equal(cutCode('120042', 4), '0042');
  assert.equal(cutCode('0042', 6), '0042');
  assert.equal(cutCode('0042', undefined), '0042');
});
