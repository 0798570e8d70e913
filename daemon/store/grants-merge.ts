/** What goes from the live file of grants into the one that will take its place. */
import type { GrantId, HolderId, Vendor } from '../access/model.ts';
import { type CodeNumbers, codeFrom, type NoCode } from './code-numbers.ts';
import type { Database } from './database.ts';
import { bucketOf } from './digest.ts';
import { treeInsert } from './grant-insert.ts';
import { type GrantRow, treesOf } from './grant-rows.ts';
import { GrantFile } from './grants-file.ts';

export const RAW_COLUMNS =
  'g.bucket, g.id, g.source, g.rev, g.holder, g.starts, g.ends, g.local, g.gone, g.doc, g.revoked, g.revoked_at, g.code, g.code_middle, g.code_last';
export const RAW_INSERT = `INSERT INTO grants
  (bucket, id, source, rev, holder, starts, ends, local, gone, doc, revoked, revoked_at, code, code_middle, code_last)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;
export type RawGrant = [
  bucket: number,
  id: GrantId,
  source: Vendor,
  rev: number,
  holder: HolderId,
  starts: number | null,
  ends: number | null,
  local: 0 | 1,
  gone: number | null,
  doc: string,
  revoked: number | null,
  revokedAt: number | null,
  ...code: CodeNumbers | NoCode,
];

export interface CatchUpOrder {
  readonly source: string;
  readonly version: number;
  /** Ids of grants and keys written to the live file since the build began. */
  readonly touched: readonly string[];
  /** Grants that a key is out under: left out of the snapshot they stay for its return, opening nothing else. */
  readonly held: readonly string[];
  readonly now: number;
}

export function rowOf(raw: RawGrant): GrantRow {
  const [, id, source, rev, holder, starts, ends, local, , doc, , , ...code] = raw;
  return { id, source, rev, holder, starts, ends, local, doc, ...treesOf(doc, codeFrom(code)) };
}

/** Row by row, so that it works between two files and between two databases in memory. */
export function copyWhole(from: Database, to: Database, tables: readonly string[]): void {
  for (const table of tables) copyRows(from, to, table);
}

/** A grant of this source that is newer in the live file than in the snapshot stays: the snapshot is the older word. */
export function keepNewer(live: Database, db: Database, source: string): void {
  const mine = db
    .prepare<[number, string], [number]>('SELECT rev FROM grants WHERE bucket = +? AND id = +?')
    .raw();
  const theirs = live
    .prepare<[string], [number, string, number]>(
      'SELECT bucket, id, rev FROM grants WHERE source = +? AND gone IS NULL ORDER BY bucket, id',
    )
    .raw();
  const file = new GrantFile(db);
  const raw = rawGrant(live);
  for (const [bucket, id, rev] of theirs.iterate(source)) {
    const held = mine.get(bucket, id)?.[0];
    if (held === undefined || held >= rev) continue;
    const row = raw.get(bucket, id);
    if (row !== undefined) file.put(rowOf(row));
  }
  file.flush();
}

/** Inside a transaction; returns how many live grants the source has. */
export function catchUp(live: Database, db: Database, order: CatchUpOrder): number {
  const { source, version, touched, held, now } = order;
  const file = new GrantFile(db);
  const raw = rawGrant(live);
  const tombstone = live
    .prepare<[string], [number, number]>('SELECT rev, at FROM tombstone WHERE id = +?')
    .raw();
  const key = live.prepare<[string], unknown[]>('SELECT * FROM key WHERE id = +?').raw();
  const putKey = db.prepare<unknown[], unknown>(
    'INSERT OR REPLACE INTO key VALUES (?, ?, ?, ?, ?)',
  );
  for (const id of touched) {
    const dead = tombstone.get(id);
    if (dead !== undefined) file.revokeRow({ grant: id, rev: dead[0], at: dead[1] });
    const row = raw.get(bucketOf(id), id);
    // An id belongs to who brought it first, and that is whoever has it in the live file.
    if (row !== undefined) file.yieldTo(row[2], id);
    // A person who was erased meanwhile is not brought back by a picture that is older.
    if (row === undefined) file.forget(id);
    else if (row[8] === null && file.put(rowOf(row)) === 'stale') copyUnlessThere(db, row);
    const keyRow = key.get(id);
    if (keyRow !== undefined) putKey.run(...keyRow);
  }
  for (const id of held) {
    const row = raw.get(bucketOf(id), id);
    if (row === undefined || row[2] !== source) continue;
    const dead = tombstone.get(id);
    const isDead = dead !== undefined && dead[0] >= row[3];
    row[8] ??= isDead ? null : now;
    copyUnlessThere(db, row);
  }
  file.flush();
  copyRows(live, db, 'cursor');
  for (const table of ['source', 'digest']) {
    const name = table === 'source' ? 'name' : 'source';
    db.prepare<[string], unknown>(`DELETE FROM ${table} WHERE ${name} <> ?`).run(source);
    copyRows(live, db, table, `WHERE ${name} <> +?`, source);
  }
  db.prepare<[number, string], unknown>('UPDATE source SET version = ? WHERE name = ?').run(
    version,
    source,
  );
  return (
    db
      .prepare<[string], [number]>('SELECT count FROM source WHERE name = +?')
      .raw()
      .get(source)?.[0] ?? 0
  );
}

function rawGrant(live: Database) {
  return live
    .prepare<[number, string], RawGrant>(
      `SELECT ${RAW_COLUMNS} FROM grants g WHERE g.bucket = +? AND g.id = +?`,
    )
    .raw();
}

/** Outside digest and count: it is revoked or gone. */
function copyUnlessThere(db: Database, row: RawGrant): void {
  const there = db
    .prepare<[number, string], unknown>('SELECT 1 FROM grants WHERE bucket = +? AND id = +?')
    .get(row[0], row[1]);
  if (there !== undefined) return;
  const num = Number(db.prepare<unknown[], unknown>(RAW_INSERT).run(...row).lastInsertRowid);
  treeInsert(db)(rowOf(row), num);
}

function copyRows(
  from: Database,
  to: Database,
  table: string,
  where = '',
  ...bound: string[]
): void {
  const select = from.prepare<string[], unknown[]>(`SELECT * FROM ${table} ${where}`).raw();
  let insert: ReturnType<typeof to.prepare<unknown[], unknown>> | undefined;
  for (const row of select.iterate(...bound)) {
    insert ??= to.prepare<unknown[], unknown>(
      `INSERT OR REPLACE INTO ${table} VALUES (${row.map(() => '?').join(', ')})`,
    );
    insert.run(...row);
  }
}
