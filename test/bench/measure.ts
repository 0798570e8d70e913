/**
 * How everything here is measured: the product beside the cheapest thing that could possibly do the same work, in
 * the same process and the same minute. Absolute times mean nothing on a noisy machine; the ratio is judged.
 */

/** One path of the product and its floor; each call does one unit of the work. */
export interface Metric {
  readonly name: string;
  readonly unit: string;
  /** What is measured, for people. */
  readonly what: string;
  /** The ratio that is good enough. */
  readonly goal: { readonly ratio: number; readonly direction: 'at-most' | 'at-least' };
  /** Prepares data and connections; returns the two sides and how to put them away. */
  prepare(scale: Scale): Promise<Sides | Skipped>;
}

export interface Sides extends AsyncDisposable {
  /** Units of work a round does on each side. */
  readonly perRound: number;
  /** `each`: floor and ours take turns per operation; `round`: per round, floor first, then ours. */
  readonly turns: 'each' | 'round';
  /** Values are milliseconds per unit unless the side returns its own figure. */
  floor(n: number): unknown;
  ours(n: number): unknown;
  readonly n: number;
}

export interface Skipped {
  readonly skipped: string;
}

export interface Scale {
  readonly quick: boolean;
  readonly grants: number;
  readonly rounds: number;
}

export interface Result {
  readonly name: string;
  readonly unit: string;
  readonly n: number;
  readonly floor: number;
  readonly value: number;
  readonly p99: number;
  readonly ratio: number;
  readonly lowest: number;
  readonly highest: number;
  readonly goal: Metric['goal'];
  readonly met: boolean;
  /** The floor itself moved more than twofold between rounds: nothing is judged. */
  readonly noisy: boolean;
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

export function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN;
}

async function timed(side: (n: number) => unknown, n: number): Promise<number> {
  const before = performance.now();
  const own = side(n);
  const settled = own instanceof Promise ? await own : own;
  return typeof settled === 'number' ? settled : performance.now() - before;
}

/** Rounds of both sides, medians of each round's median, ratio of each round. */
export async function measure(metric: Metric, sides: Sides, scale: Scale): Promise<Result> {
  const floors: number[] = [];
  const values: number[] = [];
  const all: number[] = [];
  for (let round = -1; round < scale.rounds; round++) {
    const floor: number[] = [];
    const ours: number[] = [];
    for (let n = 0; n < sides.perRound; n++) {
      const id = (round + 1) * sides.perRound + n;
      floor.push(await timed((k) => sides.floor(k), id));
      if (sides.turns === 'each') ours.push(await timed((k) => sides.ours(k), id));
    }
    if (sides.turns === 'round') {
      for (let n = 0; n < sides.perRound; n++) {
        ours.push(await timed((k) => sides.ours(k), (round + 1) * sides.perRound + n));
      }
    }
    if (round < 0) continue; // warm-up
    floors.push(median(floor));
    values.push(median(ours));
    all.push(...ours);
  }
  const ratios = floors.map((floor, n) => (values[n] ?? Number.NaN) / floor);
  const ratio = median(ratios);
  const { goal } = metric;
  return {
    name: metric.name,
    unit: metric.unit,
    n: sides.n,
    floor: median(floors),
    value: median(values),
    p99: quantile(all, 0.99),
    ratio,
    lowest: Math.min(...ratios),
    highest: Math.max(...ratios),
    goal,
    met: goal.direction === 'at-most' ? ratio <= goal.ratio : ratio >= goal.ratio,
    noisy: Math.max(...floors) / Math.min(...floors) > 2,
  };
}
