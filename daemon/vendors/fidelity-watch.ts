/**
 * Tells, as an event and before anybody arrives, what a place cannot keep of a grant as it was asked for. Looked at
 * whenever a grant is made or changed, and when a vendor's answer shows that it cannot be had there.
 */
import { pause } from '../../drivers/contract/time.ts';
import { textIn } from '../access/body.ts';
import type { RecordedEntry } from '../access/entry.ts';
import type { StoredGrant } from '../access/lookup.ts';
import { type GrantId, grantId } from '../access/model.ts';
import type { VendorDesk } from './desk.ts';
import { fidelityOf, type Judge, remarkedPlaces } from './fidelity.ts';
import { pages } from './vendor-sync.ts';

export interface FidelityWatchParts {
  readonly desk: VendorDesk;
  readonly judges: () => readonly Judge[];
  readonly storageFailed: (error: unknown) => void;
}

/** Grants looked at before others get their turn again. */
const AT_A_TIME = 200;

/** Beyond so many, what was told of the oldest may be told once more. */
const TOLD_MOST = 10_000;
/** Beyond so many that wait for a look, all are looked at. */
const CHANGED_MOST = 10_000;

export class FidelityWatch {
  readonly #parts: FidelityWatchParts;
  /** What was told of each, so that a repetition is not told again. */
  readonly #told = new Map<GrantId, string>();
  readonly #changed = new Set<GrantId>();
  #mustScan = false;
  #isLooking = false;

  constructor(parts: FidelityWatchParts) {
    this.#parts = parts;
  }

  /** Until the signal. */
  follow(signal: AbortSignal): void {
    const stop = this.#parts.desk.journal.follow((entries) => {
      for (const entry of entries) this.#hear(entry);
      if ((this.#changed.size > 0 || this.#mustScan) && !this.#isLooking) void this.#look(signal);
    });
    signal.addEventListener('abort', stop, { once: true });
  }

  #hear({ type, body }: RecordedEntry): void {
    if (type === 'grant.put' || type === 'grant.cannot') {
      const id = textIn(body, type === 'grant.put' ? 'grant' : 'id');
      if (id !== undefined) this.#changed.add(grantId(id));
      if (this.#changed.size > CHANGED_MOST) {
        this.#changed.clear();
        this.#mustScan = true;
      }
    } else if (type === 'grant.revoked') {
      this.#told.delete(grantId(textIn(body, 'grant') ?? ''));
    } else if (type === 'grant.delta_applied' || type === 'grant.snapshot_applied') {
      this.#mustScan = true;
    }
  }

  async #look(signal: AbortSignal): Promise<void> {
    const { desk, storageFailed } = this.#parts;
    this.#isLooking = true;
    // Not within the commit that told of it, whose rows may still be on their way.
    await pause(desk.clock, 0, signal);
    let looked = 0;
    const turn = async (stored: StoredGrant) => {
      this.#tell(stored);
      looked += 1;
      if (looked % AT_A_TIME === 0) await pause(desk.clock, 0, signal);
    };
    try {
      while ((this.#changed.size > 0 || this.#mustScan) && !signal.aborted) {
        const ids = [...this.#changed];
        const isAll = this.#mustScan;
        this.#changed.clear();
        this.#mustScan = false;
        for (const id of ids) {
          const stored = desk.grants.grant(id);
          if (stored !== undefined) await turn(stored);
        }
        if (isAll) for (const stored of pages(desk.grants, {})) await turn(stored);
      }
    } catch (error) {
      storageFailed(error);
    }
    this.#isLooking = false;
  }

  #tell(stored: StoredGrant): void {
    const { desk, judges, storageFailed } = this.#parts;
    const { grant, window, revoked } = stored;
    const isOver = window.end !== undefined && window.end <= desk.stamp().clock.lo;
    if (revoked !== undefined || isOver || grant.state === 'superseded') return;
    const places = remarkedPlaces(fidelityOf(stored, desk.about.zone, judges()));
    const text = places.length === 0 ? undefined : JSON.stringify(places);
    if (text === this.#told.get(grant.id)) return;
    if (text === undefined) this.#told.delete(grant.id);
    else this.#told.set(grant.id, text);
    const [oldest] = this.#told.keys();
    if (this.#told.size > TOLD_MOST && oldest !== undefined) this.#told.delete(oldest);
    const body = { grant: grant.id, source: grant.source.vendor, places: [...places] };
    desk.journal
      .append({
        stamp: desk.stamp(),
        entries: [{ type: 'grant.fidelity', sub: grant.holder, body }],
      })
      .committed.catch(storageFailed);
  }
}
