/**
 * A full picture of one source, built as a file of its own: rows first, then the trees in their order (a third of the
 * time of inserting into them, performance.md 6), then what other sources have and what came meanwhile. Runs in a
 * thread of its own, so that revocations go on being written to the live file.
 */
import { codeKeys } from './code-numbers.ts';
import {
  type Database,
  GRANTS_MIGRATIONS,
  migrate,
  openDatabase,
  openScratch,
  type Statement,
  storage,
  syncFile,
} from './database.ts';
import { BUCKETS, bucketOf, GrantDigest, grantHash } from './digest.ts';
import type { GrantColumns } from './grant-columns.ts';
import { INSERT_COLUMNS } from './grant-insert.ts';
import type { GrantRow } from './grant-rows.ts';
import {
  type CatchUpOrder,
  catchUp,
  copyWhole,
  keepNewer,
  RAW_COLUMNS,
  RAW_INSERT,
  type RawGrant,
  rowOf,
} from './grants-merge.ts';

/** Rows under a tombstone are carried along this long, since a key may still be brought back with their code. */
const REVOKED_KEPT_MS = 90 * 86_400_000;

export interface FinishOrder {
  readonly source: string;
  /** What the sender says that its grants sum up to. */
  readonly digest: string;
  readonly now: number;
}

const UNIQUE_INDEX = 'grants_id';
/** Rows a statement: by twenties they take three quarters of the time of one by one. */
const TOGETHER = 20;
const ROW = '(?, ?, @source, ?, ?, ?, ?, ?, ?, ?, ?, ?)';

/**
 * Whoever sends grants has those of one holder together, more or less: to sort them in pieces is no quicker, and in
 * one piece, up to a million, nothing of it waits in a file.
 */
const IN_ONE_PIECE_KIB = 40_000;

export class GrantBuild {
  readonly #db: Database;
  readonly #indexes: readonly [name: string, sql: string][];
  readonly #inserts = new Map<number, Statement<unknown[], unknown>>();
  readonly #stageCode: Statement<[number, number], unknown>;
  readonly #slot: Statement<[string, number, number], unknown>;
  #digest = new GrantDigest();
  #count = 0;

  /** `path` undefined builds in memory. */
  constructor(path: string | undefined) {
    this.#db = path === undefined ? openDatabase(':memory:') : openScratch(path);
    const db = this.#db;
    migrate(db, GRANTS_MIGRATIONS);
    this.#indexes = db
      .prepare<[], [string, string]>(
        "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL",
      )
      .raw()
      .all();
    for (const [name] of this.#indexes) db.exec(`DROP INDEX ${name}`);
    // Of grants that have several: the first code lies in the row.
    db.exec('CREATE TEMP TABLE code (code INTEGER NOT NULL, num INTEGER NOT NULL)');
    this.#stageCode = db.prepare<[number, number], unknown>('INSERT INTO temp.code VALUES (?, ?)');
    this.#slot = db.prepare<[string, number, number], unknown>(
      'INSERT OR IGNORE INTO slot VALUES (?, ?, ?)',
    );
    // One transaction for all parts: nobody reads the file before it is whole.
    db.exec('BEGIN');
  }

  part(columns: GrantColumns): void {
    storage(() => {
      const { ids, buckets, sums } = columns;
      for (const [n, bucket] of buckets.entries()) this.#digest.toggle(bucket, sums, n);
      this.#count += ids.length;
      let first = 0;
      for (let from = 0; from < ids.length; from += TOGETHER) {
        const last = this.#insert(columns, from, Math.min(from + TOGETHER, ids.length));
        if (from === 0) first = last - Math.min(TOGETHER, ids.length) + 1;
      }
      for (const { at, codes, slots } of columns.trees) this.#stageTrees(codes, slots, first + at);
    });
  }

  /** The long part. When the sums differ nothing else is done. */
  finish(live: Database, order: FinishOrder): { readonly isSame: boolean; readonly have: string } {
    return storage(() => {
      const have = this.#withoutDoubles();
      if (have !== order.digest) return { isSame: false, have };
      const db = this.#db;
      copyWhole(live, db, ['meta', 'tombstone', 'key']);
      this.#dropDead(order.source);
      this.#copyGrants(live, order);
      db.exec(
        `INSERT INTO credential SELECT code, num FROM grants WHERE code IS NOT NULL ORDER BY 1, 2;
         INSERT OR IGNORE INTO credential SELECT code, num FROM temp.code ORDER BY 1, 2`,
      );
      db.pragma(`cache_size = -${IN_ONE_PIECE_KIB}`);
      for (const [name, sql] of this.#indexes) if (name !== UNIQUE_INDEX) db.exec(sql);
      this.#writeSums(order.source);
      keepNewer(live, db, order.source);
      db.exec('COMMIT; DROP TABLE temp.code');
      return { isSame: true, have };
    });
  }

  /** The short part, while nothing is written to the live file. Returns how many grants of the source are live. */
  catchUp(live: Database, order: CatchUpOrder): number {
    return storage(() => this.#db.transaction(() => catchUp(live, this.#db, order))());
  }

  /** Makes it a file like the others; in memory it is handed over as it is. */
  seal(): Database | undefined {
    const db = this.#db;
    if (db.memory) return db;
    storage(() => {
      db.pragma('synchronous = FULL');
      db.pragma('journal_mode = WAL');
      db.close();
      syncFile(db.name);
    });
    return undefined;
  }

  close(): void {
    this.#db.close();
  }

  /** Those from one place to before another; the number of the last. */
  #insert(columns: GrantColumns, from: number, to: number): number {
    const { source, buckets, ids, revs, holders, starts, ends, locals, docs } = columns;
    const { codes, codeMiddles, codeLasts } = columns;
    const values: unknown[] = [];
    for (let n = from; n < to; n++) {
      values.push(buckets[n], ids[n], revs[n], holders[n], starts[n], ends[n], locals[n]);
      values.push(docs[n], codes[n], codeMiddles[n], codeLasts[n]);
    }
    const count = to - from;
    let statement = this.#inserts.get(count);
    if (statement === undefined) {
      const rows = Array.from({ length: count }, () => ROW);
      // A file that fails is thrown away: to be able to undo each statement alone takes SQLite a twentieth of its time.
      statement = this.#db.prepare<unknown[], unknown>(
        `INSERT OR FAIL INTO grants (${INSERT_COLUMNS}) VALUES ${rows.join(', ')}`,
      );
      this.#inserts.set(count, statement);
    }
    // As arguments: an array of them takes SQLite's door 0.3 µs a row longer to read. What all rows share goes once.
    return Number(statement.run(...values, { source }).lastInsertRowid);
  }

