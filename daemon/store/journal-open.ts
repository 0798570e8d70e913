/** Opens `journal.db`, joins its thread, its reader and the marks kept outside, and looks after the disk's space. */
import { accessSync, constants, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Clock, type Millis, type Random, uptime } from '../../drivers/contract/time.ts';
import { dropBallast } from './ballast.ts';
import {
  isDirty,
  JOURNAL_MIGRATIONS,
  migrate,
  openDatabase,
  quickCheck,
  storage,
  storageError,
} from './database.ts';
import { HighWater } from './high-water.ts';
import { JournalStore } from './journal.ts';
import { openJournalFile, type RowBatch } from './journal-file.ts';
import { nearestWriter } from './journal-nearest.ts';
import { JournalReader } from './journal-query.ts';
import { JOURNAL_FILE, prepareFile, SUSPECT_FILE } from './journal-recovery.ts';
import { beginEpoch, type Recovered, readLedger, readState } from './journal-state.ts';
import { verifyJournal } from './journal-verify.ts';
import { inProcessWriter, type JournalThread } from './journal-writer.ts';
import { lockDirectory } from './lock.ts';
import { type RunsJob, runJobAside } from './maintenance.ts';
import { StorageError } from './ports.ts';

const BALLAST = 'ballast';
const PROBE_EVERY_MS = 5000;
const BALLAST_AFTER_MS = 30_000;

export interface JournalOptions {
  /** Made when missing; `:memory:` keeps everything in this process. */
  readonly directory: string;
  readonly clock: Clock;
  readonly random: Random;
  /**
   * `false` writes in the main thread, at the end of the turn. Default a thread of its own while the disk is not quick,
   * `when-needed` one that starts when the disk is not quick for the first time; memory has none.
   */
  readonly worker?: boolean | JournalThread | 'when-needed';
  /** See `NearestOptions`. */
  readonly believedAfter?: number;
  /** Holds the directory against a second daemon. Default true. */
  readonly lock?: boolean;
  /** Default `runJobAside`. */
  readonly runJob?: RunsJob | undefined;
}

export interface OpenedJournal {
  readonly journal: JournalStore;
  readonly recovered: Recovered | undefined;
  readonly highWater: HighWater;
  /** The last stop was not a clean one. */
  readonly dirty: boolean;
  /** Structure of the file, in a thread; faults leave a mark that makes the next start look first. */
  check(): Promise<readonly string[]>;
  /** Gives up the ballast for another file on the same disk; whether there was one. */
  makeRoom(): boolean;
  /** A whole copy at `path`, while the daemon goes on. @throws StorageError */
  backup(path: string): Promise<void>;
  /**
   * Aborted: the disk took no write when this was opened, and takes them now. Only a new start can use that: the memory
   * that SQLite shares within the process stays read-only.
   */
  readonly renewal: AbortSignal;
}

/** @throws StorageError `newer-version`, `locked`, or `broken` and `full` when the directory cannot be used at all. */
export async function openJournal(options: JournalOptions): Promise<OpenedJournal> {
  if (options.directory === ':memory:') return openInMemory(options);
  try {
    return await openOnDisk(options, false);
  } catch (error) {
    // A power cut may meet a full disk: the ballast is for the start after it, too.
    const isFull = storageError(error).code === 'full';
    if (!isFull || !dropBallast(join(options.directory, BALLAST))) throw error;
    return openOnDisk(options, true);
  }
}

async function openInMemory({ clock, random }: JournalOptions): Promise<OpenedJournal> {
  const db = openDatabase(':memory:');
  migrate(db, JOURNAL_MIGRATIONS);
  beginEpoch(db, clock.now(), random);
  const state = readState(db);
  const highWater = new HighWater(undefined, clock);
  const closing = new AbortController();
  const journal = new JournalStore({
    epoch: state.epoch,
    tail: state.tail,
    acknowledged: state.acknowledged,
    ledger: readLedger(db, 'ledger'),
    reader: new JournalReader(db, state.epoch),
    random,
    startWriter: (answer) => inProcessWriter(db, undefined, answer),
    verify: async () => verifyJournal(db),
    committed: () => {},
    closeReader: () => closing.abort(),
    close: async () => {},
  });
  tendSpace(journal, { clock, closing: closing.signal });
  return {
    journal,
    recovered: undefined,
    highWater,
    dirty: false,
    check: async () => quickCheck(db),
    renewal: new AbortController().signal,
    makeRoom: () => false,
    backup: async () => {
      throw new StorageError('broken', 'a journal in memory has no backup');
    },
  };
}

