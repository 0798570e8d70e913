/**
 * What is on its way to the disk. Batches are committed in the order in which they were sent; where one fails, those
 * behind it go with it, since they build on rows that do not exist.
 */
import type { RecordedEntry } from '../access/entry.ts';
import type { LedgerChange } from '../access/ledger.ts';
import type { EvidenceRows } from './evidence-rows.ts';
import type { RowBatch } from './journal-file.ts';
import type { FromWriter, JournalWriter } from './journal-writer.ts';
import { type EvidenceRow, type JournalBatch, StorageError } from './ports.ts';

/** What is remembered of a batch until it is committed. */
export interface Sent {
  readonly recorded: readonly RecordedEntry[];
  readonly rows: readonly EvidenceRow[];
  readonly undo: readonly LedgerChange[];
  readonly acknowledged: number | undefined;
  /** To be kept in memory when it cannot be stored. */
  readonly keep: JournalBatch | undefined;
  /** So many batches that waited in memory are in it. */
  readonly unstored: number;
}

type Sending = Pick<Sent, 'recorded' | 'undo'> & Partial<Pick<Sent, 'keep' | 'unstored'>>;

const NOTHING: Sending = { recorded: [], undo: [] };

interface Waiting extends Sent {
  readonly number: number;
  readonly resolve: () => void;
  readonly reject: (error: StorageError) => void;
}

interface Call {
  readonly resolve: (value: number) => void;
  readonly reject: (error: StorageError) => void;
}

/** Told before those who wait for the batches. */
export interface CommitsTold {
  committed(done: readonly Sent[]): void;
  /** In the order in which they were sent. */
  failed(lost: readonly Sent[], error: StorageError): void;
  ballastGone(): void;
}

export class Commits {
  readonly #evidence: EvidenceRows;
  readonly #told: CommitsTold;
  readonly #writer: JournalWriter;
  readonly #followers = new Set<(entries: readonly RecordedEntry[]) => void>();
  readonly #calls = new Map<number, Call>();
  #waiting: Waiting[] = [];
  #generation = 0;
  /** Of batches and calls. */
  #numbers = 0;
  #last: Promise<void> = Promise.resolve();
  #isEnded = false;
  /** Why nothing can be written any more. */
  #dead: StorageError | undefined;

  constructor(
    startWriter: (answer: (answer: FromWriter) => void) => JournalWriter,
    evidence: EvidenceRows,
    told: CommitsTold,
  ) {
    this.#evidence = evidence;
    this.#told = told;
    this.#writer = startWriter((answer) => this.#hear(answer));
  }

  /** Whether anything can be written again without a new start. */
  get isDead(): boolean {
    return this.#dead !== undefined;
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** Whether anything of the chain is on its way. */
  get hasEntries(): boolean {
    return this.#waiting.some(({ recorded }) => recorded.length > 0);
  }

  /** Resolves when it is on the disk. */
  send(
    batch: Omit<RowBatch, 'number' | 'generation'>,
    { recorded, undo, keep, unstored = 0 }: Sending = NOTHING,
  ): Promise<void> {
    this.#numbers += 1;
    const number = this.#numbers;
    this.#evidence.add(batch.rows, number);
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
    this.#last = committed.catch(() => undefined);
    if (this.#isEnded) this.#takeBack(new StorageError('broken', 'the journal is closed'));
    else if (this.#dead !== undefined) this.#takeBack(this.#dead);
    else {
      const generation = this.#generation;
      this.#writer.post({ kind: 'batch', batch: { ...batch, number, generation } });
    }
    return committed;
  }

  /** Drops command rows whose time is over. */
  forgetCommands(before: number): Promise<number> {
    return this.#call((call) => this.#writer.post({ kind: 'forget-commands', call, before }));
  }

  erase(upTo: number, holder: string | undefined): Promise<number> {
    return this.#call((call) => this.#writer.post({ kind: 'erase', call, upTo, holder }));
  }

  /** The next `times` commits fail as if the disk did. For tests and the simulator. */
  failNext(as: 'full' | 'broken', times: number): void {
    this.#writer.post({ kind: 'fail-next', as, times });
  }

  /** Called with what was committed, in order, after those who wait for it. Returns how to stop. */
  follow(committed: (entries: readonly RecordedEntry[]) => void): () => void {
    this.#followers.add(committed);
    return () => this.#followers.delete(committed);
  }

  /** Takes nothing more; settles when nothing is on its way. */
  async end(): Promise<void> {
    this.#isEnded = true;
    await this.#last;
  }

  /** After `end`. */
  async close(): Promise<void> {
    await this.#call((call) => this.#writer.post({ kind: 'close', call })).catch(() => undefined);
    await this.#writer.stop();
  }

  #call(post: (call: number) => void): Promise<number> {
    this.#numbers += 1;
    const call = this.#numbers;
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
        this.#told.ballastGone();
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
        if (!this.#isEnded) this.#takeBack(error);
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
    this.#evidence.committed(upTo);
    const done = this.#waiting.filter(({ number }) => number <= upTo);
    this.#waiting = this.#waiting.slice(done.length);
    this.#told.committed(done);
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

  #takeBack(error: StorageError): void {
    this.#generation += 1;
    const lost = this.#waiting;
    this.#waiting = [];
    this.#evidence.takeBack();
    this.#told.failed(lost, error);
    for (const { reject } of lost) reject(error);
  }
}
