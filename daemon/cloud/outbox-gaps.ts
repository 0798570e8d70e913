/**
 * What the cloud is not sent by itself because too much has piled up, or because it is too old: the oldest of the
 * least important class first. Nothing is deleted (a resend still brings it); a `system.outbox_gap` entry says which
 * events were left out and why (conventions 3.4).
 */
import { z } from 'zod';
import { type Instant, instant, type Millis } from '../../drivers/contract/time.ts';
import {
  classOf,
  type Entry,
  type EntryClass,
  type Json,
  type RecordedEntry,
  type Stamp,
} from '../access/entry.ts';
import { type EvidenceRow, type Journal, StorageError } from '../store/ports.ts';
import { LARGEST } from './topics.ts';

export interface OutboxCaps {
  /** Most events that wait. */
  readonly events: number;
  /** Most bytes that they have as messages. */
  readonly bytes: number;
  /** What has waited longer is left out; by the earliest that the clock can mean. */
  readonly age: Millis;
}

const DAY: Millis = 86_400_000;

const OUTBOX_CAPS: OutboxCaps = { events: 200_000, bytes: 128 * 1024 * 1024, age: 30 * DAY };

/** What an event has on the wire beside its body; as JSON with two hashes and an epoch, never less. */
const ENVELOPE_BYTES = 400;
/** How often the oldest event's age is looked at. */
const AGE_LOOK: Millis = 3_600_000;

type Why = keyof OutboxCaps;

/** From the class that goes first to the ones that go last. */
const ORDER: readonly EntryClass[] = ['device', 'system', 'grant', 'access', 'security'];
const MARK = 'cloud.gaps';
const RECORD = 'system.outbox_gap';
/** Ranges named in one entry: well under what an event may hold. */
const RANGES_PER_ENTRY = 400;
const PAGE = 5_000;

const gapsSchema = z.array(
  z.object({
    class: z.enum(['access', 'grant', 'device', 'system', 'security']),
    from: z.int(),
    to: z.int(),
    count: z.int(),
    bytes: z.int().default(0),
  }),
);
type Gap = z.infer<typeof gapsSchema>[number];

export class OutboxGaps {
  readonly #journal: Journal;
  readonly #stamp: () => Stamp;
  readonly #caps: OutboxCaps;
  #gaps: Gap[];
  #busy = false;
  /** At least as many bytes wait; exact after each look at the journal. */
  #bytes: number;
  #lookAt = instant(Number.NEGATIVE_INFINITY);

  constructor(journal: Journal, stamp: () => Stamp, caps: Partial<OutboxCaps> = {}) {
    this.#journal = journal;
    this.#stamp = stamp;
    this.#caps = { ...OUTBOX_CAPS, ...caps };
    // The journal is looked at, which takes its time, only where the longest events there can be would be too many.
    this.#bytes = (journal.lastSeq - journal.acknowledged) * LARGEST.events;
    this.#gaps = gapsSchema.safeParse(journal.mark(MARK)).data ?? [];
  }

  get isEmpty(): boolean {
    return this.#gaps.length === 0;
  }

  /** Gap records themselves are never left out: they are the explanation. */
  skips(entry: Pick<RecordedEntry, 'seq' | 'type'>): boolean {
    if (entry.type === RECORD) return false;
    const entryClass = classOf(entry.type);
    return this.#gaps.some(
      (gap) => gap.class === entryClass && entry.seq >= gap.from && entry.seq <= gap.to,
    );
  }

  /** Gaps that lie wholly in what is acknowledged matter no more. */
  forget(acknowledged: number): void {
    this.#gaps = this.#gaps.filter(({ to }) => to > acknowledged);
  }

  /** To be called with what was added to the journal. While too much waits, leaves out a tenth of what may wait. */
  async enforce(added: readonly RecordedEntry[] = []): Promise<void> {
    for (const { body } of added) this.#bytes += sizeOf(body);
    if (this.#busy) return;
    this.#busy = true;
    try {
      await this.#leaveOutOld();
      const { events, bytes } = this.#caps;
      while (this.#waiting() > events) {
        if ((await this.#leaveOut('events', Math.max(1, Math.floor(events / 10)))) === 0) return;
      }
      while (this.#bytes > bytes && this.#weigh() > bytes) {
        if ((await this.#leaveOut('bytes', bytes / 10)) === 0) return;
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

  /** Bytes that wait, counted anew. */
  #weigh(): number {
    const { entries, bytes } = this.#journal.weight(this.#journal.acknowledged);
    const left = this.#gaps.reduce((sum, gap) => sum + gap.bytes, 0);
    this.#bytes = entries * ENVELOPE_BYTES + bytes - left;
    return this.#bytes;
  }

  async #leaveOutOld(): Promise<void> {
    const now = this.#stamp().clock.lo;
    if (now < this.#lookAt) return;
    this.#lookAt = instant(now + AGE_LOOK);
    const before = instant(now - this.#caps.age);
    while ((await this.#leaveOut('age', PAGE, before)) > 0);
  }

  /** How much more was left out, events or bytes; 0 when nothing is left that may be. */
  async #leaveOut(why: Why, target: number, before?: Instant): Promise<number> {
    let owed = target;
    for (const entryClass of ORDER) {
      if (owed <= 0) break;
      const oldest = this.#oldest(entryClass, why, owed, before);
      const [first] = oldest;
      const last = oldest.at(-1);
      if (first === undefined || last === undefined) continue;
      const bytes = oldest.reduce((sum, { body }) => sum + sizeOf(body), 0);
      const range = { class: entryClass, from: first.seq, to: last.seq };
      this.#gaps = [...this.#gaps, { ...range, count: oldest.length, bytes }];
      this.#bytes -= bytes;
      const mark: EvidenceRow = { table: 'mark', name: MARK, value: this.#gaps as Json };
      const seqs = oldest.map(({ seq }) => seq);
      const entries = gapEntries(entryClass, why, seqs);
      await this.#journal.append({ stamp: this.#stamp(), entries, rows: [mark] }).committed;
      owed -= why === 'bytes' ? bytes : oldest.length;
    }
    return target - owed;
  }

  #oldest(
    entryClass: EntryClass,
    why: Why,
    most: number,
    before: Instant | undefined,
  ): RecordedEntry[] {
    const found: RecordedEntry[] = [];
    let owed = most;
    let after = this.#journal.acknowledged;
    while (owed > 0) {
      const page = this.#journal.read({
        after,
        classes: [entryClass],
        ...(before === undefined ? {} : { to: before }),
        limit: PAGE,
      });
      for (const entry of page) {
        if (owed <= 0 || entry.type === RECORD || this.skips(entry)) continue;
        found.push(entry);
        owed -= why === 'bytes' ? sizeOf(entry.body) : 1;
      }
      const last = page.at(-1);
      if (last === undefined || page.length < PAGE) return found;
      after = last.seq;
    }
    return found;
  }
}

function sizeOf(body: RecordedEntry['body']): number {
  return ENVELOPE_BYTES + Buffer.byteLength(JSON.stringify(body));
}

function gapEntries(entryClass: EntryClass, why: Why, seqs: readonly number[]): Entry[] {
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
      why,
      from: part[0]?.[0] ?? 0,
      to: part.at(-1)?.[1] ?? 0,
      count,
      ranges: part,
      alarm: entryClass === 'access' || entryClass === 'security',
    };
    entries.push({ type: RECORD, body });
  }
  return entries;
}
