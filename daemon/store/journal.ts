/**
 * `journal.db`: what happened. The main thread gives each entry its place in the chain and folds it into the ledger
 * at once; a writer (`journal-nearest.ts`) puts both on the disk in one FULL commit, and `committed` resolves then.
 * What fails to be committed is taken back, with everything appended after it; what happened all the same waits in
 * memory until it can be stored (`unstored.ts`).
 */
import type { Instant, Random } from '../../drivers/contract/time.ts';
import type { Json, RecordedEntry } from '../access/entry.ts';
import { fold } from '../access/fold.ts';
import type { Ledger, LedgerChange, LedgerView } from '../access/ledger.ts';
import type { GrantId, HolderId } from '../access/model.ts';
import type { LedgerRow, RowBatch } from './journal-file.ts';
import { type JournalReader, PendingRows } from './journal-query.ts';
import { type EntryRow, isCheckpoint } from './journal-rows.ts';
import type { FromWriter, JournalWriter } from './journal-writer.ts';
import { Outbox } from './outbox.ts';
import { placed, type Tail, wholeStamp } from './placing.ts';
import {
  type Appended,
  type EntryLine,
  type EvidenceRow,
  type Journal,
  type JournalBatch,
  type JournalQuery,
  type OutboxLine,
  StorageError,
  type VerifyReport,
} from './ports.ts';
import { type Placed, Unstored, type UnstoredTale } from './unstored.ts';

/** Signed ones without the ledger may stand between two that have it. */
const CHECKPOINTS_LOOKED_AT = 1000;

/** `low`: the ballast is gone, commits still succeed. `unsafe`: the last commit failed. */
export type StorageState = 'ok' | 'low' | 'unsafe';

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
  /** Before the writer closes: the last connection to close must be one that may tidy up the log. */
  readonly closeReader: () => void;
  readonly close: () => Promise<void>;
}

interface Waiting {
  readonly number: number;
  readonly recorded: readonly RecordedEntry[];
  readonly rows: readonly EvidenceRow[];
  readonly undo: readonly LedgerChange[];
  readonly acknowledged: number | undefined;
  /** To be kept in memory when it cannot be stored. */
  readonly keep: JournalBatch | undefined;
  /** So many batches that waited in memory are in it. */
  readonly unstored: number;
  readonly resolve: () => void;
  readonly reject: (error: StorageError) => void;
}

type Sending = Pick<Waiting, 'recorded' | 'undo'> & Partial<Pick<Waiting, 'keep' | 'unstored'>>;

const NOTHING: Sending = { recorded: [], undo: [] };

interface Call {
  readonly resolve: (value: number) => void;
  readonly reject: (error: StorageError) => void;
}

