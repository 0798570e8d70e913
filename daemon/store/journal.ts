/**
 * `journal.db`: what happened. The main thread gives each entry its place in the chain and folds it into the ledger
 * at once; a writer (`journal-nearest.ts`) puts both on the disk in one FULL commit, and `committed` resolves then.
 * What fails to be committed is taken back, with everything appended after it; what happened all the same waits in
 * memory until it can be stored (`unstored.ts`).
 */
import type { Instant, Random } from '../../drivers/contract/time.ts';
import type { Json, RecordedEntry } from '../access/entry.ts';
import type { Ledger, LedgerView } from '../access/ledger.ts';
import type { GrantId, HolderId } from '../access/model.ts';
import { EvidenceRows } from './evidence-rows.ts';
import { Commits, type Sent } from './journal-commits.ts';
import type { RowBatch } from './journal-file.ts';
import type { JournalReader } from './journal-query.ts';
import { isCheckpoint } from './journal-rows.ts';
import type { FromWriter, JournalWriter } from './journal-writer.ts';
import { Outbox } from './outbox.ts';
import { placedBatch, type Tail } from './placing.ts';
import {
  type Appended,
  type EntryLine,
  type EvidenceRow,
  type Journal,
  type JournalBatch,
  type JournalQuery,
  type OutboxLine,
  StorageError,
  type StorageState,
  type VerifyReport,
} from './ports.ts';
import { Unstored, type UnstoredTale } from './unstored.ts';

/** Signed ones without the ledger may stand between two that have it. */
const CHECKPOINTS_LOOKED_AT = 1000;

export interface JournalParts {
  readonly epoch: string;
  readonly tail: Tail;
  readonly acknowledged: number;
  readonly ledger: Ledger;
  readonly reader: JournalReader;
  readonly random: Random;
  readonly startWriter: (answer: (answer: FromWriter) => void) => JournalWriter;
  readonly verify: () => Promise<VerifyReport>;
  /** Told of every row that is on the disk, for the marks kept outside. */
  readonly committed: (rows: readonly EvidenceRow[], tail: Tail) => void;
  /** After the writer's: it leaves the log's files in place, see `emptyLog`. */
  readonly closeReader: () => void;
  /** Given what waits in memory still, as one batch; no connection of this process is open any more. */
  readonly close: (left: RowBatch | undefined) => Promise<void>;
}

export class JournalStore implements Journal {
  readonly epoch: string;
  readonly #parts: JournalParts;
  readonly #outbox: Outbox;
  readonly #evidence: EvidenceRows;
  readonly #commits: Commits;
  readonly #unstored: Unstored;
  readonly #watchers = new Set<(state: StorageState, tale: UnstoredTale | undefined) => void>();
  /** On the disk, and with what is on its way. */
  #written: Tail;
  #tail: Tail;
  #erasures = 0;
  #storage: StorageState = 'ok';
  #storing: Promise<void> | undefined;
  /** Why the last commit failed. */
  #fault = new StorageError('broken', 'nothing failed yet');

