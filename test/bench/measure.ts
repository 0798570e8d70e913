/**
 * How everything here is measured: the product beside the cheapest thing that could possibly do the same work, in
 * the same process and the same minute. Absolute times mean nothing on a noisy machine; the ratio is judged.
 */

export type Unit = 'µs' | 'ms' | 's' | 'MB' | '/s';

/** One path of the product and its floor. */
export interface Metric {
  readonly name: string;
  readonly unit: Unit;
  /** What is measured, and beside what, for people. */
  readonly what: string;
  /** The ratio that is good enough; without one it is told, and what else the metric asks for is judged. */
  readonly goal?: Goal;
  /** Prepares data and connections; returns the two sides and how to put them away. */
  prepare(scale: Scale): Promise<Sides | Skipped>;
}

/** The ratio is ours to the floor; `floor/ours` where it says how many times slower the other one is. */
export interface Goal {
  readonly ratio: number;
  readonly direction: 'at-most' | 'at-least';
  readonly of?: 'ours/floor' | 'floor/ours';
}

/**
 * One unit of the work of one side. What takes time is timed from the outside; a side that knows better (a rate, a
 * percentile, memory) returns a number in the unit of its metric.
 */
export type Side = (n: number) => unknown;

export interface Sides extends AsyncDisposable {
  /** Units of work a round does on each side. */
  readonly perRound: number;
  /** `each`: floor and ours take turns per operation; `round`: per round, floor first, then ours. */
  readonly turns: 'each' | 'round';
  /** At most so many rounds, where one takes long. */
  readonly roundsMost?: number;
  /** No round before those that count: starts of processes and rebuilt files have nothing that must get warm. */
  readonly isCold?: boolean;
  readonly floor: Side;
  readonly ours: Side;
  /** How many grants, events or devices the figure is for. */
  readonly n: number;
  /** What else the goal asks for, told and judged after the rounds. */
  also?(): readonly Also[];
}

export interface Also {
  readonly what: string;
  /** `undefined`: it is told, not judged. */
  readonly met: boolean | undefined;
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
  readonly unit: Unit;
  readonly n: number;
  readonly floor: number;
  readonly value: number;
  readonly p99: number;
  readonly ratio: number;
  readonly lowest: number;
  readonly highest: number;
  readonly goal: Goal | undefined;
  readonly met: boolean;
  /** The floor itself moved more than twofold between rounds: the ratio is not judged. */
  readonly noisy: boolean;
  readonly also: readonly Also[];
}

/** A floor that moves more than this between rounds is no floor. */
const NOISY = 2;

const PER_MS: Readonly<Record<Unit, number>> = { µs: 1000, ms: 1, s: 0.001, MB: 1, '/s': 1 };

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const high = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? high : ((sorted[middle - 1] ?? Number.NaN) + high) / 2;
}

/** The smallest value that at least `q` of all are not above. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * q) - 1)] ?? Number.NaN;
}

/** Rounds of both sides, medians of each round's median, ratio of each round. `now` in milliseconds. */
export async function measure(
  metric: Metric,
  sides: Sides,
  scale: Pick<Scale, 'rounds'>,
  now: () => number,
): Promise<Result> {
  const floors: number[] = [];
  const values: number[] = [];
  const all: number[] = [];
  const count = Math.min(scale.rounds, sides.roundsMost ?? scale.rounds);
  const perMs = PER_MS[metric.unit];
  const warming = sides.isCold === true ? 0 : 1;
  for (let round = -warming; round < count; round++) {
    const first = (round + warming) * sides.perRound;
    const { floor, ours } = await oneRound(sides, first, perMs, now);
    if (round < 0) continue; // it only warmed up
    floors.push(median(floor));
    values.push(median(ours));
    all.push(...ours);
  }
  return judged(metric, sides.n, { floors, values, all }, sides.also?.() ?? []);
}

async function oneRound(
  { perRound, turns, floor, ours }: Sides,
  first: number,
  perMs: number,
  now: () => number,
): Promise<{ readonly floor: number[]; readonly ours: number[] }> {
  const floors: number[] = [];
  const values: number[] = [];
  const turn = async (side: Side, n: number, into: number[]) => {
    const before = now();
    const own = side(n);
    const settled = own instanceof Promise ? await own : own;
    into.push(typeof settled === 'number' ? settled : (now() - before) * perMs);
  };
  for (let n = first; n < first + perRound; n++) {
    await turn(floor, n, floors);
    if (turns === 'each') await turn(ours, n, values);
  }
  if (turns === 'round') {
    for (let n = first; n < first + perRound; n++) await turn(ours, n, values);
  }
  return { floor: floors, ours: values };
}

interface Figures {
  readonly floors: readonly number[];
  readonly values: readonly number[];
  /** Every single value of ours. */
  readonly all: readonly number[];
}

export function judged(
  { name, unit, goal }: Pick<Metric, 'name' | 'unit' | 'goal'>,
  n: number,
  { floors, values, all }: Figures,
  also: readonly Also[],
): Result {
  const ratios = floors.map((floor, round) => {
    const value = values[round] ?? Number.NaN;
    return goal?.of === 'floor/ours' ? floor / value : value / floor;
  });
  const ratio = median(ratios);
  const reached = goal === undefined || reaches(ratio, goal);
  return {
    name,
    unit,
    n,
    floor: median(floors),
    value: median(values),
    p99: quantile(all, 0.99),
    ratio,
    lowest: Math.min(...ratios),
    highest: Math.max(...ratios),
    goal,
    met: reached && also.every(({ met }) => met !== false),
    noisy: goal !== undefined && Math.max(...floors) / Math.min(...floors) > NOISY,
    also,
  };
}

function reaches(ratio: number, goal: Goal): boolean {
  return goal.direction === 'at-most' ? ratio <= goal.ratio : ratio >= goal.ratio;
}
