/**
 * Makes the best of the journal that is found: a clean file, one left by a power cut, a damaged one (quarantine, the
 * newest backup that is whole, else empty with a new epoch), or an older copy put in place of a newer.
 */
import { existsSync, mkdirSync, rmSync, statSync } from 'node:fs';
import { copyFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock, Random } from '../../drivers/contract/time.ts';
import type { Ledger } from '../access/ledger.ts';
import { BACKUPS, backupName, backupsOf } from './backups.ts';
import { checkColumns, JOURNAL_COLUMNS } from './columns.ts';
import {
  type Database,
  isCurrent,
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
import type { HighWater } from './high-water.ts';
import { JOURNAL_CACHE_KIB } from './journal-file.ts';
import {
  beginEpoch,
  dropMark,
  EPOCHS_MARK,
  GRANTS_FILE,
  hasMark,
  type JournalState,
  LIVE_MARK,
  putAside,
  RECOVERED_MARK,
  RESTORED_MARK,
  type Recovered,
  raiseCounters,
  readEpochs,
  readLedger,
  readMark,
  readRecovered,
  readState,
  writeMark,
} from './journal-state.ts';
import { lockDirectory } from './lock.ts';
import { checkFile, copyDatabase } from './maintenance.ts';
import { StorageError } from './ports.ts';
import { quarantine } from './quarantine.ts';

export const JOURNAL_FILE = 'journal.db';
/** Left behind when a check in the running daemon found damage; the next start looks before it trusts. */
export const SUSPECT_FILE = 'journal.suspect';
/** Earlier epochs that the file descends from, newest last. */
const EPOCHS_KEPT = 100;
/** A larger file is checked after the first decision even when the last stop was dirty. */
const CHECK_FIRST_BYTES = 256 * 1024 * 1024;

export interface RecoveryOptions {
  readonly directory: string;
  readonly clock: Clock;
  readonly random: Random;
}

/**
 * Puts a backup in the place of the journal; the daemon must be stopped. The next start begins a new epoch. With a
 * backup of the grants of the same time, what was made on this box is there again; without, all of it is fetched anew.
 * @throws StorageError `corrupt` when a backup is not whole, `locked` when a daemon runs.
 */
export async function restoreJournal(
  directory: string,
  from: string,
  clock: Clock,
  grants?: string,
): Promise<{ readonly quarantine: string | undefined }> {
  storage(() => mkdirSync(directory, { recursive: true, mode: 0o700 }));
  using _lock = lockDirectory(directory);
  if (grants !== undefined) await putGrants(directory, from, grants);
  return { quarantine: await putInPlace(directory, from, clock) };
}

/** Under the name that the journal of the backup gives to the live file. */
async function putGrants(directory: string, journal: string, grants: string): Promise<void> {
  const faults = checkFile(grants, true);
  if (faults.length > 0) throw new StorageError('corrupt', `${grants}: ${faults[0]}`);
  mustHold(grants, 'grants', 'grants');
  mustHold(journal, 'entry', 'a journal');
  const db = openDatabase(journal, { readonly: true });
  try {
    const name = readMark(db, LIVE_MARK);
    if (typeof name !== 'string' || !GRANTS_FILE.test(name)) {
      throw new StorageError('corrupt', `${journal} names no file of grants`);
    }
    const to = join(directory, name);
    for (const end of ['-wal', '-shm']) await rm(`${to}${end}`, { force: true });
    await copyDatabase(grants, to);
  } finally {
    db.close();
  }
}

/** Any database is whole in itself. @throws StorageError where this one is another. */
function mustHold(file: string, table: string, what: string, named = file): void {
  const db = openDatabase(file, { readonly: true });
  try {
    const isThere = storage(() =>
      db
        .prepare<[string], unknown>(`SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?`)
        .get(table),
    );
    if (isThere === undefined)
      throw new StorageError('corrupt', `${named} is no backup of ${what}`);
  } finally {
    db.close();
  }
}

/** In the copy itself, so that it cannot come without: the next start begins a new epoch. */
function markRestored(path: string): void {
  const db = openDatabase(path);
  try {
    storage(() => writeMark(db, RESTORED_MARK, true));
  } finally {
    db.close();
  }
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
    mustHold(staged, 'entry', 'a journal', from);
    markRestored(staged);
    const folder = quarantine(directory, JOURNAL_FILE, clock.now());
    await copyDatabase(staged, join(directory, JOURNAL_FILE));
    return folder;
  } finally {
    for (const end of ['', '-wal', '-shm']) await rm(`${staged}${end}`, { force: true });
  }
}

/** A file that is current, with the connections that were opened to find that out: another would cost half a millisecond. */
export interface Prepared {
  readonly state: JournalState;
  readonly recovered: Recovered | undefined;
  readonly ledger: Ledger;
  readonly reader: Database;
  readonly writer: Database;
}