  constructor(parts: JournalParts) {
    this.#parts = parts;
    this.epoch = parts.epoch;
    this.#written = parts.tail;
    this.#tail = parts.tail;
    this.#outbox = new Outbox(parts.epoch, parts.acknowledged);
    this.#unstored = new Unstored(parts.ledger);
    this.#evidence = new EvidenceRows(parts.reader);
    this.#commits = new Commits(parts.startWriter, this.#evidence, {
      committed: (done) => this.#committed(done),
      failed: (lost, error) => this.#takeBack(lost, error),
      ballastGone: () => this.ballastGone(),
    });
  }

  get lastSeq(): number {
    return this.#written.seq;
  }

  get lastHash(): string {
    return this.#written.hash;
  }

  get acknowledged(): number {
    return this.#outbox.acknowledged;
  }

  get ledger(): LedgerView {
    return this.#parts.ledger;
  }

  get isSafe(): boolean {
    return this.#storage !== 'unsafe';
  }

  get storage(): StorageState {
    return this.#storage;
  }

  /** Whether anything can be written again without a new start. */
  get isDead(): boolean {
    return this.#commits.isDead;
  }

  get unstored(): { readonly kept: number; readonly lost: number } {
    return this.#unstored.counts;
  }

  append(batch: JournalBatch): Appended {
    const rows = batch.rows ?? [];
    const placed = placedBatch(batch, this.#end, this.#parts);
    const { recorded, entries, ledger, undo, tail } = placed;
    const keep = batch.keep === true && rows.length === 0 ? batch : undefined;
    if (entries.length === 0 || this.#mayFollow(keep)) {
      this.#tail = tail;
      const sending = keep === undefined ? { recorded, undo } : { recorded, undo, keep };
      return { recorded, committed: this.#commits.send({ entries, ledger, rows }, sending) };
    }
    const isKept = keep !== undefined && this.#unstored.keep(placed);
    if (keep === undefined) {
      this.#parts.ledger.apply(undo);
      void this.#store();
    }
    const committed = Promise.reject(this.#fault);
    committed.catch(() => undefined); // also told by `isSafe`
    return { recorded, committed, ...(isKept ? { isKept } : {}) };
  }

  /** Entries go into the chain in their order: what comes after those that wait in memory waits with them, or fails. */
  #mayFollow(keep: JournalBatch | undefined): boolean {
    if (this.isSafe) return true;
    if (this.#unstored.tail !== undefined) return false;
    return keep === undefined || this.#commits.hasEntries;
  }

  /** What comes next comes after this. */
  get #end(): Tail {
    return this.#unstored.tail ?? this.#tail;
  }

  acknowledge(epoch: string, seq: number): Promise<void> {
    const target = this.#outbox.target(epoch, seq, this.#written.seq);
    if (target === undefined) return Promise.resolve();
    return this.#commits.send({ entries: [], ledger: [], rows: [], acknowledged: target });
  }

  read(query: JournalQuery): readonly RecordedEntry[] {
    return this.#parts.reader.read(query);
  }

  lines(query: JournalQuery): readonly EntryLine[] {
    return this.#parts.reader.lines(query);
  }

  outbox(after: number, upTo: number, limit: number): readonly OutboxLine[] {
    return this.#parts.reader.outbox.read(after, upTo, limit);
  }

  entry(seq: number): RecordedEntry | undefined {
    return this.#parts.reader.entry(seq);
  }

  weight(after: number): { readonly entries: number; readonly bytes: number } {
    return this.#parts.reader.weight(after);
  }

  command(id: string): ReturnType<Journal['command']> {
    return this.#evidence.command(id);
  }

  counter(kid: string): ReturnType<Journal['counter']> {
    return this.#evidence.counter(kid);
  }

  tombstone(grant: GrantId): ReturnType<Journal['tombstone']> {
    return this.#evidence.tombstone(grant);
  }

  /** All of them that are on the disk, for the copy in `grants.db`. */
  tombstones(): Iterable<{ readonly grant: string; readonly rev: number; readonly at: Instant }> {
    return this.#parts.reader.tombstones();
  }

  tombstoneSum(): string {
    return this.#parts.reader.tombstoneSum();
  }

  mark(name: string): Json | undefined {
    return this.#evidence.mark(name);
  }

  marks(prefix: string): ReadonlyMap<string, Json> {
    return this.#evidence.marks(prefix);
  }

  follow(committed: (entries: readonly RecordedEntry[]) => void): () => void {
    return this.#commits.follow(committed);
  }

  /** Called at each change of `storage`; once it is not `unsafe` any more, with what became of what waited. */
  watchStorage(changed: (state: StorageState, tale: UnstoredTale | undefined) => void): () => void {
    this.#watchers.add(changed);
    return () => this.#watchers.delete(changed);
  }

  verify(): Promise<VerifyReport> {
    return this.#parts.verify();
  }

  forgetCommands(before: Instant): Promise<number> {
    return this.#commits.forgetCommands(Math.floor(before));
  }

  /**
   * Empties bodies, evidence and holders up to an entry, of one holder or of all; the chain stays valid. Reaches no
   * further than the entry before the newest checkpoint, since the ledger is folded again from there.
   */
  erase(upTo: number, holder?: HolderId): Promise<number> {
    const checkpoint = this.read({
      types: ['system.checkpoint'],
      backwards: true,
      limit: CHECKPOINTS_LOOKED_AT,
    }).find(isCheckpoint);
    const last = Math.min(upTo, (checkpoint?.seq ?? 1) - 1);
    return this.#commits.erase(last, holder).finally(() => {
      this.#erasures += 1;
    });
  }

  get erasures(): number {
    return this.#erasures;
  }

  /** Writes what waits, or what changes nothing: `isSafe` afterwards tells whether the disk is well again. */
  async probe(): Promise<boolean> {
    await this.#store();
    return this.isSafe;
  }

  /** One at a time; settles when it is over, however it went. */
  #store(): Promise<void> {
    this.#storing ??= this.#sendUnstored()
      .catch(() => undefined)
      .finally(() => {
        this.#storing = undefined;
      });
    return this.#storing;
  }

  async #sendUnstored(): Promise<void> {
    do {
      const kept = [...this.#unstored.kept];
      await this.#commits.send(this.#unstoredRows(), {
        recorded: kept.flatMap(({ recorded }) => recorded),
        undo: [],
        unstored: kept.length,
      });
    } while (this.#unstored.kept.length > 0);
  }

  #unstoredRows(): Pick<RowBatch, 'entries' | 'ledger' | 'rows' | 'acknowledged'> {
    const { kept } = this.#unstored;
    return {
      entries: kept.flatMap(({ entries }) => entries),
      ledger: kept.flatMap(({ ledger }) => ledger),
      rows: [],
      acknowledged: this.#outbox.acknowledged,
    };
  }

  /** The next `times` commits fail as if the disk did. For tests and the simulator. */
  failWrites(as: 'full' | 'broken', times: number): void {
    this.#commits.failNext(as, times);
  }

  /** The ballast was given up for somebody else's write. */
  ballastGone(): void {
    if (this.#storage === 'ok') this.#become('low');
  }

  /** There is ballast again. */
  ballastMade(): void {
    if (this.#storage === 'low') this.#become('ok');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#commits.isEnded) return;
    if (this.#unstored.counts.kept > 0) await this.#store();
    await this.#commits.end();
    await this.#commits.close();
    this.#parts.closeReader();
    const left = { ...this.#unstoredRows(), number: 0, generation: 0 };
    await this.#parts.close(left.entries.length > 0 ? left : undefined);
  }

  #committed(done: readonly Sent[]): void {
    for (const { recorded, acknowledged, unstored } of done) {
      this.#unstored.stored(unstored);
      const last = recorded.at(-1);
      if (last !== undefined) this.#written = { seq: last.seq, hash: last.hash };
      if (acknowledged !== undefined) this.#outbox.raise(acknowledged);
    }
    // What waits in memory comes before anything that is new.
    if (this.#storage === 'unsafe' && this.#unstored.kept.length > 0) void this.#store();
    else if (this.#storage === 'unsafe') {
      const tale = this.#unstored.settle();
      this.#tail = this.#written;
      this.#become('low', tale);
    }
    this.#parts.committed(
      done.flatMap(({ rows }) => rows),
      this.#written,
    );
  }

  /** In reverse, since each was folded on top of the one before. */
  #takeBack(lost: readonly Sent[], error: StorageError): void {
    for (const { undo } of lost.toReversed()) this.#parts.ledger.apply(undo);
    this.#tail = this.#written;
    this.#fault = error;
    for (const { keep } of lost) {
      if (keep !== undefined) this.#unstored.keep(placedBatch(keep, this.#end, this.#parts));
    }
    this.#become('unsafe');
  }

  #become(state: StorageState, tale?: UnstoredTale): void {
    if (this.#storage === state) return;
    this.#storage = state;
    for (const watcher of this.#watchers) watcher(state, tale);
  }
}
