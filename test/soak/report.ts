/** What the samples of a soak come to, and what of it is not as it should be. */
import type { Sample } from './sample.ts';

export interface SoakReport {
  readonly hours: number;
  readonly exchanges: number;
  readonly missed: number;
  readonly wrongPulses: number;
  readonly owed: number;
  readonly deaths: number;
  readonly memory: {
    readonly residentMiB: number;
    readonly heapMiB: number;
    /** Of the second half of the run, by least squares. */
    readonly residentMiBADay: number;
    readonly heapMiBADay: number;
  };
  readonly descriptors: { readonly first: number; readonly most: number; readonly last: number };
  readonly walMiB: { readonly most: number };
  readonly storeBytesAnExchange: number;
  readonly writes: {
    readonly bytesAnExchange: number;
    readonly idleMiBADay: number;
    /** A card of 32 GB whose cells take a thousand writes, half of them lost to its own housekeeping, at this many exchanges a day. */
    readonly yearsOnACard: Readonly<Record<string, number>>;
  };
  readonly lagMs: { readonly median: number; readonly p99: number; readonly most: number };
  readonly faults: readonly string[];
}

export interface SoakRun {
  /** Nothing was asked of the site. */
  readonly idle: readonly Sample[];
  readonly busy: readonly Sample[];
  readonly lags: readonly number[];
  readonly exchanges: number;
  readonly missed: number;
  /** Exchanges in which a lock was not moved once for each opening. */
  readonly wrongPulses: number;
  /** Exchanges that the cloud was not told of, and entries that it has not acknowledged. */
  readonly owed: number;
  readonly deaths: number;
}

const MIB = 1024 * 1024;
const DAY = 86_400;
const CARD_BYTES = 32e9;
const WRITES_A_CELL = 1000;
const LOST_TO_HOUSEKEEPING = 0.5;
const EXCHANGES_A_DAY = [50, 500];

/** Two files of 200 pages between checkpoints, and what a long reader keeps back. */
const WAL_MOST = 8 * MIB;
/** Sockets of callers come and go. */
const DESCRIPTORS_MORE = 12;
/** conventions.md 3.7: less than 1 MB a day; a run of up to a day shows no less than its own noise. */
const MEMORY_A_DAY = MIB;
const MEMORY_NOISE = 12 * MIB;
/** Where the watchdog would call the loop ill. */
const LAG_MOST_MS = 2000;

export function reportOf(run: SoakRun): SoakReport {
  const { idle, busy, exchanges, missed, wrongPulses, owed, deaths } = run;
  const [first, last] = [busy[0], busy.at(-1)];
  const [idleFirst, idleLast] = [idle[0], idle.at(-1)];
  if (first === undefined || last === undefined || idleFirst === undefined || !idleLast)
    throw new Error('a soak has samples with and without traffic');
  const seconds = last.at - first.at;
  const late = busy.filter(({ at }) => at >= first.at + seconds / 2);
  const resident = slope(late.map(({ at, residentBytes }) => [at, residentBytes]));
  const heap = slope(late.map(({ at, heapBytes }) => [at, heapBytes]));
  const idleADay =
    ((idleLast.writtenBytes - idleFirst.writtenBytes) / (idleLast.at - idleFirst.at)) * DAY;
  const written = last.writtenBytes - first.writtenBytes - (idleADay / DAY) * seconds;
  const each = Math.max(0, written) / Math.max(1, exchanges);
  const years = (aDay: number) =>
    (CARD_BYTES * WRITES_A_CELL * LOST_TO_HOUSEKEEPING) / (idleADay + aDay * each) / 365;
  const most = (of: (sample: Sample) => number) => Math.max(...busy.map(of));
  const lags = run.lags.toSorted((a, b) => a - b);
  const lagAt = (part: number) => lags[Math.floor((lags.length - 1) * part)] ?? 0;
  const lateSeconds = seconds / 2;
  const noise = MEMORY_NOISE / Math.max(1, seconds / DAY); // ups and downs of days even out
  const faults = [
    ...(deaths > 0 ? [`the daemon died ${deaths} times`] : []),
    ...(exchanges === 0 ? ['no exchange came to its end'] : []),
    ...(missed > exchanges / 5 ? [`${missed} exchanges were missed, ${exchanges} done`] : []),
    ...(wrongPulses > 0 ? [`${wrongPulses} exchanges moved a lock not once for each opening`] : []),
    ...(owed > 0 ? [`${owed} entries or exchanges did not reach the cloud`] : []),
    ...(most(({ walBytes }) => walBytes) > WAL_MOST ? ['the write-ahead logs have no bound'] : []),
    ...(last.descriptors > first.descriptors + DESCRIPTORS_MORE
      ? [`descriptors grew from ${first.descriptors} to ${last.descriptors}`]
      : []),
    ...(resident * lateSeconds > noise + (MEMORY_A_DAY * lateSeconds) / DAY
      ? [`memory grew by ${mib(resident * lateSeconds)} MiB in the second half`]
      : []),
    ...(lagAt(1) > LAG_MOST_MS ? [`the loop lagged ${lagAt(1)} ms`] : []),
  ];
  return {
    hours: rounded(seconds / 3600),
    exchanges,
    missed,
    wrongPulses,
    owed,
    deaths,
    memory: {
      residentMiB: mib(last.residentBytes),
      heapMiB: mib(last.heapBytes),
      residentMiBADay: mib(resident * DAY),
      heapMiBADay: mib(heap * DAY),
    },
    descriptors: {
      first: first.descriptors,
      most: most(({ descriptors }) => descriptors),
      last: last.descriptors,
    },
    walMiB: { most: mib(most(({ walBytes }) => walBytes)) },
    storeBytesAnExchange: Math.round((last.storeBytes - first.storeBytes) / Math.max(1, exchanges)),
    writes: {
      bytesAnExchange: Math.round(each),
      idleMiBADay: mib(idleADay),
      yearsOnACard: Object.fromEntries(
        EXCHANGES_A_DAY.map((aDay) => [`${aDay} a day`, rounded(years(aDay))]),
      ),
    },
    lagMs: { median: lagAt(0.5), p99: lagAt(0.99), most: lagAt(1) },
    faults,
  };
}

/** Of the line with the least squares through the points, in y for each x. */
export function slope(points: readonly (readonly [x: number, y: number])[]): number {
  const mean = (of: (point: readonly [number, number]) => number) =>
    points.reduce((sum, point) => sum + of(point), 0) / Math.max(1, points.length);
  const [x, y] = [mean(([at]) => at), mean(([, value]) => value)];
  const above = points.reduce((sum, [at, value]) => sum + (at - x) * (value - y), 0);
  const below = points.reduce((sum, [at]) => sum + (at - x) ** 2, 0);
  return below === 0 ? 0 : above / below;
}

function mib(bytes: number): number {
  return rounded(bytes / MIB);
}

function rounded(value: number): number {
  return Number(value.toPrecision(4));
}
