/** A token bucket: so many per second, and as many at once after a rest. */
import type { Clock, Millis, Uptime } from '../../drivers/contract/time.ts';

export class Pace {
  readonly #clock: Clock;
  readonly #perSecond: number;
  #tokens: number;
  #asOf: Uptime;

  /** `Infinity`: no limit. */
  constructor(clock: Clock, perSecond: number) {
    if (!(perSecond > 0)) throw new RangeError(`a pace is above zero, found ${perSecond}`);
    this.#clock = clock;
    this.#perSecond = perSecond;
    this.#tokens = Math.max(1, perSecond);
    this.#asOf = clock.uptime();
  }

  /** Takes one and gives 0, or takes none and gives how long to wait for one. */
  take(): Millis {
    if (this.#perSecond === Number.POSITIVE_INFINITY) return 0;
    const now = this.#clock.uptime();
    const gained = ((now - this.#asOf) / 1000) * this.#perSecond;
    this.#tokens = Math.min(Math.max(1, this.#perSecond), this.#tokens + gained);
    this.#asOf = now;
    if (this.#tokens < 1) return Math.ceil(((1 - this.#tokens) / this.#perSecond) * 1000);
    this.#tokens -= 1;
    return 0;
  }
}
