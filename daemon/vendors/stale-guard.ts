/**
 * What a vendor gave and has not confirmed for too long, where the site wants it so: such grants refuse until the next
 * complete reading. Without a limit they go on as they were told (P4).
 */
import { type Millis, pause } from '../../drivers/contract/time.ts';
import { StorageError } from '../store/ports.ts';
import type { SyncChange } from './sync-change.ts';
import type { VendorSync } from './vendor-sync.ts';

/** A limit that no version keeps, so that the rules refuse; a return is taken all the same. */
const STALE = 'stale';
const LONGEST_LOOK: Millis = 60_000;

export class StaleGuard {
  readonly #sync: VendorSync;
  readonly #after: Millis;

  constructor(sync: VendorSync, after: Millis) {
    this.#sync = sync;
    this.#after = after;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#sync.desk;
    while (!signal.aborted) {
      try {
        await this.look();
      } catch (error) {
        // Looked at again when the disk takes something.
        if (!(error instanceof StorageError)) throw error;
      }
      await pause(clock, Math.min(LONGEST_LOOK, this.#after / 4), signal);
    }
  }

  /** Marks or frees what the vendor gave, as the age of the last complete reading says. */
  async look(): Promise<void> {
    const { syncedAt, desk, vendor } = this.#sync;
    const isStale = syncedAt === undefined || desk.clock.now() - syncedAt >= this.#after;
    await this.#sync.alone(async () => {
      const changes = this.#changes(isStale);
      if (changes.length === 0) return;
      const what = isStale ? 'stale' : 'fresh';
      await this.#sync.applyNow(changes, {
        by: 'stale-policy',
        entries: [{ type: 'grant.vendor_drift', body: { vendor, what, grants: changes.length } }],
      });
    });
  }

  #changes(isStale: boolean): readonly SyncChange[] {
    const changes: SyncChange[] = [];
    for (const { grant } of this.#sync.storedGrants()) {
      if (this.#sync.record(grant.id)?.origin !== 'vendor') continue;
      const { unsupported = [], rev: _rev, ...kept } = grant;
      if (unsupported.includes(STALE) === isStale) continue;
      const others = unsupported.filter((name) => name !== STALE);
      const next = isStale ? [...others, STALE] : others;
      const id = grant.id;
      changes.push({ id, grant: { ...kept, ...(next.length === 0 ? {} : { unsupported: next }) } });
    }
    return changes;
  }
}
