/** No more requests than a vendor allows: a sliding minute, and penalties that hold everything back. */
import {
  type Clock,
  type Millis,
  pause,
  type Uptime,
  uptime,
} from '../../drivers/contract/time.ts';

const MINUTE: Millis = 60_000;

export class RequestBudget {
  readonly #clock: Clock;
  readonly #perMinute: number;
  /** When the requests of the last minute were let through, oldest first. */
  readonly #sent: Uptime[] = [];
  #heldUntil: Uptime;
  #turn: Promise<void> = Promise.resolve();

  constructor(clock: Clock, perMinute: number) {
    this.#clock = clock;
    this.#perMinute = perMinute;
    this.#heldUntil = clock.uptime();
  }

  /** Resolves when the next request may go, one after the other in the order of asking; at once when aborted. */
  take(signal: AbortSignal): Promise<void> {
    const turn = this.#turn.then(() => this.#wait(signal));
    this.#turn = turn;
    return turn;
  }

  /** Nothing goes for so long; a shorter penalty never ends a longer one. */
  hold(length: Millis): void {
    const until = uptime(this.#clock.uptime() + length);
    if (until > this.#heldUntil) this.#heldUntil = until;
  }

  /** For who does not wait: whether it may go, and then it counts. */
  takeNow(): boolean {
    if (this.wait > 0) return false;
    this.#sent.push(this.#clock.uptime());
    return true;
  }

  /** A penalty runs. */
  get isHeld(): boolean {
    return this.#heldUntil > this.#clock.uptime();
  }

  /** Milliseconds until a request could go now; 0 when one may. */
  get wait(): Millis {
    const now = this.#clock.uptime();
    while (this.#sent[0] !== undefined && this.#sent[0] <= now - MINUTE) this.#sent.shift();
    const oldest = this.#sent[this.#sent.length - this.#perMinute];
    const full = oldest === undefined ? 0 : oldest + MINUTE - now;
    return Math.max(0, this.#heldUntil - now, full);
  }

  async #wait(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const wait = this.wait;
      if (wait === 0) break;
      await pause(this.#clock, wait, signal);
    }
    this.#sent.push(this.#clock.uptime());
  }
}
