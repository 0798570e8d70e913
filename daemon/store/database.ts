/**
 * The only door to SQLite. Every connection is opened with the settings of conventions 3.3: better-sqlite3 is built
 * with `SQLITE_DEFAULT_WAL_SYNCHRONOUS=1`, so WAL without an explicit FULL would lose commits at a power cut.
 */
import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { StorageError } from './ports.ts';

export type Database = Sqlite.Database;
export type Statement<Bind extends unknown[], Row> = Sqlite.Statement<Bind, Row>;

/** Checkpoint once the WAL holds this many pages of 4 KiB. */
const AUTOCHECKPOINT_PAGES = 200;
/** A WAL that once grew larger is cut back to this many bytes when it starts over. */
const WAL_LIMIT = 4_194_304;

export interface DatabaseOptions {
  readonly readonly?: boolean;
  /** How long to wait for another writer. */
  readonly busyMs?: number;
  /** KiB of the file that stay in memory at most; without it SQLite's 16,000. */
  readonly cacheKib?: number;
}

/** @throws StorageError */
export function openDatabase(path: string, options: DatabaseOptions = {}): Database {
  return storage(() => {
    const db = new Sqlite(path, {
      readonly: options.readonly ?? false,
      timeout: options.busyMs ?? 5000,
    });
    try {
      if (options.readonly !== true) keepToOwner(db);
      set(db, [
        ...(options.readonly === true ? [] : ['journal_mode = WAL']),
        'synchronous = FULL',
        'foreign_keys = ON',
        'trusted_schema = OFF',
        'cell_size_check = ON',
        // What is erased is overwritten where that costs no write of its own.
        'secure_delete = FAST',
        `wal_autocheckpoint = ${AUTOCHECKPOINT_PAGES}`,
        `journal_size_limit = ${WAL_LIMIT}`,
        ...(options.cacheKib === undefined ? [] : [`cache_size = -${options.cacheKib}`]),
      ]);
      return db;
    } catch (error) {
      db.close();
      throw error;
    }
  });
}

/**
 * A sorter takes so much at a time, since merging what lies in a processor's own cache takes a third of the time of
 * what does not: the tree of a million ids is there after 0.35 s, where all at once took 0.77, and one by one, as with
 * `temp_store = MEMORY`, 0.97. Sixteen times as much, two million ids, is merged in one go.
 */
const SORTED_KIB = 4000;

/**
 * A file that is written once and then given to others: no log and no sync until `seal`, since a half-built file is
 * thrown away.
 */
export function openScratch(path: string, options: Pick<DatabaseOptions, 'busyMs'> = {}): Database {
  return storage(() => {
    const db = new Sqlite(path, { timeout: options.busyMs ?? 5000 });
    keepToOwner(db);
    set(db, [
      'journal_mode = OFF',
      'synchronous = OFF',
      // Where what is sorted waits: files without a name, gone within the second and so before they reach the card.
      'temp_store = FILE',
      `cache_size = -${SORTED_KIB}`,
      'trusted_schema = OFF',
      'cell_size_check = ON',
    ]);
    return db;
  });
}

/** All in one call: each that is asked for by itself costs a start as much as a lookup. */
function set(db: Database, settings: readonly string[]): void {
  db.exec(settings.map((setting) => `PRAGMA ${setting};`).join('\n'));
}

/** Nobody else on the machine reads who came and went; log and shared memory take the file's mode over. */
function keepToOwner(db: Database): void {
  if (db.memory || (statSync(db.name).mode & 0o077) === 0) return;
  chmodSync(db.name, 0o600);
}

/** What was written without syncing, and its name in its directory, are on the disk afterwards. */
export function syncFile(path: string): void {
  for (const each of [path, dirname(path)]) {
    const file = openSync(each, 'r');
    try {
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
  }
}

export const JOURNAL_MIGRATIONS = join(import.meta.dirname, 'migrations', 'journal');
export const GRANTS_MIGRATIONS = join(import.meta.dirname, 'migrations', 'grants');

function migrationsIn(folder: string): readonly string[] {
  return readdirSync(folder)
    .filter((name) => /^\d{3}-[a-z0-9-]+\.sql$/.test(name))
    .sort();
}

export function versionOf(db: Database): number {
  return storage(() => Number(db.pragma('user_version', { simple: true })));
}

/** A database that is in use and will be changed: to be backed up first. */
export function needsMigration(db: Database, folder: string): boolean {
  const version = versionOf(db);
  return version > 0 && version < migrationsIn(folder).length;
}

/** It has this program's schema, and nothing has to be written to it. */
export function isCurrent(db: Database, folder: string): boolean {
  return versionOf(db) === migrationsIn(folder).length;
}

/** Runs what `user_version` says is missing, each file in one transaction. */
export function migrate(db: Database, folder: string): void {
  const files = migrationsIn(folder);
  const version = versionOf(db);
  if (version > files.length) {
    throw new StorageError(
      'newer-version',
      `${basename(db.name)} has schema ${version}, this program knows ${files.length}: start the newer program or restore a backup made before it`,
    );
  }
  for (const [index, name] of files.entries()) {
    if (index < version) continue;
    const sql = readFileSync(join(folder, name), 'utf8');
    storage(() =>
      db
        .transaction(() => {
          db.exec(sql);
          db.pragma(`user_version = ${index + 1}`);
        })
        .immediate(),
    );
  }
}

/**
 * Moves the log into the file, and leaves it empty beside it: SQLite would delete it, and the shared memory, with the
 * last connection, and a start on a full or read-only disk could make neither. So a reader is the last to close.
 */
export function emptyLog(db: Database): void {
  try {
    db.exec('PRAGMA busy_timeout = 0; PRAGMA wal_checkpoint(TRUNCATE)');
  } catch {
    // The log stays as it is: the next start takes the stop for a dirty one.
  }
}

/** A clean stop leaves an empty log, or none. */
export function isDirty(path: string): boolean {
  const log = `${path}-wal`;
  return existsSync(log) && statSync(log).size > 0;
}

/** Faults that SQLite finds in its own structure; none when it is sound. */
export function quickCheck(db: Database, full = false): readonly string[] {
  try {
    const rows = db.prepare<[], [string]>(
      full ? 'PRAGMA integrity_check(20)' : 'PRAGMA quick_check(20)',
    );
    return rows
      .raw()
      .all()
      .map(([line]) => line)
      .filter((line) => line !== 'ok');
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  }
}

/** Calls, and turns what SQLite throws into `StorageError`. */
export function storage<Result>(call: () => Result): Result {
  try {
    return call();
  } catch (error) {
    throw storageError(error);
  }
}

export function storageError(error: unknown): StorageError {
  if (error instanceof StorageError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new StorageError(codeOf(error), message, { cause: error });
}

function codeOf(error: unknown): StorageError['code'] {
  const code =
    typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
  // A full disk shows as SHMSIZE when it is the shared-memory file that cannot grow.
  if (code === 'SQLITE_FULL' || code === 'SQLITE_IOERR_SHMSIZE' || code === 'ENOSPC') return 'full';
  if (/^SQLITE_(CORRUPT|NOTADB|IOERR_(READ|SHORT_READ|DATA|CORRUPTFS))/.test(code))
    return 'corrupt';
  if (code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED')) return 'locked';
  return 'broken';
}

/** Whether a file that failed so while it was opened has to be put aside: it is damaged, or lacks its tables. */
export function isDamage({ code, cause }: StorageError): boolean {
  const lacksTables =
    typeof cause === 'object' && cause !== null && 'code' in cause && cause.code === 'SQLITE_ERROR';
  return code === 'corrupt' || lacksTables;
}
