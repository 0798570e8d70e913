/** Where everything that happens waits for its turn: one queue, so that answers are given in one order. */

/**
 * A bounded queue read by one `for await`. What does not fit is refused (`false`), never silently replaced: the
 * sender knows best what it means (a device's event is counted as lost, a command is answered `busy`).
 */
export class Inbox<Item> {
  readonly #waiting: Item[] = [];
  readonly #most: number;
  #wake: (() => void) | undefined;
  #closed = false;
  #refused = 0;

  constructor(most: number) {
    this.#most = most;
  }

  get length(): number {
    return this.#waiting.length;
  }

  /** How many items were refused since the start. */
  get refused(): number {
    return this.#refused;
  }

  put(item: Item): boolean {
    if (this.#closed || this.#waiting.length >= this.#most) {
      this.#refused += 1;
      return false;
    }
    this.#waiting.push(item);
    this.#wake?.();
    return true;
  }

  /** No more items are taken; the reader ends after those that wait. */
  close(): void {
    this.#closed = true;
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Item, void, undefined> {
    for (;;) {
      const item = this.#waiting.shift();
      if (item !== undefined) {
        yield item;
      } else if (this.#closed) {
        return;
      } else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        this.#wake = undefined;
      }
    }
  }
}
