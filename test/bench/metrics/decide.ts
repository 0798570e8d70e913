/** PIN digits in, decision out. */
import { codesOf, houseOf, primaryKeyLookup } from '../house.ts';
import type { Metric } from '../measure.ts';

const SIZE = 100_000;

export const decide: Metric = {
  name: 'decide',
  unit: 'µs',
  what: 'keyed hash, everything gathered and checked, up to granted or denied; beside a bare primary-key lookup in the same file',
  goal: { ratio: 3, direction: 'at-most' },
  async prepare({ quick }) {
    await using parts = new AsyncDisposableStack();
    const house = parts.use(await houseOf(SIZE));
    const lookup = parts.use(primaryKeyLookup(house, SIZE));
    const codes = codesOf(SIZE);
    const owned = parts.move();
    return {
      perRound: quick ? 3000 : 10_000,
      turns: 'each',
      n: SIZE,
      floor: (n) => void lookup.get(n),
      ours: (n) => void house.decide(codes[n % codes.length] ?? ''),
      [Symbol.asyncDispose]: () => owned.disposeAsync(),
    };
  },
};

export const decideFlat: Metric = {
  name: 'decide-flat',
  unit: 'µs',
  what: 'the same decision with all grants, beside itself with a thousand',
  goal: { ratio: 1.3, direction: 'at-most' },
  async prepare({ grants, quick }) {
    await using parts = new AsyncDisposableStack();
    const few = parts.use(await houseOf(1000));
    const many = parts.use(await houseOf(grants));
    const codesOfFew = codesOf(1000);
    const codesOfMany = codesOf(grants);
    const owned = parts.move();
    return {
      perRound: quick ? 3000 : 10_000,
      turns: 'each',
      n: grants,
      floor: (n) => void few.decide(codesOfFew[n % codesOfFew.length] ?? ''),
      ours: (n) => void many.decide(codesOfMany[n % codesOfMany.length] ?? ''),
      [Symbol.asyncDispose]: () => owned.disposeAsync(),
    };
  },
};
