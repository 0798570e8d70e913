/**
 * Wrong tries at one keypad (conventions 2.4): a few are free, then each costs a wait that doubles. The wait is kept
 * as time remaining on the monotonic clock, so neither a wrong wall clock nor a power cycle shortens it: after a new
 * boot it goes on from what was last recorded.
 */
import { type Instant, instant, type Millis, type Uptime } from '../../drivers/contract/time.ts';
import type { KeypadLockout } from './ledger.ts';
import type { LockoutPolicy } from './model.ts';

/** Codes of so many digits and more have their own counter, so that shorter guesses do not lock them. */
export const LONG_CODE = 9;

/** `startedAt` is when this daemon started in this boot: time before it is not counted after a new boot. */
export interface LockoutNow {
  readonly boot: string;
  readonly uptime: Uptime;
  readonly startedAt: Uptime;
}

interface Counter {
  readonly failures: number;
  readonly waitLeft: Millis;
  readonly sinceDecay: Millis;
}

const CLEAR: Counter = { failures: 0, waitLeft: 0, sinceDecay: 0 };

/** Time remaining until codes of that length are looked at again at this keypad. */
export function waitLeft(
  row: KeypadLockout | undefined,
  digits: number,
  now: LockoutNow,
  policy: LockoutPolicy,
): Millis {
  return counterNow(row, digits >= LONG_CODE, now, policy).waitLeft;
}

export interface Failure {
  readonly row: KeypadLockout;
  /** The wait that this failure began; 0 while tries are free. */
  readonly wait: Millis;
  /** It is the longest there is: somebody should be told how to end it. */
  readonly isFullWait: boolean;
  /** So many failures within the hour, or the day, for the first time: guessing. */
  readonly guessing: readonly ('hour' | 'day')[];
}

export function afterFailure(
  row: KeypadLockout | undefined,
  digits: number,
  now: LockoutNow,
  at: Instant,
  policy: LockoutPolicy,
): Failure {
  const isLong = digits >= LONG_CODE;
  const counter = counterNow(row, isLong, now, policy);
  const failures = counter.failures + 1;
  const wait = waitAfter(failures, policy);
  const before = recentFailures(row, at);
  const recent = [...before, at].slice(-MOST_RECENT);
  const after = { failures, waitLeft: wait, sinceDecay: counter.sinceDecay };
  return {
    row: rowOf(row, isLong, after, recent, now, at, policy),
    wait,
    isFullWait: wait > 0 && wait >= policy.longestWait,
    guessing: guessing(before, recent, at),
  };
}

/**
 * A right code halves the counter and does not clear it: else an insider with a code of their own could go on
 * guessing another's. Undefined: nothing was counted.
 */
export function afterSuccess(
  row: KeypadLockout | undefined,
  digits: number,
  now: LockoutNow,
  at: Instant,
  policy: LockoutPolicy,
): KeypadLockout | undefined {
  if (row === undefined) return undefined;
  const isLong = digits >= LONG_CODE;
  const counter = counterNow(row, isLong, now, policy);
  const after = { ...counter, failures: Math.floor(counter.failures / 2) };
  return rowOf(row, isLong, after, recentFailures(row, at), now, at, policy);
}

/** `firstWait` after the first failure that is not free, then twice as long each time. */
function waitAfter(failures: number, policy: LockoutPolicy): Millis {
  const costly = failures - policy.freeFailures;
  if (costly <= 0) return 0;
  return Math.min(policy.longestWait, policy.firstWait * 2 ** Math.min(costly - 1, 40));
}

function counterNow(
  row: KeypadLockout | undefined,
  isLong: boolean,
  now: LockoutNow,
  policy: LockoutPolicy,
): Counter {
  if (row === undefined) return CLEAR;
  const passed = elapsed(row, now);
  const failures = isLong ? row.longFailures : row.failures;
  const wait = isLong ? (row.longWaitLeft ?? 0) : row.waitLeft;
  const towards = (isLong ? (row.longSinceDecay ?? 0) : (row.sinceDecay ?? 0)) + passed;
  const left = Math.max(0, failures - Math.floor(towards / policy.decayEvery));
  return {
    failures: left,
    waitLeft: Math.max(0, wait - passed),
    sinceDecay: left === 0 ? 0 : towards % policy.decayEvery,
  };
}

function elapsed(row: KeypadLockout, now: LockoutNow): Millis {
  const from = row.asOf.boot === now.boot ? row.asOf.uptime : now.startedAt;
  return Math.max(0, now.uptime - from);
}

function rowOf(
  before: KeypadLockout | undefined,
  isLong: boolean,
  changed: Counter,
  recent: readonly Instant[],
  now: LockoutNow,
  at: Instant,
  policy: LockoutPolicy,
): KeypadLockout {
  const other = counterNow(before, !isLong, now, policy);
  const [short, long] = isLong ? [other, changed] : [changed, other];
  return {
    failures: short.failures,
    waitLeft: short.waitLeft,
    sinceDecay: short.sinceDecay,
    longFailures: long.failures,
    longWaitLeft: long.waitLeft,
    longSinceDecay: long.sinceDecay,
    recent,
    asOf: { boot: now.boot, uptime: now.uptime, at },
  };
}

const HOUR: Millis = 3_600_000;
const DAY: Millis = 24 * HOUR;
const GUESSES_AN_HOUR = 10;
const GUESSES_A_DAY = 20;
/** More need not be remembered to see that there were enough. */
const MOST_RECENT = 24;

function recentFailures(row: KeypadLockout | undefined, at: Instant): readonly Instant[] {
  return (row?.recent ?? []).filter((each) => each > at - DAY).map((each) => instant(each));
}

function guessing(
  before: readonly Instant[],
  after: readonly Instant[],
  at: Instant,
): ('hour' | 'day')[] {
  const within = (failures: readonly Instant[], span: Millis) =>
    failures.filter((each) => each > at - span).length;
  const found: ('hour' | 'day')[] = [];
  if (within(before, HOUR) < GUESSES_AN_HOUR && within(after, HOUR) >= GUESSES_AN_HOUR) {
    found.push('hour');
  }
  if (within(before, DAY) < GUESSES_A_DAY && within(after, DAY) >= GUESSES_A_DAY) found.push('day');
  return found;
}