  #stageTrees(codes: readonly string[], slots: GrantRow['slots'], num: number): void {
    for (const key of codeKeys(codes.slice(1))) this.#stageCode.run(key, num);
    for (const { box, slot } of slots) this.#slot.run(box, slot, num);
  }

  /** Each id once, with its highest revision. Returns the digest of what is there. */
  #withoutDoubles(): string {
    const db = this.#db;
    const unique = this.#indexes.find(([name]) => name === UNIQUE_INDEX)?.[1] ?? '';
    try {
      db.exec(unique);
      return this.#digest.hex;
    } catch (error) {
      if (!(error instanceof Error && error.message.includes('UNIQUE'))) throw error;
    }
    db.exec(
      `DELETE FROM grants WHERE num NOT IN (
         SELECT num FROM (SELECT num, row_number() OVER
           (PARTITION BY bucket, id ORDER BY rev DESC, num DESC) AS place FROM grants)
         WHERE place = 1);
       DELETE FROM temp.code WHERE num NOT IN (SELECT num FROM grants);
       DELETE FROM slot WHERE num NOT IN (SELECT num FROM grants);
       ${unique}`,
    );
    this.#digest = new GrantDigest();
    this.#count = 0;
    const rows = db
      .prepare<[], [number, string, number]>('SELECT bucket, id, rev FROM grants')
      .raw();
    for (const [bucket, id, rev] of rows.iterate()) {
      this.#digest.toggle(bucket, grantHash(id, rev));
      this.#count += 1;
    }
    return this.#digest.hex;
  }

  /** Those that a tombstone stands above stay as rows, and are not counted. */
  #dropDead(source: string): void {
    const db = this.#db;
    const tombstones = db
      .prepare<[], [string, number, number]>('SELECT id, rev, at FROM tombstone')
      .raw()
      .all();
    const held = db
      .prepare<[number, string, string], [number, number]>(
        'SELECT num, rev FROM grants WHERE bucket = +? AND id = +? AND source = +?',
      )
      .raw();
    const mark = db.prepare<[number, number, number], unknown>(
      'UPDATE grants SET revoked = ?, revoked_at = ? WHERE num = ?',
    );
    for (const [id, tombstone, at] of tombstones) {
      const bucket = bucketOf(id);
      const [num, rev] = held.get(bucket, id, source) ?? [];
      if (num === undefined || rev === undefined || tombstone < rev) continue;
      mark.run(tombstone, at, num);
      this.#uncount(bucket, id, rev);
    }
  }

  /** Other sources' rows as they are; of this source only those under a tombstone, and not for ever. */
  #copyGrants(live: Database, { source, now }: FinishOrder): void {
    const db = this.#db;
    const rows = live
      .prepare<[string, number], RawGrant>(
        `SELECT ${RAW_COLUMNS} FROM grants g WHERE g.source <> +? OR g.revoked_at > +?`,
      )
      .raw();
    const insert = db.prepare<unknown[], unknown>(RAW_INSERT);
    const held = db
      .prepare<[number, string], [num: number, rev: number, revoked: number | null]>(
        'SELECT num, rev, revoked FROM grants WHERE bucket = +? AND id = +?',
      )
      .raw();
    const drop = ['grants', 'temp.code', 'slot'].map((table) =>
      db.prepare<[number], unknown>(`DELETE FROM ${table} WHERE num = ?`),
    );
    for (const row of rows.iterate(source, now - REVOKED_KEPT_MS)) {
      const [bucket, id, owner] = row;
      const mine = held.get(bucket, id);
      if (mine !== undefined && owner === source) continue;
      if (mine !== undefined) {
        // An id belongs to who brought it first; the snapshot does not take another source's grant.
        const [num, rev, revoked] = mine;
        for (const each of drop) each.run(num);
        if (revoked === null) this.#uncount(bucket, id, rev); // else it was not counted any more
      }
      const { codes, slots } = rowOf(row);
      this.#stageTrees(codes, slots, Number(insert.run(...row).lastInsertRowid));
    }
  }

  #uncount(bucket: number, id: string, rev: number): void {
    this.#digest.toggle(bucket, grantHash(id, rev));
    this.#count -= 1;
  }

  #writeSums(source: string): void {
    const db = this.#db;
    db.prepare<[string, number], unknown>(
      'INSERT OR REPLACE INTO source (name, count) VALUES (?, ?)',
    ).run(source, this.#count);
    const write = db.prepare<[string, number, Buffer], unknown>(
      'INSERT OR REPLACE INTO digest VALUES (?, ?, ?)',
    );
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      write.run(source, bucket, this.#digest.bucket(bucket));
    }
  }
}
