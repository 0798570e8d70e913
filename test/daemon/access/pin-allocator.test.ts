import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import {
  type CodeSpace,
  drawPin,
  isTrivial,
  ratioAfter,
} from '../../../daemon/access/pin-allocator.ts';
import { type Instant, instant, type Random } from '../../../drivers/contract/time.ts';
import { DAY } from './world.ts';

/** Chance that follows a seed, as many bytes as are asked for. */
function chance(seed: number): Random {
  let drawn = 0;
  return {
    fraction: () => 0.5,
    bytes: (length) => {
      drawn += 1;
      const hash = createHash('sha256').update(`${seed} ${drawn}`).digest();
      return new Uint8Array(hash.subarray(0, length));
    },
  };
}

/** Draws the digits given, one after the other, and then only the last. */
function scripted(...codes: readonly string[]): Random {
  const digits = [...codes.join('')].map(Number);
  let at = 0;
  return {
    fraction: () => 0,
    bytes: () => {
      const digit = digits[Math.min(at, digits.length - 1)] ?? 0;
      at += 1;
      return new Uint8Array([0, 0, 0, digit]);
    },
  };
}

const EMPTY: CodeSpace = { isTaken: () => false, lastValid: () => undefined };
const NOW = instant(Date.UTC(2027, 0, 1));
const USUAL = { digits: 6, active: 10, keypads: 1, cooling: 30 * DAY, now: NOW };

test('codes have the length asked for, 4 to 16 digits', () => {
  for (const digits of [6, 8, 16]) {
    const drawn = drawPin(EMPTY, { ...USUAL, digits }, chance(1));
    assert.ok(
      drawn.kind === 'drawn' && drawn.digits.length === digits && /^\d+$/.test(drawn.digits),
    );
  }
  for (const digits of [3, 17, 5.5]) {
    assert.deepEqual(drawPin(EMPTY, { ...USUAL, digits }, chance(1)), {
      kind: 'refused',
      why: 'length',
    });
  }
});

test('every digit comes, also in front', () => {
  const seen = new Set<string>();
  const random = chance(7);
  for (let n = 0; n < 300; n++) {
    const drawn = drawPin(EMPTY, USUAL, random);
    if (drawn.kind === 'drawn') seen.add(drawn.digits.slice(0, 1)).add(drawn.digits.slice(-1));
  }
  assert.equal(seen.size, 10);
});

test('the code space is refused under 1000 : 1 and warned of under 10 000 : 1, over all keypads', () => {
  const of = (digits: number, active: number, keypads: number) =>
    drawPin(EMPTY, { ...USUAL, digits, active, keypads }, chance(3));
  const isWarned = (drawn: ReturnType<typeof of>) =>
    drawn.kind === 'drawn' && drawn.warning === 'code-space-low';
  assert.equal(of(6, 99, 1).kind === 'drawn' && !isWarned(of(6, 99, 1)), true);
  assert.ok(isWarned(of(6, 100, 1)));
  assert.ok(isWarned(of(6, 999, 1)));
  assert.deepEqual(of(6, 1000, 1), { kind: 'refused', why: 'code-space' });
  assert.deepEqual(of(6, 500, 2), { kind: 'refused', why: 'code-space' });
  assert.ok(isWarned(of(6, 499, 2)));
  assert.ok(!isWarned(of(4, 0, 1)));
  assert.ok(isWarned(of(4, 1, 1)));
  assert.ok(isWarned(of(4, 9, 1)));
  assert.equal(of(4, 10, 1).kind, 'refused');
  assert.equal(ratioAfter({ digits: 4, active: 0, keypads: 0 }, 0), 10_000);
});

test('a taken code is not drawn, nor one that cools off, nor a trivial one', () => {
  const space: CodeSpace = {
    isTaken: (digits) => digits === '739251',
    lastValid: (digits): Instant | undefined =>
      digits === '739252'
        ? instant(NOW - 29 * DAY)
        : digits === '739253'
          ? instant(NOW - 30 * DAY)
          : undefined,
  };
  const random = scripted('739251', '739252', '123456', '000000', '739253');
  assert.deepEqual(drawPin(space, USUAL, random), { kind: 'drawn', digits: '739253' });
});

test('a space without a free code is refused, not searched for ever', () => {
  const full: CodeSpace = { isTaken: () => true, lastValid: () => undefined };
  assert.deepEqual(drawPin(full, USUAL, chance(1)), { kind: 'refused', why: 'code-space' });
});

test('trivial codes', () => {
  for (const digits of [
    '0000',
    '1111',
    '1234',
    '4321',
    '123456',
    '987654',
    '890123',
    '1212',
    '123123',
    '100100',
    '1987',
    '2027',
  ]) {
    assert.ok(isTrivial(digits), digits);
  }
  for (const digits of ['7392', '1357', '739251', '112233', '1879', '2127', '12341']) {
    assert.ok(!isTrivial(digits), digits);
  }
  assert.ok(isTrivial('345678', ['+46 8 12 345 678']));
  assert.ok(isTrivial('992841', ['2841']));
  assert.ok(!isTrivial('992841', ['41']));
  assert.ok(!isTrivial('739251', ['+46 8 12 345 678']));
});
