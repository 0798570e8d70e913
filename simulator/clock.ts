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
  /** Of two at one moment, the one that was set first. */
  readonly order: number;
  readonly fire: () => void;
  isOver: boolean;
}

export interface SimulatedClockOptions {
  /** Where the wall clock starts: ISO text with zone or offset, or milliseconds since 1970. */
  readonly at?: string | number;
  /** Where uptime starts, in milliseconds; not zero, so that nobody mistakes zero for "just now". */
  readonly uptime?: Millis;
  /**
   * Turns of the event loop that everything is given to settle in. Default 3: streams and queues use one or two of
   * their own to hand a value on. Where nothing has any, 1 lets time pass a third faster.
   */
  readonly turns?: number;
}

/**
 * Timers fire in the order of their moment, then of their setting. Between two of them everything that was set going
 * by the first settles, as far as it needs no real time. A timer that is due already fires in the next turn of the
 * event loop, also while nobody advances the clock.
 */
export class SimulatedClock implements Clock {
  readonly #timers = new TimerHeap();
  readonly #settlers: (() => Promise<void>)[] = [];
  #uptime: Uptime;
  #wall: number;
  readonly #turns: number;
  #moving = false;
  #order = 0;

  constructor(options: SimulatedClockOptions = {}) {
    const { at = '2026-03-02T09:00:00Z', turns = 3 } = options;
    this.#turns = turns;
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
    return this.#timers.waiting;
  }

  wakeAt(at: Uptime, fire: () => void): Timer {
    this.#order += 1;
    const timer: Waiting = { at, order: this.#order, fire, isOver: false };
    this.#timers.push(timer);
    if (at <= this.#uptime) setImmediate(() => this.#fireOne(this.#uptime));
    return { cancel: () => this.#timers.end(timer) };
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
    for (let turn = 0; turn < this.#turns; turn += 1) await nextTurn();
    for (const settled of this.#settlers) await settled();
  }

  async #move(end: Uptime, reached: () => boolean): Promise<boolean> {
    if (this.#moving) throw new Error('the clock is being advanced already');
    this.#moving = true;
    try {
      for (;;) {
        await this.settle();
        if (reached()) return true;
        const next = this.#timers.first;
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
    const next = this.#timers.first;
    if (next === undefined || next.at > due) return;
    this.#timers.end(next);
    next.fire();
  }
}

function nextTurn(): Promise<void> {
  return new Promise((go) => setImmediate(go));
}

/** A binary heap. What was cancelled stays in it until its moment, or until it is half of what is in it. */
class TimerHeap {
  #heap: Waiting[] = [];
  #over = 0;

  get waiting(): number {
    return this.#heap.length - this.#over;
  }

  /** The next that is due. */
  get first(): Waiting | undefined {
    while (this.#heap[0]?.isOver === true) this.#shift();
    return this.#heap[0];
  }

  push(timer: Waiting): void {
    this.#heap.push(timer);
    this.#rise(this.#heap.length - 1);
  }

  end(timer: Waiting): void {
    if (timer.isOver) return;
    timer.isOver = true;
    this.#over += 1;
    if (this.#over < 32 || this.#over * 2 < this.#heap.length) return;
    this.#heap = this.#heap
      .filter(({ isOver }) => !isOver)
      .sort((a, b) => (isBefore(a, b) ? -1 : 1));
    this.#over = 0;
  }

  #shift(): void {
    const last = this.#heap.pop();
    this.#over -= 1;
    if (last === undefined || this.#heap.length === 0) return;
    this.#heap[0] = last;
    this.#sink();
  }

  #rise(from: number): void {
    for (let at = from; at > 0; ) {
      const above = (at - 1) >> 1;
      if (!this.#swapped(above, at)) return;
      at = above;
    }
  }

  #sink(): void {
    for (let at = 0; ; ) {
      const left = 2 * at + 1;
      const [first, second] = [this.#heap[left], this.#heap[left + 1]];
      if (first === undefined) return;
      const next = second !== undefined && isBefore(second, first) ? left + 1 : left;
      if (!this.#swapped(at, next)) return;
      at = next;
    }
  }

  /** Puts the two in their order; whether they were not. */
  #swapped(above: number, below: number): boolean {
    const [upper, lower] = [this.#heap[above], this.#heap[below]];
    if (upper === undefined || lower === undefined || !isBefore(lower, upper)) return false;
    this.#heap[above] = lower;
    this.#heap[below] = upper;
    return true;
  }
}

function isBefore(a: Waiting, b: Waiting): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
