/** What is sent next, read from the disk before its turn comes. */
import type { Journal, OutboxLine } from '../store/ports.ts';

/** Some ten messages: while eight of them are on their way there is time to read the next ones. */
const LINES_PER_READ = 256;

export class LinesAhead {
  readonly #journal: Pick<Journal, 'outbox' | 'erasures'>;
  #lines: readonly OutboxLine[] = [];
  /** Of the journal, when that was read. */
  #erasures = 0;

  constructor(journal: Pick<Journal, 'outbox' | 'erasures'>) {
    this.#journal = journal;
  }

  /** The lines after `after`, up to `upTo`, of which the first is there where there is one. @throws StorageError */
  read(after: number, upTo: number): readonly OutboxLine[] {
    const there = this.#from(after, upTo);
    if (there.length > 0) return there;
    this.#lines = this.#journal.outbox(after, upTo, LINES_PER_READ);
    return this.#lines;
  }

  /** Reads on where little is left: what is to be called while nothing can be sent. @throws StorageError */
  fill(after: number, upTo: number): void {
    const there = this.#from(after, upTo);
    const last = there.at(-1)?.seq ?? after;
    if (there.length >= LINES_PER_READ || last >= upTo) return;
    this.#lines = [...there, ...this.#journal.outbox(last, upTo, LINES_PER_READ)];
  }

  /** None where somebody was erased since they were read: of them nothing leaves the box any more (P10). */
  #from(after: number, upTo: number): readonly OutboxLine[] {
    const { erasures } = this.#journal;
    if (erasures !== this.#erasures) this.#lines = [];
    this.#erasures = erasures;
    const first = this.#lines[0]?.seq ?? 0;
    return after < first - 1 ? [] : this.#lines.slice(after + 1 - first, upTo + 1 - first);
  }
}
