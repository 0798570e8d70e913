/**
 * Time and chance as they are handed to every part. Nothing in drivers, rules, store or simulator reads
 * a clock or draws a number by itself; `daemon/platform/clock.ts` and `random.ts` hold the real ones.
 */

/** A moment on the wall, in milliseconds since 1970-01-01T00:00Z. May jump when the clock is corrected. */
export type Instant = number & { readonly __unit: 'instant' };

/** Milliseconds of a clock that never jumps and only counts while this boot lasts. For time-outs. */
export type Uptime = number & { readonly __unit: 'uptime' };

/** A length of time in milliseconds. */
export type Millis = number;

export function instant(ms: number): Instant {
  return ms as Instant;
}

export function uptime(ms: number): Uptime {
  return ms as Uptime;
}

/** A timer that was set; cancelling one that has fired or was cancelled before does nothing. */
export interface Timer {
  cancel(): void;
}

/** Both clocks and the only way to wait. The simulated one moves when the test says so. */
export interface Clock {
  now(): Instant;
  uptime(): Uptime;
  /** Calls `fire` once when `uptime()` has reached `at`; at the earliest in the next turn. */
  wakeAt(at: Uptime, fire: () => void): Timer;
}

/** Resolves after `length`, or at once when `signal` is or becomes aborted (never rejects). */
export function pause(clock: Clock, length: Millis, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) {
      resolve();
      return;
    }
    const done = () => {
      timer.cancel();
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = clock.wakeAt(uptime(clock.uptime() + length), done);
    signal?.addEventListener('abort', done, { once: true });
  });
}

/** Where every random number comes from; the simulated one follows its seed. */
export interface Random {
  /** Uniform in [0, 1). Not for secrets. */
  fraction(): number;
  /** Uniform bytes; the real one draws them from the operating system, fit for keys and PINs. */
  bytes(length: number): Uint8Array;
}

/** Uniform integer in [0, bound), from bytes, without modulo bias. `bound` at most 2^32. */
export function randomInteger(random: Random, bound: number): number {
  if (!Number.isInteger(bound) || bound < 1 || bound > 2 ** 32) {
    throw new RangeError(`bound must be an integer from 1 to 2^32, found ${bound}`);
  }
  const limit = Math.floor(2 ** 32 / bound) * bound;
  for (;;) {
    const bytes = random.bytes(4);
    const drawn = new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0);
    if (drawn < limit) return drawn % bound;
  }
}
