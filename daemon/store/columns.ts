/**
 * A flipped bit in the name of a table or a column is no fault to SQLite, and the first question for it would end the
 * daemon, at every start: a file that lacks a name which the migrations give is damaged.
 */
import { hash } from 'node:crypto';
import { type Database, migrate, openDatabase, storage } from './database.ts';
import { StorageError } from './ports.ts';

/** What `columnsOf` says once all migrations have run: kept, since to run them takes as long as the rest of a start. */
export const JOURNAL_COLUMNS = 'bff14b9ea8d16c1d';
export const GRANTS_COLUMNS = '73f7fe129ac30a9b';

/** The names of all tables and columns, as eight bytes of a hash in hex. */
export function columnsOf(db: Database): string {
  return hash('sha256', namesIn(db).join()).slice(0, 16);
}

/**
 * `usual` is only the quick answer: where it is another, what the migrations make now decides.
 * @throws StorageError `corrupt`
 */
export function checkColumns(db: Database, usual: string, migrations: string): void {
  if (columnsOf(db) === usual) return;
  const there = new Set(namesIn(db));
  const missing = namesMade(migrations).find((name) => !there.has(name));
  if (missing !== undefined) throw new StorageError('corrupt', `${missing} is not there`);
}

function namesMade(migrations: string): readonly string[] {
  const db = openDatabase(':memory:');
  try {
    migrate(db, migrations);
    return namesIn(db);
  } finally {
    db.close();
  }
}

/** `table.column` of each, sorted. */
function namesIn(db: Database): readonly string[] {
  const rows = storage(() =>
    db
      .prepare<[], [string]>(
        `SELECT m.name || '.' || c.name FROM sqlite_schema m, pragma_table_info(m.name) c
          WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' ORDER BY m.name, c.name`,
      )
      .raw()
      .all(),
  );
  return rows.map(([name]) => name);
}