async function openOnDisk(options: JournalOptions, isLow: boolean): Promise<OpenedJournal> {
  const { directory, clock, random, believedAfter, runJob = runJobAside } = options;
  const path = join(directory, JOURNAL_FILE);
  await using undo = new AsyncDisposableStack();
  storage(() => mkdirSync(directory, { recursive: true, mode: 0o700 }));
  const lock = options.lock === false ? undefined : undo.use(lockDirectory(directory));
  const highWater = undo.use(new HighWater(directory, clock, runJob));
  const isReadOnly = !takesWrites(directory);
  const renewal = new AbortController();
  const dirty = isDirty(path);
  const prepared = await prepareFile(options, highWater, dirty);
  const { state, recovered, ledger, reader: db, writer } = prepared;
  undo.defer(() => {
    db.close();
    writer.close();
  });
  const ballast = join(directory, BALLAST);
  const thread = typeof options.worker === 'object' ? options.worker : undefined;
  const beginsHere = options.worker === 'when-needed';
  const closing = new AbortController();
  const journal = new JournalStore({
    epoch: state.epoch,
    tail: state.tail,
    acknowledged: state.acknowledged,
    ledger,
    reader: new JournalReader(db, state.epoch),
    random,
    startWriter: (answer) => {
      if (options.worker === false) return inProcessWriter(writer, ballast, answer);
      const first = beginsHere ? writer : undefined;
      if (!beginsHere) writer.close();
      return nearestWriter({ path, ballast, clock, thread, first, believedAfter }, answer);
    },
    verify: async () => {
      const result = await runJob({ kind: 'verify', path });
      if (result.kind !== 'verified') throw new StorageError('broken', 'no report');
      return result.report;
    },
    committed: (rows, tail) => {
      for (const row of rows)
        if (row.table === 'counter') highWater.raiseCounter(row.kid, row.highest);
      highWater.raiseJournal(state.epoch, tail.seq);
    },
    closeReader: () => {
      closing.abort();
      db.close();
    },
    close: async (left) => {
      if (left !== undefined && isReadOnly && takesWrites(directory)) commitLate(path, left);
      await highWater[Symbol.asyncDispose]();
      lock?.[Symbol.dispose]();
    },
  });
  highWater.raiseJournal(state.epoch, state.tail.seq);
  const makeBallast = async () => {
    const made = await runJob({ kind: 'ballast', path: ballast });
    return made.kind === 'ballast' && made.isThere;
  };
  const look = () => {
    if (isReadOnly && takesWrites(directory)) renewal.abort();
  };
  tendSpace(journal, { clock, closing: closing.signal, makeBallast, look });
  if (isLow) journal.ballastGone();
  undo.move();
  return {
    journal,
    recovered,
    highWater,
    dirty,
    check: async () => {
      const result = await runJob({ kind: 'check', path });
      const faults = result.kind === 'faults' ? result.faults : [];
      if (faults.length > 0) writeFileSync(join(directory, SUSPECT_FILE), faults.join('\n'));
      return faults;
    },
    renewal: renewal.signal,
    makeRoom: () => {
      const isDropped = dropBallast(ballast);
      if (isDropped) journal.ballastGone();
      return isDropped;
    },
    backup: async (to) => {
      await runJob({ kind: 'backup', path, to });
    },
  };
}

/** `false` on a file system that is read-only, or not ours to write to. */
function takesWrites(directory: string): boolean {
  try {
    accessSync(directory, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** By a connection of its own, once no other is open. What the disk does not take now is lost. */
function commitLate(path: string, left: RowBatch): void {
  try {
    const file = openJournalFile(path);
    try {
      file.commit([left]);
    } finally {
      file.close();
    }
  } catch {
    // Told already: each of them failed when it was appended.
  }
}

interface Tending {
  readonly clock: Clock;
  readonly closing: AbortSignal;
  readonly makeBallast?: () => Promise<boolean>;
  /** Called before each look at a disk that is unwell. */
  readonly look?: () => void;
}

/** Looks again every few seconds while the disk is unwell, and makes the ballast anew once there is room. */
function tendSpace(
  journal: JournalStore,
  { clock, closing, makeBallast, look: lookFirst }: Tending,
): void {
  let isTending = false;
  const later = (length: Millis, body: () => void) => {
    const cancel = () => timer.cancel();
    const timer = clock.wakeAt(uptime(clock.uptime() + length), () => {
      closing.removeEventListener('abort', cancel);
      body();
    });
    closing.addEventListener('abort', cancel, { once: true });
  };
  const look = async () => {
    lookFirst?.();
    if (journal.storage === 'unsafe') await journal.probe();
    if (journal.storage === 'unsafe') return;
    if (makeBallast === undefined || (await makeBallast())) journal.ballastMade();
  };
  const tend = () => {
    look().finally(() => {
      isTending = journal.storage !== 'ok' && !closing.aborted;
      if (isTending) later(PROBE_EVERY_MS, tend);
    });
  };
  journal.watchStorage((state) => {
    if (state === 'ok' || isTending || closing.aborted) return;
    isTending = true;
    later(PROBE_EVERY_MS, tend);
  });
  // Eight megabytes take a card a while; the first decisions come before. A small disk simply has none.
  if (makeBallast !== undefined) later(BALLAST_AFTER_MS, () => void makeBallast());
}
