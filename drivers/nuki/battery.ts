/** How long the batteries will last, from what they did so far: a slope, since a percentage alone says little. */

export interface BatterySample {
  /** Milliseconds on any clock that only counts. */
  readonly at: number;
  readonly percent: number;
}

export interface BatteryForecast {
  /** Percent lost a week; never below zero. */
  readonly perWeek: number;
  /** Days until `LOW` is reached. */
  readonly daysLeft: number;
}

/** Where a motor lock begins to fail in the cold. */
const LOW_PERCENT = 20;
/** Fewer days than this say nothing: percentages come in steps of two. */
const DAYS_MIN = 3;
const SAMPLES_MAX = 200;
const DAY = 86_400_000;
/** More than this between two readings is a new set of batteries, not a recovery after the cold. */
const NEW_SET = 25;

/** One reading a few hours apart is enough; a new set of batteries begins anew. */
export function withSample(
  samples: readonly BatterySample[],
  next: BatterySample,
): readonly BatterySample[] {
  const last = samples.at(-1);
  if (last !== undefined && next.percent - last.percent >= NEW_SET) return [next];
  if (last !== undefined && next.at - last.at < DAY / 6) return samples;
  return [...samples, next].slice(-SAMPLES_MAX);
}

/** Least squares over all samples of this set; `undefined` while it would be a guess. */
export function forecast(samples: readonly BatterySample[]): BatteryForecast | undefined {
  const [first] = samples;
  const last = samples.at(-1);
  if (first === undefined || last === undefined || samples.length < 3) return undefined;
  if (last.at - first.at < DAYS_MIN * DAY) return undefined;
  const meanAt = samples.reduce((sum, { at }) => sum + at, 0) / samples.length;
  const mean = samples.reduce((sum, { percent }) => sum + percent, 0) / samples.length;
  let over = 0;
  let under = 0;
  for (const { at, percent } of samples) {
    over += (at - meanAt) * (percent - mean);
    under += (at - meanAt) ** 2;
  }
  const perMs = over / under;
  if (!(perMs < 0)) return undefined;
  const now = mean + perMs * (last.at - meanAt);
  return {
    perWeek: -perMs * 7 * DAY,
    daysLeft: Math.max(0, (now - LOW_PERCENT) / -perMs / DAY),
  };
}

/** Four alkaline cells, by the voltage under the motor's load; for firmware that tells no percentage. */
export function percentOf(millivolts: number): number {
  const [empty, full] = [4200, 5800];
  return Math.round(Math.min(100, Math.max(0, ((millivolts - empty) / (full - empty)) * 100)));
}
