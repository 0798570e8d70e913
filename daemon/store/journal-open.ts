/**
 * Opens `journal.db`, and makes the best of what is found: a clean file, one left by a power cut, a damaged one
 * (quarantine, newest backup that is whole, else empty with a new epoch), or an older copy put in place of a newer.
 */
import { existsSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { copyFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, type Random, uptime } from '../../drivers/contract/time.ts';
import { BACKUPS, backupName, backupsOf } from './backups.ts';
import { makeBallast } from './ballast.ts';
import {
  type Database,
  isDamage,
  JOURNAL_MIGRATIONS,
  migrate,
  needsMigration,
  openDatabase,
  quickCheck,
  storage,
  storageError,
  versionOf,
} from './database.ts';
import { HighWater } from './high-water.ts';
import { JournalStore } from './journal.ts';
import { JournalReader } from './journal-query.ts';
import {
  beginEpoch,
  EPOCHS_MARK,
  type JournalState,
  putAside,
  RECOVERED_MARK,
  type Recovered,
  raiseCounters,
  readEpochs,
  readLedger,
  readRecovered,
  readState,
  writeMark,
} from './journal-state.ts';
import { verifyJournal } from './journal-verify.ts';
import { inProcessWriter, threadedWriter } from './journal-writer.ts';
import { lockDirectory } from './lock.ts';
import { checkFile, copyDatabase, runJobAside } from './maintenance.ts';
import { StorageError } from './ports.ts';
import { quarantine } from './quarantine.ts';

const FILE = 'journal.db';
/** Left behind when a check in the running daemon found damage; the next start looks before it trusts. */
const SUSPECT = 'journal.suspect';
/** Set in a backup that is put in place, so that the next start begins a new epoch. */
const RESTORED = 'journal.restored';
/** Earlier epochs that the file descends from, newest last. */
const EPOCHS_KEPT = 100;
const PROBE_EVERY_MS = 5000;
/** A larger file is checked after the first decision even when the last stop was dirty. */
const CHECK_FIRST_BYTES = 256 * 1024 * 1024;

export interface JournalOptions {
  /** Made when missing; `:memory:` keeps everything in this process. */
  readonly directory: string;
  readonly clock: Clock;
  readonly random: Random;
  /** `false` writes in the main thread, at the end of the turn. Default true; memory has no thread. */
  readonly worker?: boolean;
  /** Holds the directory against a second daemon. Default true. */
  readonly lock?: boolean;
}

export interface OpenedJournal {
  readonly journal: JournalStore;
  readonly recovered: Recovered | undefined;
  readonly highWater: HighWater;
  /** The last stop was not a clean one. */
  readonly dirty: boolean;
  /** Structure of the file, in a thread; faults leave a mark that makes the next start look first. */
  check(): Promise<readonly string[]>;
  /** A whole copy at `path`, while the daemon goes on. @throws StorageError */
  backup(path: string): Promise<void>;
}

/** @throws StorageError `newer-version`, `locked`, or `broken` and `full` when the directory cannot be used at all. */
export async function openJournal(options: JournalOptions): Promise<OpenedJournal> {
  return options.directory === ':memory:' ? openInMemory(options) : openOnDisk(options);
}

async function openInMemory({ clock, random }: JournalOptions): Promise<OpenedJournal> {
  const db = openDatabase(':memory:');
  migrate(db, JOURNAL_MIGRATIONS);
  beginEpoch(db, clock.now(), random);
  const state = readState(db);
  const highWater = new HighWater(undefined);
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
  tendSpace(journal, undefined, clock, closing.signal);
  return {
    journal,
    recovered: undefined,
    highWater,
    dirty: false,
    check: async () => quickCheck(db),
    backup: async () => {
      throw new StorageError('broken', 'a journal in memory has no backup');
    },
  };
}

async function openOnDisk(options: JournalOptions): Promise<OpenedJournal> {
  const { directory, clock, random } = options;
  const path = join(directory, FILE);
  await using undo = new AsyncDisposableStack();
  storage(() => mkdirSync(directory, { recursive: true, mode: 0o700 }));
  const lock = options.lock === false ? undefined : undo.use(lockDirectory(directory));
  const highWater = undo.use(new HighWater(directory));
  const dirty = isDirty(directory);
  const { state, recovered } = await prepareFile(options, highWater, dirty);
  const db = openDatabase(path, { readonly: true });
  undo.defer(() => {
    db.close();
  });
  const ballast = join(directory, 'ballast');
  const closing = new AbortController();
  const journal = new JournalStore({
    epoch: state.epoch,
    tail: state.tail,
    acknowledged: state.acknowledged,
    ledger: readLedger(db, 'ledger'),
    reader: new JournalReader(db, state.epoch),
    random,
    startWriter: (answer) =>
      options.worker === false
        ? inProcessWriter(path, ballast, answer)
        : threadedWriter(path, ballast, answer),
    verify: async () => {
      const result = await runJobAside({ kind: 'verify', path });
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
    close: async () => {
      await highWater[Symbol.asyncDispose]();
      lock?.[Symbol.dispose]();
    },
  });
  highWater.raiseJournal(state.epoch, state.tail.seq);
  tendSpace(journal, ballast, clock, closing.signal);
  undo.move();
  return {
    journal,
    recovered,
    highWater,
    dirty,
    check: async () => {
      const result = await runJobAside({ kind: 'check', path });
      const faults = result.kind === 'faults' ? result.faults : [];
      if (faults.length > 0) writeFileSync(join(directory, SUSPECT), faults.join('\n'));
      return faults;
    },
    backup: async (to) => {
      await runJobAside({ kind: 'backup', path, to });
    },
  };
}

/**
 * Puts a backup in the place of the journal; the daemon must be stopped. The next start begins a new epoch.
 * @throws StorageError `corrupt` when the backup is not whole, `locked` when a daemon runs.
 */
export async function restoreJournal(
  directory: string,
  from: string,
  clock: Clock,
): Promise<{ readonly quarantine: string | undefined }> {
  storage(() => mkdirSync(directory, { recursive: true, mode: 0o700 }));
  using _lock = lockDirectory(directory);
  return { quarantine: await putInPlace(directory, from, clock) };
}

async function putInPlace(
  directory: string,
  from: string,
  clock: Clock,
): Promise<string | undefined> {
  const staged = join(directory, 'restore.db');
  // Checked as a copy of its own: reading a database with a log would write beside the backup.
  await copyFile(from, staged);
  try {
    const faults = checkFile(staged, true);
    if (faults.length > 0) throw new StorageError('corrupt', `${from}: ${faults[0]}`);
    writeFileSync(join(directory, RESTORED), from);
    const folder = quarantine(directory, FILE, clock.now());
    await copyDatabase(staged, join(directory, FILE));
    return folder;
  } finally {
    for (const end of ['', '-wal', '-shm']) await rm(`${staged}${end}`, { force: true });
  }
}

interface Prepared {
  readonly state: JournalState;
  readonly recovered: Recovered | undefined;
}

/** Leaves a file that is current, whole as far as was looked, and of an epoch whose numbers are unused beyond its end. */
async function prepareFile(
  options: JournalOptions,
  highWater: HighWater,
  dirty: boolean,
): Promise<Prepared> {
  const { directory, clock } = options;
  const path = join(directory, FILE);
  const suspect = join(directory, SUSPECT);
  const lookFirst = dirty || existsSync(suspect);
  let damage: Damage | undefined;
  if (!existsSync(path) && highWater.journal !== undefined) {
    damage = { reason: 'the file is missing', folder: undefined };
    await restoreNewest(directory, clock);
  }
  for (let attempt = 0; ; attempt++) {
    try {
      if (existsSync(path)) look(path, lookFirst && damage === undefined);
      const prepared = await openForWriting(options, highWater, damage);
      rmSync(suspect, { force: true });
      return prepared;
    } catch (error) {
      const failure = storageError(error);
      if (attempt > 0 || !isDamage(failure)) throw failure;
      damage = { reason: failure.message, folder: quarantine(directory, FILE, clock.now()) };
      await restoreNewest(directory, clock);
    }
  }
}

/** By a connection that cannot write: a damaged file goes to quarantine as it was found. @throws StorageError */
function look(path: string, first: boolean): void {
  // Its very first transaction, cut short: only a writer can roll it back.
  if (existsSync(`${path}-journal`)) openDatabase(path).close();
  const db = openDatabase(path, { readonly: true });
  try {
    if (first && statSync(path).size <= CHECK_FIRST_BYTES) {
      const [fault] = quickCheck(db);
      if (fault !== undefined) throw new StorageError('corrupt', fault);
    }
    const isCurrent = versionOf(db) > 0 && !needsMigration(db, JOURNAL_MIGRATIONS);
    if (!isCurrent) return;
    const hasEntries = db.prepare('SELECT 1 FROM entry LIMIT 1').get() !== undefined;
    if (hasEntries || db.prepare('SELECT 1 FROM journal').get() !== undefined) readState(db);
    readLedger(db, 'ledger');
  } finally {
    db.close();
  }
}

async function openForWriting(
  options: JournalOptions,
  highWater: HighWater,
  damage: Damage | undefined,
): Promise<Prepared> {
  const { directory, clock } = options;
  const path = join(directory, FILE);
  const db = openDatabase(path);
  try {
    if (needsMigration(db, JOURNAL_MIGRATIONS)) {
      const name = backupName('journal', clock.now(), `before-v${versionOf(db) + 1}`);
      storage(() => mkdirSync(join(directory, BACKUPS), { recursive: true, mode: 0o700 }));
      await copyDatabase(path, join(directory, BACKUPS, name));
    }
    migrate(db, JOURNAL_MIGRATIONS);
    return finish(db, options, highWater, damage);
  } finally {
    db.close();
  }
}

/** What was found wrong with the file that stood here. */
interface Damage {
  readonly reason: string;
  /** Where it is now. */
  readonly folder: string | undefined;
}

function finish(
  db: Database,
  { directory, clock, random }: JournalOptions,
  highWater: HighWater,
  damage: Damage | undefined,
): Prepared {
  const at = clock.now();
  const mark = highWater.journal;
  const isNew = storage(() => db.prepare('SELECT 1 FROM journal').get()) === undefined;
  const before = isNew ? undefined : readState(db);
  const marker = join(directory, RESTORED);
  const isRestored = existsSync(marker);
  const kind = isRestored ? 'restored' : isNew ? 'lost' : 'rolled-back';
  const epochs = readEpochs(db);
  // A crash right after a new epoch began leaves the mark of the old one behind.
  const isKnown = mark === undefined || epochs.includes(mark.epoch);
  const isBehind = !isKnown && (mark.epoch !== before?.epoch || mark.seq > (before?.tail.seq ?? 0));
  const recovered: Recovered | undefined =
    damage !== undefined || isRestored || isBehind
      ? {
          kind,
          reason: damage?.reason ?? REASONS[kind],
          quarantine: damage?.folder,
          previousEpoch: before?.epoch ?? mark?.epoch,
          lostFrom:
            before === undefined ? (mark === undefined ? undefined : 1) : before.tail.seq + 1,
        }
      : undefined;
  if (isNew || recovered !== undefined) {
    storage(() =>
      db
        .transaction(() => {
          if (!isNew) putAside(db);
          raiseCounters(db, highWater.counters());
          const earlier = [before?.epoch, mark?.epoch].filter((each) => each !== undefined);
          writeMark(db, EPOCHS_MARK, [...new Set([...epochs, ...earlier])].slice(-EPOCHS_KEPT));
          if (recovered !== undefined)
            writeMark(db, RECOVERED_MARK, JSON.parse(JSON.stringify(recovered)));
          beginEpoch(db, at, random);
        })
        .immediate(),
    );
  }
  rmSync(marker, { force: true });
  return { state: readState(db), recovered: recovered ?? readRecovered(db) };
}

const REASONS: { readonly [Kind in Recovered['kind']]: string } = {
  lost: 'the file is new, its marks are not',
  restored: 'a backup was put in place',
  'rolled-back': 'the file is older than its marks',
};

/** `backups/journal-*.db`, newest name first; the first that is whole is put in place. */
async function restoreNewest(directory: string, clock: Clock): Promise<void> {
  for (const name of backupsOf(directory, 'journal').toReversed()) {
    try {
      await putInPlace(directory, join(directory, BACKUPS, name), clock);
      return;
    } catch {
      // Not whole: the next older one.
      rmSync(join(directory, RESTORED), { force: true });
    }
  }
}

/** A clean stop leaves no log: SQLite moves it into the file and deletes it when the last connection closes. */
function isDirty(directory: string): boolean {
  const log = join(directory, `${FILE}-wal`);
  return existsSync(log) && statSync(log).size > 0;
}

/** Looks again every few seconds while the disk is unwell, and makes the ballast anew once there is room. */
function tendSpace(
  journal: JournalStore,
  ballast: string | undefined,
  clock: Clock,
  closing: AbortSignal,
): void {
  let isTending = false;
  const tend = async () => {
    if (journal.storage === 'unsafe') await journal.probe();
    if (journal.storage === 'unsafe') return;
    if (ballast === undefined || (await makeBallast(ballast))) journal.ballastMade();
  };
  const again = () => {
    if (closing.aborted) return;
    tend().finally(() => {
      isTending = journal.storage !== 'ok' && !closing.aborted;
      if (!isTending) return;
      const timer = clock.wakeAt(uptime(clock.uptime() + PROBE_EVERY_MS), again);
      closing.addEventListener('abort', () => timer.cancel(), { once: true });
    });
  };
  journal.watchStorage((state) => {
    if (state === 'ok' || isTending) return;
    isTending = true;
    const timer = clock.wakeAt(uptime(clock.uptime() + PROBE_EVERY_MS), again);
    closing.addEventListener('abort', () => timer.cancel(), { once: true });
  });
  // In the thread pool, after the first decisions had their chance; a small disk simply has none.
  if (ballast !== undefined) void makeBallast(ballast);
}
