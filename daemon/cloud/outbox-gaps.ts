/**
 * What the cloud is not sent by itself because too much has piled up: the oldest of the least important class first.
 * Nothing is deleted (a resend still brings it); a `system.outbox_gap` entry says which events were left out and why.
 */
import { z } from 'zod';
import {
  classOf,
  type Entry,
  type EntryClass,
  type Json,
  type RecordedEntry,
  type Stamp,
} from '../access/entry.ts';
import { type EvidenceRow, type Journal, StorageError } from '../store/ports.ts';

export interface OutboxCaps {
  /** Most events that wait. */
  readonly events: number;
}

export const OUTBOX_CAPS: OutboxCaps = { events: 200_000 };

/** From the class that goes first to the ones that go last. */
const ORDER: readonly EntryClass[] = ['device', 'system', 'grant', 'access', 'security'];
const MARK = 'cloud.gaps';
/** Ranges named in one entry: well under what an event may hold. */
const RANGES_PER_ENTRY = 400;
const PAGE = 5_000;

const gapsSchema = z.array(
  z.object({
    class: z.enum(['access', 'grant', 'device', 'system', 'security']),
    from: z.int(),
    to: z.int(),
    count: z.int(),
  }),
);
type Gap = z.infer<typeof gapsSchema>[number];

export class OutboxGaps {
  readonly #journal: Journal;
  readonly #stamp: () => Stamp;
  readonly #caps: OutboxCaps;
  #gaps: Gap[];
  #busy = false;

  constructor(journal: Journal, stamp: () => Stamp, caps: OutboxCaps = OUTBOX_CAPS) {
    this.#journal = journal;
    this.#stamp = stamp;
    this.#caps = caps;
    this.#gaps = gapsSchema.safeParse(journal.mark(MARK)).data ?? [];
  }

  skips(entry: RecordedEntry): boolean {
    const entryClass = classOf(entry.type);
    return this.#gaps.some(
      (gap) => gap.class === entryClass && entry.seq >= gap.from && entry.seq <= gap.to,
    );
  }

  /** Gaps that lie wholly in what is acknowledged matter no more. */
  forget(acknowledged: number): void {
    this.#gaps = this.#gaps.filter(({ to }) => to > acknowledged);
  }

  /** While too much waits, leaves out a tenth of what may wait. */
  async enforce(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    try {
      const tenth = Math.max(1, Math.floor(this.#caps.events / 10));
      while (this.#waiting() > this.#caps.events) {
        if ((await this.#leaveOut(tenth)) === 0) return;
      }
    } catch (problem) {
      if (!(problem instanceof StorageError)) throw problem;
    } finally {
      this.#busy = false;
    }
  }

  #waiting(): number {
    const { lastSeq, acknowledged } = this.#journal;
    return lastSeq - acknowledged - this.#gaps.reduce((sum, { count }) => sum + count, 0);
  }

  /** How many more were left out; 0 when nothing is left that may be. */
  async #leaveOut(target: number): Promise<number> {
    let owed = target;
    for (const entryClass of ORDER) {
      if (owed <= 0) break;
      const seqs = this.#oldest(entryClass, owed);
      const [from] = seqs;
      const to = seqs.at(-1);
      if (from === undefined || to === undefined) continue;
      this.#gaps = [...this.#gaps, { class: entryClass, from, to, count: seqs.length }];
      const mark: EvidenceRow = { table: 'mark', name: MARK, value: this.#gaps as Json };
      const entries = gapEntries(entryClass, seqs);
      await this.#journal.append({ stamp: this.#stamp(), entries, rows: [mark] }).committed;
      owed -= seqs.length;
    }
    return target - owed;
  }

  /** Gap records themselves are never left out: they are the explanation. */
  #oldest(entryClass: EntryClass, most: number): number[] {
    const seqs: number[] = [];
    let after = this.#journal.acknowledged;
    while (seqs.length < most) {
      const page = this.#journal.read({ after, classes: [entryClass], limit: PAGE });
      for (const entry of page) {
        if (entry.type === 'system.outbox_gap') return seqs;
        if (seqs.length < most && !this.skips(entry)) seqs.push(entry.seq);
      }
      const last = page.at(-1);
      if (last === undefined || page.length < PAGE) return seqs;
      after = last.seq;
    }
    return seqs;
  }
}

function gapEntries(entryClass: EntryClass, seqs: readonly number[]): Entry[] {
  const ranges: [from: number, to: number][] = [];
  for (const seq of seqs) {
    const last = ranges.at(-1);
    if (last !== undefined && last[1] === seq - 1) last[1] = seq;
    else ranges.push([seq, seq]);
  }
  const entries: Entry[] = [];
  for (let at = 0; at < ranges.length; at += RANGES_PER_ENTRY) {
    const part = ranges.slice(at, at + RANGES_PER_ENTRY);
    const count = part.reduce((sum, [from, to]) => sum + to - from + 1, 0);
    const body = {
      class: entryClass,
      from: part[0]?.[0] ?? 0,
      to: part.at(-1)?.[1] ?? 0,
      count,
      ranges: part,
      alarm: entryClass === 'access' || entryClass === 'security',
    };
    entries.push({ type: 'system.outbox_gap', body });
  }
  return entries;
}
