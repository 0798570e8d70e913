/**
 * How long a vendor is doubted that no longer knows most of what it had (see `mass-absence.ts`): told with an alarm when
 * it begins, and bounded, also over starts. The wall clock counts beside the other, so that of the two the sooner ends it.
 */
import type { Millis, Uptime } from '../../drivers/contract/time.ts';
import type { Entry } from '../access/entry.ts';
import type { VendorSync } from './vendor-sync.ts';

/** As long as a vendor's own box may be behind (vendor-apis.md 2.9). */
const DOUBTED_MOST: Millis = 15 * 60_000;
const CURSOR = 'doubted';

export class Doubt {
  readonly #sync: VendorSync;
  #since: Uptime | undefined;

  constructor(sync: VendorSync) {
    this.#sync = sync;
  }

  /** It has lasted its time, and the vendor is believed. */
  get isOver(): boolean {
    const began = this.#began;
    if (began === undefined) return false;
    const { clock } = this.#sync.desk;
    const here = this.#since === undefined ? 0 : clock.uptime() - this.#since;
    return Math.max(here, clock.now() - began) >= DOUBTED_MOST;
  }

  /** Goes on where one runs. @throws StorageError */
  async begin(alarm: Entry): Promise<void> {
    const { vendor, desk } = this.#sync;
    this.#since ??= desk.clock.uptime();
    if (this.#began !== undefined) return;
    const cursors = [{ name: CURSOR, value: desk.clock.now() }];
    await this.#sync.apply([], { by: vendor, cursors, entries: [alarm] });
  }

  /** @throws StorageError */
  async end(): Promise<void> {
    this.#since = undefined;
    if (this.#began === undefined) return;
    await this.#sync.apply([], {
      by: this.#sync.vendor,
      cursors: [{ name: CURSOR, value: null }],
    });
  }

  /** Milliseconds since 1970. */
  get #began(): number | undefined {
    const stored = this.#sync.desk.grants.cursor(this.#sync.vendor, CURSOR);
    return typeof stored === 'number' ? stored : undefined;
  }
}
