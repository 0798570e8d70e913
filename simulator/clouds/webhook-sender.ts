/**
 * A vendor's webhook as it leaves the vendor: told again after each failure with longer and longer pauses, and, on
 * demand, twice, late or in another order.
 */
import { type Clock, type Millis, pause } from '../../drivers/contract/time.ts';

export interface WebhookSenderOptions<Event> {
  readonly clock: Clock;
  /** Answers the status; rejects where nobody answers. */
  readonly post: (event: Event) => Promise<number>;
  readonly isReceived: (status: number) => boolean;
  /** In all, the first one among them. */
  readonly triesMost: number;
  readonly firstWait: Millis;
}

/** What befalls the next event. */
export interface Upset {
  readonly copies?: number;
  readonly after?: Millis;
}

export class WebhookSender<Event> implements AsyncDisposable {
  readonly #options: WebhookSenderOptions<Event>;
  readonly #stopping = new AbortController();
  readonly #underWay = new Set<Promise<void>>();
  #upset: Upset = {};
  /** Events that were given up. */
  lost = 0;

  constructor(options: WebhookSenderOptions<Event>) {
    this.#options = options;
  }

  upset(next: Upset): void {
    this.#upset = next;
  }

  tell(event: Event): void {
    const { copies = 1, after = 0 } = this.#upset;
    this.#upset = {};
    for (let copy = 0; copy < copies; copy += 1) {
      const telling = this.#deliver(event, after);
      this.#underWay.add(telling);
      void telling.finally(() => this.#underWay.delete(telling));
    }
  }

  async #deliver(event: Event, after: Millis): Promise<void> {
    const { clock, post, isReceived, triesMost, firstWait } = this.#options;
    const { signal } = this.#stopping;
    if (after > 0) await pause(clock, after, signal);
    for (let tries = 0; tries < triesMost && !signal.aborted; tries += 1) {
      if (tries > 0) await pause(clock, firstWait * 2 ** (tries - 1), signal);
      if (signal.aborted) return;
      const status = await post(event).catch(() => undefined);
      if (status !== undefined && isReceived(status)) return;
    }
    this.lost += 1;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    await Promise.all(this.#underWay);
  }
}
