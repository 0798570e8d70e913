/**
 * A fault of ours over one row of a page refuses that row alone, and is told once: the other rows, and what is absent,
 * count all the same. Where it comes over each of several rows it is none of theirs, and the reading fails.
 */
import { StorageError } from '../store/ports.ts';
import type { SeenThing } from './reading.ts';
import type { VendorSync } from './vendor-sync.ts';

export class RowFaults {
  readonly #sync: VendorSync;
  readonly #broken: (error: unknown) => void;
  #rows = 0;
  #faulty = 0;
  #first: unknown;

  constructor(sync: VendorSync, broken: (error: unknown) => void) {
    this.#sync = sync;
    this.#broken = broken;
  }

  /** @param unread the same row, as one that is not understood */
  alone(make: () => readonly SeenThing[], unread: () => SeenThing): readonly SeenThing[] {
    this.#rows += 1;
    try {
      return make();
    } catch (error) {
      if (error instanceof StorageError) throw error;
      this.#first ??= error;
      this.#faulty += 1;
      const thing = unread();
      if (this.#sync.record(thing.id)?.seen !== thing.digest) this.#broken(error);
      return [thing];
    }
  }

  /** At the end of the page. @throws the first of them */
  unlessAll(): void {
    if (this.#rows > 1 && this.#faulty === this.#rows) throw this.#first;
  }
}
