/** Scanning of one adapter: on while somebody listens and nobody connects, never otherwise. */

import { LinkError } from '../../../drivers/contract/errors.ts';
import type { Advertisement } from '../../../drivers/contract/link.ts';
import type { Clock } from '../../../drivers/contract/time.ts';

export interface ScanSwitchParts {
  readonly clock: Clock;
  /** `false` where there is no stack to turn it on or off. */
  turn(on: boolean): Promise<boolean>;
  /** The stack did not answer. */
  stuck(why: string): void;
}

type Heard = (advertisement: Advertisement) => void;

export class ScanSwitch {
  readonly #parts: ScanSwitchParts;
  readonly #listeners = new Set<Heard>();
  /** Hear what is heard anyway, and ask for nothing. */
  readonly #bystanders = new Set<Heard>();
  #isHushed = false;
  #isOn = false;
  #turning: Promise<void> = Promise.resolve();

  constructor(parts: ScanSwitchParts) {
    this.#parts = parts;
  }

  heard(advertisement: Advertisement): void {
    for (const each of [...this.#listeners, ...this.#bystanders]) each(advertisement);
  }

  /** Scans until the returned function was called. */
  listen(heard: Heard): () => Promise<void> {
    const own: Heard = (advertisement) => heard(advertisement);
    this.#listeners.add(own);
    void this.refresh();
    return () => {
      this.#listeners.delete(own);
      return this.refresh();
    };
  }

  overhear(heard: Heard): () => void {
    const own: Heard = (advertisement) => heard(advertisement);
    this.#bystanders.add(own);
    return () => this.#bystanders.delete(own);
  }

  /** Silent from when it resolves until hushed off again. */
  hush(on: boolean): Promise<void> {
    this.#isHushed = on;
    return this.refresh();
  }

  /** The adapter answers to a scan command: proof that it lives although a peripheral does not. */
  async probe(): Promise<void> {
    const stop = this.listen(() => undefined);
    await this.refresh();
    await stop();
  }

  /** The stack began anew: it scans not. */
  forget(): void {
    this.#isOn = false;
  }

  /** Brings the stack to what is wanted, one command at a time. */
  refresh(): Promise<void> {
    this.#turning = this.#turning.then(async () => {
      const wanted = this.#listeners.size > 0 && !this.#isHushed;
      if (wanted === this.#isOn) return;
      try {
        if (await this.#parts.turn(wanted)) this.#isOn = wanted;
      } catch (error) {
        if (error instanceof LinkError && error.code === 'timed-out')
          this.#parts.stuck(error.message);
      }
    });
    return this.#turning;
  }
}
