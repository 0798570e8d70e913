/** How a command shows that it is not an old one: counter, session nonce, and the times it was signed with (conventions 1.7). */
import {
  type Clock,
  type Millis,
  type Random,
  type Uptime,
  uptime,
} from '../../drivers/contract/time.ts';
import type { ClockInterval } from '../access/model.ts';

const COUNTER_WINDOW = 1024n;
const COUNTER_LIMIT = 1n << 64n;
const WINDOW_BITS = (1n << COUNTER_WINDOW) - 1n;

export interface CounterText {
  readonly highest: string;
  readonly window: string;
}

/**
 * Which counters of one key were used: the highest, and the 1024 up to it, as IPsec does (RFC 4303 3.4.3). Not
 * strictly growing, since several workers of a cloud publish at once. Bit n stands for `highest - n`.
 */
export class CounterWindow {
  #highest: bigint;
  #seen: bigint;

  constructor(stored?: CounterText) {
    this.#highest = stored === undefined ? 0n : BigInt(stored.highest);
    // Counter 0 is never valid: a window that was never used has it marked.
    this.#seen = stored === undefined ? 1n : BigInt(`0x${stored.window || '0'}`);
  }

  isFresh(counter: bigint): boolean {
    if (counter <= 0n || counter >= COUNTER_LIMIT) return false;
    if (counter > this.#highest) return true;
    const back = this.#highest - counter;
    return back < COUNTER_WINDOW && ((this.#seen >> back) & 1n) === 0n;
  }

  /** Marks a counter that is fresh. */
  use(counter: bigint): void {
    if (counter > this.#highest) {
      const by = counter - this.#highest;
      this.#seen = by >= COUNTER_WINDOW ? 1n : ((this.#seen << by) | 1n) & WINDOW_BITS;
      this.#highest = counter;
    } else {
      this.#seen |= 1n << (this.#highest - counter);
    }
  }

  get text(): CounterText {
    return { highest: this.#highest.toString(), window: this.#seen.toString(16) };
  }
}

const NONCE_LIFE: Millis = 5 * 60_000;

/**
 * The two newest session nonces. One is made at each connect and every five minutes of the clock that never jumps, so
 * that a command with one of them was signed within the last ten minutes, whatever the wall clock says.
 */
export class SessionNonces {
  readonly #clock: Clock;
  readonly #random: Random;
  #nonces: readonly string[] = [];
  #next: Uptime;

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
    this.#next = clock.uptime();
  }

  /** When the newest is to be followed by another. */
  get rotateAt(): Uptime {
    return this.#next;
  }

  rotate(): void {
    const fresh = Buffer.from(this.#random.bytes(9)).toString('base64url');
    this.#nonces = [fresh, ...this.#nonces].slice(0, 2);
    this.#next = uptime(this.#clock.uptime() + NONCE_LIFE);
  }

  /** Newest first, as published in `state`. None is current that should have been rotated away. */
  get current(): readonly string[] {
    return this.#clock.uptime() >= this.#next + NONCE_LIFE ? [] : this.#nonces;
  }

  isCurrent(nonce: string): boolean {
    return this.current.includes(nonce);
  }
}

/** Tolerance between the sender's clock and ours while ours is trusted. */
const SKEW: Millis = 60_000;

export type TimeJudgement = 'in-time' | 'expired' | 'clock-untrusted';

/** `iat` and `exp` in seconds since 1970, as signed. */
export interface SignedTimes {
  readonly iat: number;
  readonly exp: number;
}

/**
 * Expired is what is over for sure: `exp` at or before `lo`, which is a true lower bound in every state. A command
 * from the future means that one of the two clocks is wrong; while ours is not trusted, that says nothing.
 */
export function judgeTimes({ iat, exp }: SignedTimes, clock: ClockInterval): TimeJudgement {
  const tolerance = clock.state === 'trusted' ? SKEW : 0;
  if (exp * 1000 <= clock.lo - tolerance) return 'expired';
  const known = clock.state === 'trusted' || clock.state === 'holdover';
  if (known && iat * 1000 > clock.hi + tolerance) return 'clock-untrusted';
  return 'in-time';
}
