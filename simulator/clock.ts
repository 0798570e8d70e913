/** A clock that moves when it is told to, so that a test of a year takes a second and comes out the same each time. */
import {
  type Clock,
  type Instant,
  instant,
  type Millis,
  type Timer,
  type Uptime,
  uptime,
} from '../drivers/contract/time.ts';

interface Waiting {
  readonly at: Uptime;
  readonly fire: () => void;
  cancelled: boolean;
}

export interface SimulatedClockOptions {
  /** Where the wall clock starts: ISO text with zone or offset, or milliseconds since 1970. */
  readonly at?: string | number;
  /** Where uptime starts, in milliseconds; not zero, so that nobody mistakes zero for "just now". */
  readonly uptime?: Millis;
}

/**
 * Timers fire in the order of their moment, then of their setting. Between two of them everything that was set going
 * by the first settles, as far as it needs no real time. A timer that is due already fires in the next turn of the
 * event loop, also while nobody advances the clock.
 */
export class SimulatedClock implements Clock {
  /** Sorted by moment; those of one moment stand in the order in which they were set. */
  readonly #timers: Waiting[] = [];
  readonly #settlers: (() => Promise<void>)[] = [];
  #uptime: Uptime;
  #wall: number;
  #moving = false;

  constructor(options: SimulatedClockOptions = {}) {
    const { at = '2026-03-02T09:00:00Z' } = options;
    this.#wall = typeof at === 'number' ? at : Date.parse(at);
    if (!Number.isFinite(this.#wall)) throw new RangeError(`no moment: ${at}`);
    this.#uptime = uptime(options.uptime ?? 1000);
  }

  now(): Instant {
    return instant(Math.floor(this.#wall));
  }

  uptime(): Uptime {
    return this.#uptime;
  }

  /** How many timers wait. */
  get waiting(): number {
    return this.#timers.length;
  }

  wakeAt(at: Uptime, fire: () => void): Timer {
    const timer: Waiting = { at, fire, cancelled: false };
    let place = this.#timers.length;
    while (place > 0 && (this.#timers[place - 1]?.at ?? -Infinity) > at) place -= 1;
    this.#timers.splice(place, 0, timer);
    if (at <= this.#uptime) setImmediate(() => this.#fireOne(this.#uptime));
    return {
      cancel: () => {
        if (timer.cancelled) return;
        timer.cancelled = true;
        const index = this.#timers.indexOf(timer);
        if (index >= 0) this.#timers.splice(index, 1);
      },
    };
  }

  /** Moves the wall clock alone, as somebody who sets it would: timers and uptime do not notice. */
  shiftWall(by: Millis): void {
    this.#wall += by;
  }

  /** Something that takes real time (a worker's commit) and must have ended before time goes on. */
  alsoSettle(settled: () => Promise<void>): void {
    this.#settlers.push(settled);
  }

  /** Lets time pass, firing on the way all that comes due, also what is only set on the way. */
  async advance(length: Millis): Promise<void> {
    await this.#move(uptime(this.#uptime + length), () => false);
  }

  /** Lets time pass until `reached()`; rejects when `within` has passed without it. */
  async runUntil(reached: () => boolean, within: Millis): Promise<void> {
    if (!(await this.#move(uptime(this.#uptime + within), reached))) {
      throw new Error(`not reached within ${within} ms: ${reached}`);
    }
  }

  /** Lets everything settle without letting time pass. */
  async settle(): Promise<void> {
    // Three turns: streams and queues use one or two of their own to hand a value on.
    for (let turn = 0; turn < 3; turn += 1) await new Promise<void>((go) => setImmediate(go));
    for (const settled of this.#settlers) await settled();
  }

  async #move(end: Uptime, reached: () => boolean): Promise<boolean> {
    if (this.#moving) throw new Error('the clock is being advanced already');
    this.#moving = true;
    try {
      for (;;) {
        await this.settle();
        if (reached()) return true;
        const next = this.#timers[0];
        if (next === undefined || next.at > end) break;
        this.#jump(next.at);
        this.#fireOne(this.#uptime);
      }
      this.#jump(end);
      await this.settle();
      return reached();
    } finally {
      this.#moving = false;
    }
  }

  #jump(to: Uptime): void {
    if (to <= this.#uptime) return;
    this.#wall += to - this.#uptime;
    this.#uptime = to;
  }

  #fireOne(due: Uptime): void {
    const next = this.#timers[0];
    if (next === undefined || next.at > due) return;
    this.#timers.shift();
    next.cancelled = true;
    next.fire();
  }
}
