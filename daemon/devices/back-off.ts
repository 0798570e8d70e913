/** How long to wait before a bus is opened again. */
import type { Millis, Random } from '../../drivers/contract/time.ts';

export const FIRST_WAIT: Millis = 1000;
export const LONGEST_WAIT: Millis = 30_000;
/** Looking whether a path is there costs nothing, and who plugs a cable back in is standing before it. */
export const LONGEST_WAIT_FOR_PATH: Millis = 2000;
/** A link that lived this long has proven itself; a shorter one counts as one more failure. */
const PROVEN_AFTER: Millis = 10_000;

/** Doubles from one second to thirty, each wait shortened by up to half at random so that buses do not march in step. */
export class BackOff {
  readonly #random: Random;
  #next: Millis = FIRST_WAIT;

  constructor(random: Random) {
    this.#random = random;
  }

  lived(length: Millis): void {
    if (length >= PROVEN_AFTER) this.reset();
  }

  reset(): void {
    this.#next = FIRST_WAIT;
  }

  wait(longest = LONGEST_WAIT): Millis {
    const wait = Math.min(this.#next, longest);
    this.#next = Math.min(this.#next * 2, LONGEST_WAIT);
    return wait * (1 - this.#random.fraction() / 2);
  }
}
