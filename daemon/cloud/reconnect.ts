/** When to try the broker again: full jitter, so that a fleet that lost its broker does not come back as one (conventions 3.5). */
import { createHash } from 'node:crypto';
import { type Clock, type Millis, pause, type Random } from '../../drivers/contract/time.ts';
import type { BrokerError } from './broker.ts';

export interface Patience {
  /** Longest wait between two ordinary attempts. */
  readonly longest: Millis;
  /** The first attempt after a start waits a part of this that belongs to the bridge. */
  readonly spread: Millis;
}

export const PATIENCE: Patience = { longest: 300_000, spread: 30_000 };

/** A session this long was a good one: the next failure counts as the first. */
const STABLE: Millis = 60_000;
/** Credentials do not mend themselves; asking more often only fills the broker's log. */
const AFTER_REFUSAL: Millis = 15 * 60_000;

export function waitAfter(
  why: BrokerError,
  failures: number,
  { longest }: Patience,
  random: Random,
): Millis {
  const jitter = (most: Millis) => Math.floor(random.fraction() * most);
  switch (why.code) {
    case 'not-authorised':
      return Math.min(AFTER_REFUSAL, longest * 3) + jitter(longest / 10);
    case 'busy':
      return jitter(longest);
    case 'taken-over':
      // Two with one name throw each other out; the slower they are, the less harm they do.
      return longest / 2 + jitter(longest / 2);
    default:
      return jitter(Math.min(longest, 1_000 * 2 ** Math.min(failures, 20)));
  }
}

/** The bridge's own place in the spread, the same at each start. */
export function firstWait(bridge: string, { spread }: Patience): Millis {
  if (spread <= 0) return 0;
  return createHash('sha256').update(bridge).digest().readUInt32BE(0) % spread;
}

export interface Attempts {
  readonly bridge: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly patience: Patience;
  /** Connects, and settles when the session is over: with why, also where there never was one. */
  attempt(signal: AbortSignal): Promise<BrokerError>;
  /** Before each wait; for log and journal. */
  waiting(why: BrokerError, wait: Millis): void;
}

/** One attempt at a time until the signal ends it. */
export async function keepConnected(attempts: Attempts, signal: AbortSignal): Promise<void> {
  const { clock, random, patience, bridge } = attempts;
  await pause(clock, firstWait(bridge, patience), signal);
  let failures = 0;
  while (!signal.aborted) {
    const began = clock.uptime();
    const why = await attempts.attempt(signal);
    if (signal.aborted) return;
    if (clock.uptime() - began >= STABLE) failures = 0;
    const wait = waitAfter(why, failures, patience, random);
    failures += 1;
    attempts.waiting(why, wait);
    await pause(clock, wait, signal);
  }
}