/** Leaves a file that is current, whole as far as was looked, and of an epoch whose numbers are unused beyond its end. */
export async function prepareFile(
  options: RecoveryOptions,
  highWater: HighWater,
  dirty: boolean,
): Promise<Prepared> {
  const { directory, clock } = options;
  const path = join(directory, JOURNAL_FILE);
  const suspect = join(directory, SUSPECT_FILE);
  const lookFirst = dirty || existsSync(suspect);
  let damage: Damage | undefined;
  if (!existsSync(path) && highWater.journal !== undefined) {
    damage = { reason: 'the file is missing', folder: undefined };
    await restoreNewest(directory, clock);
  }
  for (let attempt = 0; ; attempt++) {
    let seen: Seen | undefined;
    try {
      if (existsSync(path)) seen = look(path, lookFirst && damage === undefined);
      const prepared = await openForWriting(options, highWater, damage, seen);
      rmSync(suspect, { force: true });
      return prepared;
    } catch (error) {
      seen?.reader.close();
      const failure = storageError(error);
      if (attempt > 0 || !isDamage(failure)) throw failure;
      damage = {
        reason: failure.message,
        folder: quarantine(directory, JOURNAL_FILE, clock.now()),
      };
      await restoreNewest(directory, clock);
    }
  }
}

/** What the file says of itself, where it has this program's schema and is not empty. */
interface Seen {
  readonly reader: Database;
  readonly state: JournalState | undefined;
  readonly ledger: Ledger | undefined;
}

/** By a connection that cannot write: a damaged file goes to quarantine as it was found. @throws StorageError */
function look(path: string, first: boolean): Seen {
  // Its very first transaction, cut short: only a writer can roll it back.
  if (existsSync(`${path}-journal`)) openDatabase(path).close();
  const reader = openReader(path);
  try {
    if (first && statSync(path).size <= CHECK_FIRST_BYTES) {
      const [fault] = quickCheck(reader);
      if (fault !== undefined) throw new StorageError('corrupt', fault);
    }
    if (!isCurrent(reader, JOURNAL_MIGRATIONS))
      return { reader, state: undefined, ledger: undefined };
    checkColumns(reader, JOURNAL_COLUMNS, JOURNAL_MIGRATIONS);
    const isBegun =
      reader.prepare('SELECT 1 FROM journal').get() !== undefined ||
      reader.prepare('SELECT 1 FROM entry LIMIT 1').get() !== undefined;
    const state = isBegun ? readState(reader) : undefined;
    return { reader, state, ledger: readLedger(reader, 'ledger') };
  } catch (error) {
    reader.close();
    throw error;
  }
}

function openReader(path: string): Database {
  return openDatabase(path, { readonly: true, cacheKib: JOURNAL_CACHE_KIB });
}

/** Both connections stay open. */
async function openForWriting(
  options: RecoveryOptions,
  highWater: HighWater,
  damage: Damage | undefined,
  seen: Seen | undefined,
): Promise<Prepared> {
  const { directory, clock } = options;
  const path = join(directory, JOURNAL_FILE);
  const writer = openDatabase(path, { cacheKib: JOURNAL_CACHE_KIB });
  try {
    if (needsMigration(writer, JOURNAL_MIGRATIONS)) {
      const name = backupName('journal', clock.now(), `before-v${versionOf(writer) + 1}`);
      storage(() => mkdirSync(join(directory, BACKUPS), { recursive: true, mode: 0o700 }));
      await copyDatabase(path, join(directory, BACKUPS, name));
    }
    migrate(writer, JOURNAL_MIGRATIONS);
    const { state, recovered } = finish(writer, options, highWater, damage, seen?.state);
    const ledger = seen?.ledger ?? readLedger(writer, 'ledger');
    return { state, recovered, ledger, reader: seen?.reader ?? openReader(path), writer };
  } catch (error) {
    writer.close();
    throw error;
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
  { clock, random }: RecoveryOptions,
  highWater: HighWater,
  damage: Damage | undefined,
  seen: JournalState | undefined,
): Pick<Prepared, 'state' | 'recovered'> {
  const at = clock.now();
  const mark = highWater.journal;
  const isNew =
    seen === undefined && storage(() => db.prepare('SELECT 1 FROM journal').get()) === undefined;
  const before = isNew ? undefined : (seen ?? readState(db));
  const isRestored = hasMark(db, RESTORED_MARK);
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
          dropMark(db, RESTORED_MARK);
          beginEpoch(db, at, random);
        })
        .immediate(),
    );
    return { state: readState(db), recovered: recovered ?? readRecovered(db) };
  }
  return { state: before ?? readState(db), recovered: readRecovered(db) };
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
    }
  }
}
