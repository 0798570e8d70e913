/**
 * A full picture of one source, built as a file of its own: rows first, then the trees in their order (a third of the
 * time of inserting into them, performance.md 6), then what other sources have and what came meanwhile. Runs in a
 * thread of its own, so that revocations go on being written to the live file.
 */
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
import { codeBytes, type GrantRow } from './grant-rows.ts';
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

export class GrantBuild {
  readonly #db: Database;
  readonly #indexes: readonly [name: string, sql: string][];
  readonly #insert: Statement<unknown[], unknown>;
  readonly #stageCode: Statement<[Buffer, number], unknown>;
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
    db.exec('CREATE TEMP TABLE code (code BLOB NOT NULL, num INTEGER NOT NULL)');
    this.#insert = db.prepare<unknown[], unknown>(RAW_INSERT);
    this.#stageCode = db.prepare<[Buffer, number], unknown>('INSERT INTO temp.code VALUES (?, ?)');
    this.#slot = db.prepare<[string, number, number], unknown>(
      'INSERT OR IGNORE INTO slot VALUES (?, ?, ?)',
    );
  }

  part(rows: readonly GrantRow[]): void {
    storage(() =>
      this.#db.transaction(() => {
        for (const row of rows) this.#stage(row);
      })(),
    );
  }

  /** The long part. When the sums differ nothing else is done. */
  finish(live: Database, order: FinishOrder): { readonly isSame: boolean; readonly have: string } {
    return storage(() => {
      const have = this.#withoutDoubles();
      if (have !== order.digest) return { isSame: false, have };
      const db = this.#db;
      db.transaction(() => {
        copyWhole(live, db, ['meta', 'tombstone', 'key']);
        this.#dropDead(order.source);
        this.#copyGrants(live, order);
        db.exec(
          'INSERT INTO credential SELECT DISTINCT code, num FROM temp.code ORDER BY code, num',
        );
        for (const [name, sql] of this.#indexes) if (name !== UNIQUE_INDEX) db.exec(sql);
        this.#writeSums(order.source);
      })();
      db.transaction(() => keepNewer(live, db, order.source))();
      db.exec('DROP TABLE temp.code');
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

  #stage(row: GrantRow): void {
    const bucket = bucketOf(row.id);
    const { id, source, rev, holder, starts, ends, local, doc } = row;
    const num = this.#insert.run(
      bucket,
      id,
      source,
      rev,
      holder,
      starts,
      ends,
      local,
      null,
      doc,
    ).lastInsertRowid;
    this.#stageTrees(row, Number(num));
    this.#digest.toggle(bucket, grantHash(id, rev));
    this.#count += 1;
  }

  #stageTrees({ codes, slots }: Pick<GrantRow, 'codes' | 'slots'>, num: number): void {
    for (const code of codes) this.#stageCode.run(codeBytes(code), num);
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
    const tombstones = this.#db
      .prepare<[], [string, number]>('SELECT id, rev FROM tombstone')
      .raw()
      .all();
    const held = this.#db
      .prepare<[number, string, string], [number]>(
        'SELECT rev FROM grants WHERE bucket = +? AND id = +? AND source = +?',
      )
      .raw();
    for (const [id, tombstone] of tombstones) {
      const bucket = bucketOf(id);
      const rev = held.get(bucket, id, source)?.[0];
      if (rev !== undefined && tombstone >= rev) this.#uncount(bucket, id, rev);
    }
  }

  /** Other sources' rows as they are; of this source only those under a tombstone, and not for ever. */
  #copyGrants(live: Database, { source, now }: FinishOrder): void {
    const rows = live
      .prepare<[string, number], RawGrant>(
        `SELECT ${RAW_COLUMNS} FROM grants g LEFT JOIN tombstone t ON t.id = g.id
         WHERE g.source <> +? OR (t.rev >= g.rev AND t.at > +?)`,
      )
      .raw();
    const held = this.#db
      .prepare<[number, string], [number, number]>(
        'SELECT num, rev FROM grants WHERE bucket = +? AND id = +?',
      )
      .raw();
    const drop = this.#db.prepare<[number], unknown>('DELETE FROM grants WHERE num = ?');
    const dropCodes = this.#db.prepare<[number], unknown>('DELETE FROM temp.code WHERE num = ?');
    for (const row of rows.iterate(source, now - REVOKED_KEPT_MS)) {
      const [bucket, id, owner] = row;
      const mine = held.get(bucket, id);
      if (mine !== undefined && owner === source) continue;
      if (mine !== undefined) {
        // An id belongs to who brought it first; the snapshot does not take another source's grant.
        drop.run(mine[0]);
        dropCodes.run(mine[0]);
        this.#uncount(bucket, id, mine[1]);
      }
      const num = Number(this.#insert.run(...row).lastInsertRowid);
      this.#stageTrees(rowOf(row), num);
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
