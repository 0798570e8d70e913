/**
 * The writing side of `journal.db`: one connection, one FULL commit for everything that is handed over at once. Runs
 * in the journal's worker thread, or in the main thread for tests. Knows rows, not rules.
 */
import type { Json } from '../access/entry.ts';
import { type Database, emptyLog, openDatabase, storage, storageError } from './database.ts';
import type { EntryRow } from './journal-rows.ts';
import type { EvidenceRow, StorageError } from './ports.ts';

/** What one `append` or `acknowledge` changes in the file. */
export interface RowBatch {
  /** Counts batches; acknowledged by this number. */
  readonly number: number;
  /** Grows when a commit failed; batches of an older generation build on rows that do not exist. */
  readonly generation: number;
  readonly entries: readonly EntryRow[];
  readonly ledger: readonly LedgerRow[];
  readonly rows: readonly EvidenceRow[];
  readonly acknowledged?: number;
}

/** `value` is JSON; `undefined` takes the row away. */
export interface LedgerRow {
  readonly table: string;
  readonly id: string;
  readonly value: string | undefined;
}

export interface JournalFile {
  /** All or nothing. @throws StorageError */
  commit(batches: readonly RowBatch[]): void;
  /** The next `times` commits fail as if the disk did, after the rows were written. For tests and the simulator. */
  failNext(as: 'full' | 'broken', times: number): void;
  forgetCommands(before: number): number;
  /** Empties entries; their places in the chain stay. Returns how many. */
  erase(upTo: number, holder: string | undefined): number;
  checkpoint(): void;
  close(): void;
}

/** Frames that a WAL holds before it starts over, with some to spare; see `growLog`. */
const GROWN_BYTES = 1_200_000;

export interface JournalFileOptions {
  /**
   * This connection moves the log into the file itself only where the log grew to so many pages; another one, which
   * also made the log as large as it will get, does it before.
   */
  readonly logPagesMost?: number;
}

/**
 * A journal is written at its end, and read there. What else of it a connection keeps is never asked for again, and a
 * soak sees the daemon grow by it until all of them are full.
 */
export const JOURNAL_CACHE_KIB = 2000;

export function openJournalFile(
  target: string | Database,
  { logPagesMost }: JournalFileOptions = {},
): JournalFile {
  const db =
    typeof target === 'string' ? openDatabase(target, { cacheKib: JOURNAL_CACHE_KIB }) : target;
  if (logPagesMost === undefined) growLog(db);
  else db.pragma(`wal_autocheckpoint = ${logPagesMost}`);
  keepTail(db);
  const statements = prepare(db);
  let prepared: ReturnType<typeof prepareErasing> | undefined;
  const erasing = () => {
    prepared ??= prepareErasing(db);
    return prepared;
  };
  let failing: { as: 'full' | 'broken'; times: number } | undefined;

  const write = db.transaction((batches: readonly RowBatch[]) => {
    for (const batch of batches) writeBatch(statements, batch);
    if (failing === undefined || failing.times <= 0) return;
    failing.times -= 1;
    throw Object.assign(new Error('injected fault'), {
      code: failing.as === 'full' ? 'SQLITE_FULL' : 'SQLITE_IOERR_WRITE',
    });
  });

  return {
    commit: (batches) => {
      try {
        write.immediate(batches);
      } catch (error) {
        throw storageError(error) satisfies StorageError;
      }
    },
    failNext: (as, times) => {
      failing = { as, times };
    },
    forgetCommands: (before) => storage(() => erasing().forget.run(before).changes),
    erase: (upTo, holder) =>
      storage(() =>
        holder === undefined
          ? erasing().erase.run(upTo).changes
          : eraseHolder(db, erasing(), upTo, holder),
      ),
    checkpoint: () => {
      storage(() => db.pragma('wal_checkpoint(PASSIVE)'));
    },
    close: () => {
      emptyLog(db);
      db.close();
    },
  };
}

/**
 * Makes the WAL as large as it will get, so that commits overwrite blocks that are there and the file system has
 * nothing of its own to write (a third of the commit, measured). A transaction that spills out of its cache and is then rolled
 * back leaves its frames in the file but not in the log.
 */
function growLog(db: Database): void {
  const cache = Number(db.pragma('cache_size', { simple: true }));
  try {
    db.pragma('cache_size = 10');
    db.exec('BEGIN IMMEDIATE');
    db.exec('CREATE TABLE grow (bytes BLOB)');
    const row = db.prepare<[number], unknown>('INSERT INTO grow VALUES (zeroblob(?))');
    for (let bytes = 0; bytes < GROWN_BYTES; bytes += 100_000) row.run(100_000);
  } catch {
    // Only speed is lost: a disk that has no room for this is told of at the first commit.
  } finally {
    if (db.inTransaction) db.exec('ROLLBACK');
    db.pragma(`cache_size = ${cache}`);
  }
}

/** The tail follows the entries in the statement that writes them: one of its own costs 37 µs more, cold (measured). */
function keepTail(db: Database): void {
  storage(() =>
    db.exec(`CREATE TEMP TRIGGER keep_tail AFTER INSERT ON main.entry
             BEGIN UPDATE journal SET tail_seq = new.seq, tail_hash = new.hash; END`),
  );
}

