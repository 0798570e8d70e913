/** Which adapter was found on each bus, kept over restarts: another one on the same name must be adopted first. */
import type { Stamp } from '../access/entry.ts';
import type { Journal } from '../store/ports.ts';

const MARK = 'devices.identities';

export class KnownIdentities {
  readonly #journal: Journal;
  readonly #stamp: () => Stamp;
  readonly #failed: (error: unknown) => void;
  readonly #known: Map<string, string>;

  constructor(journal: Journal, stamp: () => Stamp, failed: (error: unknown) => void) {
    this.#journal = journal;
    this.#stamp = stamp;
    this.#failed = failed;
    const stored = journal.mark(MARK);
    const rows = stored !== null && typeof stored === 'object' ? Object.entries(stored) : [];
    this.#known = new Map(rows.map(([bus, identity]) => [bus, String(identity)]));
  }

  get all(): ReadonlyMap<string, string> {
    return this.#known;
  }

  remember(bus: string, identity: string): void {
    if (this.#known.get(bus) === identity) return;
    this.#known.set(bus, identity);
    const value = Object.fromEntries(this.#known);
    this.#journal
      .append({ stamp: this.#stamp(), entries: [], rows: [{ table: 'mark', name: MARK, value }] })
      .committed.catch(this.#failed);
  }
}
