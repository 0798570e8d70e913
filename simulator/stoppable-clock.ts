/** A clock whose timers end with the thing that set them, so that nothing simulated outlives its hardware. */
import type { Clock, Instant, Timer, Uptime } from '../drivers/contract/time.ts';

export class StoppableClock implements Clock, Disposable {
  readonly #clock: Clock;
  readonly #waiting = new Set<Timer>();
  #isStopped = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  now(): Instant {
    return this.#clock.now();
  }

  uptime(): Uptime {
    return this.#clock.uptime();
  }

  /** Once stopped, nothing fires any more. */
  wakeAt(at: Uptime, fire: () => void): Timer {
    if (this.#isStopped) return { cancel: () => undefined };
    const timer = this.#clock.wakeAt(at, () => {
      this.#waiting.delete(timer);
      fire();
    });
    this.#waiting.add(timer);
    return {
      cancel: () => {
        this.#waiting.delete(timer);
        timer.cancel();
      },
    };
  }

  [Symbol.dispose](): void {
    this.#isStopped = true;
    for (const timer of this.#waiting) timer.cancel();
    this.#waiting.clear();
  }
}