/** A person is gone from the file too, not only from what it says: freed space is overwritten, and so is the log. */
function eraseHolder(
  db: Database,
  to: ReturnType<typeof prepareErasing>,
  upTo: number,
  holder: string,
): number {
  const named = JSON.stringify(holder);
  db.pragma('secure_delete = ON');
  try {
    const changes = db.transaction(() => {
      to.basesGone.run(named);
      const earlier = to.erasePast.run(holder, named, named).changes;
      return earlier + to.eraseHolder.run(upTo, holder, named, named).changes;
    })();
    db.pragma('wal_checkpoint(TRUNCATE)');
    growLog(db);
    return changes;
  } finally {
    db.pragma('secure_delete = FAST');
  }
}

const ERASE =
  'UPDATE entry SET body = NULL, evidence = NULL, sub = NULL WHERE seq <= ? AND body IS NOT NULL';

type Statements = ReturnType<typeof prepare>;

function prepare(db: Database) {
  return storage(() => ({
    entry: db.prepare<unknown[], unknown>(
      `INSERT INTO entry (seq, id, at, uptime, boot, lo, hi, state, type, device, sub, body, evidence, digest, hash)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    acknowledge: db.prepare<[number], unknown>(
      'UPDATE journal SET acknowledged = max(acknowledged, ?)',
    ),
    ledger: db.prepare<[string, string, string], unknown>(
      'INSERT INTO ledger VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value',
    ),
    ledgerGone: db.prepare<[string, string], unknown>(
      'DELETE FROM ledger WHERE name = ? AND id = ?',
    ),
    command: db.prepare<[string, string | null, number], unknown>(
      `INSERT INTO command VALUES (?, ?, ?)
       ON CONFLICT DO UPDATE SET reply = excluded.reply, expires = excluded.expires`,
    ),
    counter: db.prepare<[string, string, string], unknown>(
      `INSERT INTO counter VALUES (?, ?, ?)
       ON CONFLICT DO UPDATE SET highest = excluded.highest, window = excluded.window`,
    ),
    tombstone: db.prepare<[string, number, number], unknown>(
      `INSERT INTO tombstone VALUES (?, ?, ?)
       ON CONFLICT DO UPDATE SET rev = excluded.rev, at = excluded.at WHERE excluded.rev > rev`,
    ),
    mark: db.prepare<[string, string], unknown>(
      'INSERT INTO mark VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value',
    ),
    markGone: db.prepare<[string], unknown>('DELETE FROM mark WHERE name = ?'),
  }));
}

/** What is done once a day, or once a year: no start waits for it. */
function prepareErasing(db: Database) {
  return {
    erase: db.prepare<[number], unknown>(ERASE),
    // Another's entry may name the person in its body, or in what a decision knew.
    eraseHolder: db.prepare<[number, string, string, string], unknown>(
      `${ERASE} AND (sub = ? OR instr(body, ?) > 0 OR instr(evidence, ?) > 0)`,
    ),
    erasePast: db.prepare<[string, string, string], unknown>(
      `UPDATE past_entry SET body = NULL, evidence = NULL, sub = NULL
       WHERE body IS NOT NULL AND (sub = ? OR instr(body, ?) > 0 OR instr(evidence, ?) > 0)`,
    ),
    basesGone: db.prepare<[string], unknown>('DELETE FROM ledger_base WHERE instr(value, ?) > 0'),
    forget: db.prepare<[number], unknown>('DELETE FROM command WHERE expires < ?'),
  };
}

function writeBatch(to: Statements, batch: RowBatch): void {
  for (const e of batch.entries) {
    to.entry.run(
      e.seq,
      e.id,
      e.at,
      e.uptime,
      e.boot,
      e.lo,
      e.hi,
      e.state,
      e.type,
      e.device,
      e.sub,
      e.body,
      e.evidence,
      Buffer.from(e.digest, 'hex'),
      Buffer.from(e.hash, 'hex'),
    );
  }
  for (const { table, id, value } of batch.ledger) {
    if (value === undefined) to.ledgerGone.run(table, id);
    else to.ledger.run(table, id, value);
  }
  for (const row of batch.rows) writeEvidence(to, row);
  if (batch.acknowledged !== undefined) to.acknowledge.run(batch.acknowledged);
}

function writeEvidence(to: Statements, row: EvidenceRow): void {
  switch (row.table) {
    case 'command':
      to.command.run(row.id, jsonText(row.reply), Math.ceil(row.expires));
      return;
    case 'counter':
      to.counter.run(row.kid, row.highest, row.window);
      return;
    case 'tombstone':
      to.tombstone.run(row.grant, row.rev, Math.trunc(row.at));
      return;
    case 'mark':
      if (row.value === undefined) to.markGone.run(row.name);
      else to.mark.run(row.name, JSON.stringify(row.value));
      return;
    default:
      row satisfies never;
  }
}

function jsonText(value: Json | undefined): string | null {
  return value === undefined ? null : JSON.stringify(value);
}
