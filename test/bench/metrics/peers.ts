/** What others need for a decision. */
import { DOOR, grantsOf } from '../grants.ts';
import { codesOf, houseOf } from '../house.ts';
import { type Metric, median } from '../measure.ts';
import { type Asked, casbin, casl, cedar, type Decide, type PlainGrant, scan } from '../peers.ts';

const SIZE = 100_000;
/**
 * Who goes through all grants takes as long as the question's grant is far back, and longest where there is none: ten
 * in a row are all kinds of codes that there are. Two in a row differed twofold from any other two.
 */
const EACH_KIND = 10;

interface Peer {
  readonly name: string;
  readonly decide: Decide;
  /** Questions a round. */
  readonly asks: number;
  /** So many times slower than ours at least; none where it is only told. */
  readonly goal?: number;
  /** Of each round, µs a question. */
  readonly took: number[];
}

/** A scan and the two engines with all grants go through memory that our own caches live in: they take turns by round. */
export const peers: Metric = {
  name: 'peers',
  unit: 'µs',
  what: 'the same answers from a scan of an array in memory, and from CASL, casbin and Cedar; beside our decision',
  goal: { ratio: 25, direction: 'at-least', of: 'floor/ours' },
  async prepare({ quick }) {
    await using parts = new AsyncDisposableStack();
    const house = parts.use(await houseOf(SIZE));
    const codes = codesOf(SIZE);
    const known = plainGrants(SIZE, house.indexer);
    const byIndex = Map.groupBy(known, ({ index }) => index);
    const sliceOf = (index: string) => byIndex.get(index) ?? [];
    const asked: readonly Asked[] = codes.map((code) => ({
      index: house.indexer.pin(code),
      target: DOOR,
      now: Date.now(),
    }));
    const [first] = known;
    const ofOne = await casbin(sliceOf(first?.index ?? ''));
    const others: readonly Peer[] = [
      { name: 'CASL', decide: casl(known), asks: EACH_KIND, goal: 1000, took: [] },
      { name: 'casbin', decide: await casbin(known), asks: 2, goal: 2000, took: [] },
      {
        name: 'Cedar, its slice handed over,',
        decide: cedar(byIndex),
        asks: 50,
        goal: 8,
        took: [],
      },
      {
        name: 'CASL, its slice handed over for nothing,',
        decide: (one) => casl(sliceOf(one.index))(one),
        asks: 200,
        took: [],
      },
      { name: 'casbin, its slice ready for nothing,', decide: ofOne, asks: 200, took: [] },
    ];
    const array = scan(known);
    const told = [array, ...others.slice(0, 4).map(({ decide }) => decide)];
    const samples = quick ? 10 : 60;
    for (let n = 0; n < samples; n++) {
      const ours = house.decide(codes[n] ?? '').kind === 'granted';
      const one = asked[n];
      if (one === undefined || told.some((decide) => decide(one) !== ours)) {
        throw new Error(`answers differ for code ${n}`);
      }
    }
    const timed = (decide: Decide, asks: number, round: number) =>
      medianOf(asks, (n) => {
        const one = asked[(round * asks + n) % asked.length];
        if (one !== undefined) decide(one);
      });
    const mine: number[] = [];
    const owned = parts.move();
    return {
      perRound: 1,
      turns: 'round',
      n: SIZE,
      floor: (round) => {
        for (const { decide, asks, took } of others) took.push(timed(decide, asks, round));
        return timed(array, 20, round);
      },
      ours: () => {
        const spent = medianOf(codes.length, (n) => house.decide(codes[n] ?? ''));
        mine.push(spent);
        return spent;
      },
      also: () =>
        others.map(({ name, took, goal }) => {
          // The first round only warms up.
          const ratio = median(took.slice(1)) / median(mine.slice(1));
          const times = ratio >= 10 ? Math.round(ratio).toString() : ratio.toFixed(2);
          return goal === undefined
            ? { what: `${name} takes ${times} of our time`, met: undefined }
            : { what: `${name} takes ${times} of our time, at least ${goal}`, met: ratio >= goal };
        }),
      [Symbol.asyncDispose]: () => owned.disposeAsync(),
    };
  },
};

/** Microseconds, of one by one. */
function medianOf(count: number, act: (n: number) => unknown): number {
  return median(
    Array.from({ length: count }, (_, n) => {
      const before = performance.now();
      act(n);
      return (performance.now() - before) * 1000;
    }),
  );
}

function plainGrants(count: number, indexer: Parameters<typeof grantsOf>[1]): PlainGrant[] {
  return grantsOf(count, indexer).map(({ credentials, targets, window }) => {
    const { start, end } = window.kind === 'instants' ? window : {};
    return {
      index: credentials[0]?.index ?? '',
      target: targets[0]?.id ?? '',
      start: start ?? 0,
      end: end ?? Number.MAX_SAFE_INTEGER,
    };
  });
}
