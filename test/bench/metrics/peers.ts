/** What others do for a decision. */

import { grantsOf } from '../grants.ts';
import { codesOf, houseOf } from '../house.ts';
import type { Metric } from '../measure.ts';

const SIZE = 100_000;

/**
 * The array scan alone; CASL (`@casl/ability`), casbin (`casbin`) and Cedar (`@cedar-policy/cedar-wasm`) need packages
 * that this project does not have. Neither hashes anything nor keeps anything on a disk, which is in their favour.
 */
export const peers: Metric = {
  name: 'peers',
  unit: 'µs',
  what: 'the same answers from a scan of an array in memory; beside our decision',
  goal: { ratio: 25, direction: 'at-least', of: 'floor/ours' },
  async prepare({ quick }) {
    const house = await houseOf(SIZE);
    const codes = codesOf(SIZE);
    const known = grantsOf(SIZE, house.indexer).map(({ credentials, targets, window }) => ({
      index: credentials[0]?.index,
      target: targets[0]?.id,
      start: window.kind === 'instants' ? (window.start ?? 0) : 0,
      end: window.kind === 'instants' ? (window.end ?? Infinity) : Infinity,
    }));
    const indexes = codes.map((code) => house.indexer.pin(code));
    const codeOf = (n: number) => codes[n % codes.length] ?? '';
    const scan = (n: number) => {
      const now = Date.now();
      const index = indexes[n % indexes.length];
      return known.some(
        (each) =>
          each.index === index && each.target === 'door' && each.start <= now && now < each.end,
      );
    };
    for (let n = 0; n < 200; n++) {
      const ours = house.decide(codeOf(n)).kind === 'granted';
      if (ours !== scan(n)) throw new Error(`answers differ for code ${n}`);
    }
    return {
      perRound: quick ? 100 : 500,
      turns: 'each',
      n: SIZE,
      floor: (n) => void scan(n),
      ours: (n) => void house.decide(codeOf(n)),
      [Symbol.asyncDispose]: () => house[Symbol.asyncDispose](),
    };
  },
};