export class JournalStore implements Journal {
  readonly epoch: string;
  readonly #parts: JournalParts;
  readonly #writer: JournalWriter;
  readonly #outbox: Outbox;
  readonly #pending = new PendingRows();
  readonly #followers = new Set<(entries: readonly RecordedEntry[]) => void>();
  readonly #watchers = new Set<(state: StorageState, tale: UnstoredTale | undefined) => void>();
  readonly #calls = new Map<number, Call>();
  /** On the disk, and with what is on its way. */
  #written: Tail;
  #tail: Tail;
  #waiting: Waiting[] = [];
  #generation = 0;
  #batches = 0;
  #erasures = 0;
  #sent: Promise<void> = Promise.resolve();
  #storage: StorageState = 'ok';
  #closed = false;
  /** Why nothing can be written any more. */
  #dead: StorageError | undefined;
  readonly #unstored: Unstored;
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
    this.#writer = parts.startWriter((answer) => this.#hear(answer));
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
    return this.#dead !== undefined;
  }

  get unstored(): { readonly kept: number; readonly lost: number } {
    return this.#unstored.counts;
  }

  append(batch: JournalBatch): Appended {
    const rows = batch.rows ?? [];
    const placed = this.#place(batch, this.#unstored.tail ?? this.#tail);
    const { recorded, entries, ledger, undo, tail } = placed;
    const keep = batch.keep === true && rows.length === 0 ? batch : undefined;
    if (entries.length === 0 || this.#mayFollow(keep)) {
      this.#tail = tail;
      const sending = keep === undefined ? { recorded, undo } : { recorded, undo, keep };
      return { recorded, committed: this.#send({ entries, ledger, rows }, sending) };
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
    return keep === undefined || this.#waiting.some(({ recorded }) => recorded.length > 0);
  }

  #place(batch: JournalBatch, after: Tail): Placed {
    const stamp = wholeStamp(batch.stamp);
    const recorded: RecordedEntry[] = [];
    const entries: EntryRow[] = [];
    const changes: LedgerChange[] = [];
    const undo: LedgerChange[] = [];
    let tail = after;
    try {
      for (const entry of batch.entries) {
        const { row, record } = placed(entry, stamp, tail, this.epoch, this.#parts.random);
        tail = { seq: row.seq, hash: row.hash };
        const folded = fold(this.#parts.ledger, record);
        undo.unshift(...this.#parts.ledger.apply(folded));
        changes.push(...folded);
        entries.push(row);
        recorded.push(record);
      }
    } catch (error) {
      this.#parts.ledger.apply(undo);
      throw error;
    }
    return { recorded, entries, ledger: changes.map(ledgerRow), undo, tail };
  }

  acknowledge(epoch: string, seq: number): Promise<void> {
    const target = this.#outbox.target(epoch, seq, this.#written.seq);
    if (target === undefined) return Promise.resolve();
    return this.#send({ entries: [], ledger: [], rows: [], acknowledged: target }, NOTHING);
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

  command(id: string): { readonly reply: Json | undefined; readonly expires: Instant } | undefined {
    return this.#pending.get('command', id) ?? this.#parts.reader.command(id);
  }

  counter(kid: string): { readonly highest: string; readonly window: string } | undefined {
    return this.#pending.get('counter', kid) ?? this.#parts.reader.counter(kid);
  }

  tombstone(grant: GrantId): { readonly rev: number; readonly at: Instant } | undefined {
    const pending = this.#pending.get('tombstone', grant);
    const stored = this.#parts.reader.tombstone(grant);
    if (pending === undefined || (stored !== undefined && stored.rev >= pending.rev)) return stored;
    return pending;
  }

  /** All of them that are on the disk, for the copy in `grants.db`. */
  tombstones(): Iterable<{ readonly grant: string; readonly rev: number; readonly at: Instant }> {
    return this.#parts.reader.tombstones();
  }

  tombstoneSum(): string {
    return this.#parts.reader.tombstoneSum();
  }

  mark(name: string): Json | undefined {
    const pending = this.#pending.get('mark', name);
    return pending === undefined ? this.#parts.reader.mark(name) : pending.value;
  }

  marks(prefix: string): ReadonlyMap<string, Json> {
    const found = new Map(this.#parts.reader.marks(prefix));
    for (const { name, value } of this.#pending.marks(prefix)) {
      if (value === undefined) found.delete(name);
      else found.set(name, value);
    }
    return found;
  }

  follow(committed: (entries: readonly RecordedEntry[]) => void): () => void {
    this.#followers.add(committed);
    return () => this.#followers.delete(committed);
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
    return this.#call((call) =>
      this.#writer.post({ kind: 'forget-commands', call, before: Math.floor(before) }),
    );
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
    return this.#call((call) =>
      this.#writer.post({ kind: 'erase', call, upTo: last, holder }),
    ).finally(() => {
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
      await this.#send(
        {
          entries: kept.flatMap(({ entries }) => entries),
          ledger: kept.flatMap(({ ledger }) => ledger),
          rows: [],
          acknowledged: this.#outbox.acknowledged,
        },
        { recorded: kept.flatMap(({ recorded }) => recorded), undo: [], unstored: kept.length },
      );
    } while (this.#unstored.kept.length > 0);
  }

  /** The next `times` commits fail as if the disk did. For tests and the simulator. */
  failWrites(as: 'full' | 'broken', times: number): void {
    this.#writer.post({ kind: 'fail-next', as, times });
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
    if (this.#closed) return;
    if (this.#unstored.counts.kept > 0) await this.#store();
    this.#closed = true;
    await this.#sent;
    this.#parts.closeReader();
    await this.#call((call) => this.#writer.post({ kind: 'close', call })).catch(() => undefined);
    await this.#writer.stop();
    await this.#parts.close();
  }

  #send(
    batch: Omit<RowBatch, 'number' | 'generation'>,
    { recorded, undo, keep, unstored = 0 }: Sending,
  ): Promise<void> {
    this.#batches += 1;
    const number = this.#batches;
    this.#pending.add(batch.rows, number);
    const committed = new Promise<void>((resolve, reject) => {
      const { rows, acknowledged } = batch;
      this.#waiting.push({
        number,
        recorded,
        rows,
        undo,
        acknowledged,
        keep,
        unstored,
        resolve,
        reject,
      });
    });
    // A failure is also told by `isSafe`; who does not wait for the disk need not handle it twice.
    this.#sent = committed.catch(() => undefined);
    if (this.#closed) this.#takeBack(new StorageError('broken', 'the journal is closed'));
    else if (this.#dead !== undefined) this.#takeBack(this.#dead);
    else {
      const generation = this.#generation;
      this.#writer.post({ kind: 'batch', batch: { ...batch, number, generation } });
    }
    return committed;
  }

  #call(post: (call: number) => void): Promise<number> {
    this.#batches += 1;
    const call = this.#batches;
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    if (this.#dead !== undefined) {
      reject(this.#dead);
      return promise;
    }
    this.#calls.set(call, { resolve, reject });
    post(call);
    return promise;
  }

  #hear(answer: FromWriter): void {
    switch (answer.kind) {
      case 'committed':
        this.#committed(answer.upTo);
        return;
      case 'failed':
        if (answer.generation === this.#generation) {
          this.#takeBack(new StorageError(answer.code, answer.message));
        }
        return;
      case 'ballast-dropped':
        this.ballastGone();
        return;
      case 'answer':
      case 'refused': {
        const call = this.#calls.get(answer.call);
        this.#calls.delete(answer.call);
        if (answer.kind === 'answer') call?.resolve(answer.value);
        else call?.reject(new StorageError(answer.code, answer.message));
        return;
      }
      case 'died': {
        const error = new StorageError(answer.code, `journal thread: ${answer.message}`);
        if (!this.#closed) this.#takeBack(error);
        for (const call of this.#calls.values()) call.reject(error);
        this.#calls.clear();
        this.#dead = error;
        return;
      }
      default:
        answer satisfies never;
    }
  }

  #committed(upTo: number): void {
    this.#pending.committed(upTo);
    const done = this.#waiting.filter(({ number }) => number <= upTo);
    this.#waiting = this.#waiting.slice(done.length);
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
    for (const { recorded, resolve } of done) {
      resolve();
      if (recorded.length > 0) this.#tell(recorded);
    }
  }

  /**
   * After those who wait for this commit: what they hand to a wire waits for no follower, and none that throws makes a
   * commit look as if it had failed. Told are those who followed when it was on the disk, as whoever comes later reads it there.
   */
  #tell(recorded: readonly RecordedEntry[]): void {
    for (const follower of this.#followers) {
      queueMicrotask(() => {
        if (this.#followers.has(follower)) follower(recorded);
      });
    }
  }

  /** In reverse, since each was folded on top of the one before. */
  #takeBack(error: StorageError): void {
    this.#generation += 1;
    const lost = this.#waiting;
    this.#waiting = [];
    for (const { undo } of lost.toReversed()) this.#parts.ledger.apply(undo);
    this.#pending.clear();
    this.#tail = this.#written;
    this.#fault = error;
    for (const { keep } of lost) {
      if (keep !== undefined)
        this.#unstored.keep(this.#place(keep, this.#unstored.tail ?? this.#tail));
    }
    this.#become('unsafe');
    for (const { reject } of lost) reject(error);
  }

  #become(state: StorageState, tale?: UnstoredTale): void {
    if (this.#storage === state) return;
    this.#storage = state;
    for (const watcher of this.#watchers) watcher(state, tale);
  }
}

function ledgerRow({ table, id, value }: LedgerChange): LedgerRow {
  return { table, id, value: value === undefined ? undefined : JSON.stringify(value) };
}
