/**
 * The writing side of a `grants` file: changes with their revision guard, digests, version and cursors in one
 * transaction. Runs in the writer's thread, or in the main thread for tests.
 */
import { instant } from '../../drivers/contract/time.ts';
import { type CredentialIndex, grantId } from '../access/model.ts';
import { codeBytes, codeKeys, FIRST_CODE } from './code-numbers.ts';
import { type Database, storage } from './database.ts';
import { BUCKETS, type ByteText, bucketOf, GrantDigest, grantHash } from './digest.ts';
import { grantInsert, treeInsert } from './grant-insert.ts';
import { firstCode, type GrantRow, type KeyRow, type RowWrite, treesOf } from './grant-rows.ts';
import type { GrantChange, GrantWriteResult, PutOutcome } from './ports.ts';

export interface Tombstone {
  readonly grant: string;
  readonly rev: number;
  readonly at: number;
}

/** Instants of one grant under other zone rules. */
export interface Rezoned {
  readonly id: string;
  readonly rev: number;
  readonly starts: number | null;
  readonly ends: number | null;
}

type Held = [
  num: number,
  rev: number,
  source: string,
  gone: number | null,
  revoked: number | null,
  holder: string,
];

export class GrantFile {
  readonly #db: Database;
  readonly #to: ReturnType<typeof prepare>;
  readonly #digests = new Map<string, GrantDigest>();
  /** Live grants more or fewer than the file says, by source. */
  readonly #counts = new Map<string, number>();

  constructor(db: Database) {
    this.#db = db;
    this.#to = storage(() => prepare(db));
  }

  write(write: RowWrite): GrantWriteResult {
    const { source, version } = write;
    const have = this.#to.version.get(source)?.[0] ?? 0;
    if (version !== undefined && (version.from ?? 0) !== have) return { kind: 'conflict', have };
    return this.#transaction(() => {
      const outcomes = write.changes.map((change) => {
        switch (change.kind) {
          case 'put':
            return this.put(change.row);
          case 'revoke':
            return this.revoke(change);
          case 'forget':
            return this.forget(change.grant);
          case 'put-key':
            return this.putKey(change.row);
          case 'remove-key':
            return this.#removeKey(change);
          default:
            return change satisfies never;
        }
      });
      if (version !== undefined) this.#to.setVersion.run(source, version.to);
      for (const { name, value } of write.cursors ?? []) {
        this.#to.cursor.run(source, name, JSON.stringify(value));
      }
      return { kind: 'written', outcomes };
    });
  }

  applyTombstones(all: readonly Tombstone[]): void {
    this.#transaction(() => {
      for (const tombstone of all) this.revokeRow(tombstone);
    });
  }

  /** Inside a transaction of the caller's. */
  revokeRow({ grant, rev, at }: Tombstone): PutOutcome {
    return this.revoke({ kind: 'revoke', grant: grantId(grant), rev, at: instant(at) });
  }

  rezone(rows: readonly Rezoned[], tzdata: string | undefined): void {
    this.#transaction(() => {
      for (const { id, rev, starts, ends } of rows) {
        this.#to.window.run(starts, ends, bucketOf(id), id, rev);
      }
      if (tzdata !== undefined) this.#to.meta.run('tzdata', tzdata);
    });
  }

  /** Takes away a source's grants, version and cursors: they are older than what is known to have been here. */
  forgetSource(source: string): void {
    this.#transaction(() => {
      const nums = this.#db
        .prepare<[string], [number]>('SELECT num FROM grants WHERE source = +?')
        .raw()
        .all(source);
      for (const [num] of nums) this.#remove(num);
      for (const table of ['cursor', 'digest']) {
        this.#db.prepare<[string], unknown>(`DELETE FROM ${table} WHERE source = ?`).run(source);
      }
      this.#db.prepare<[string], unknown>('DELETE FROM source WHERE name = ?').run(source);
      this.#digests.delete(source);
      this.#counts.delete(source);
    });
  }

  /** Inside a transaction of the caller's, as are the next five. */
  put(row: GrantRow): PutOutcome {
    const bucket = bucketOf(row.id);
    const tombstone = this.#to.tombstoneOf.get(row.id)?.[0];
    if (tombstone !== undefined && tombstone >= row.rev) return 'stale';
    const held = this.#to.held.get(bucket, row.id);
    if (held !== undefined) {
      const [, rev, source, gone] = held;
      // An id belongs to who brought it first: no vendor rewrites another's grant.
      if (source !== row.source || rev > row.rev) return 'stale';
      if (rev === row.rev && gone === null) return 'same';
      if (isLive(held)) this.#count(source, bucket, grantHash(row.id, rev), -1);
      this.#replace(held, row);
    } else {
      this.#to.insert(bucket, row);
    }
    this.#count(row.source, bucket, grantHash(row.id, row.rev), 1);
    return 'stored';
  }

  /** Only what differs: each tree that is left alone is a page less to write, and most revisions keep their codes. */
  #replace([num, , , , , holder]: Held, row: GrantRow): void {
    const { codes, slots } = this.#treesOf(num);
    const { rev, starts, ends, local, doc } = row;
    this.#to.change.run(rev, starts, ends, local, doc, ...firstCode(row), num);
    if (row.holder !== holder) this.#to.holder.run(row.holder, num);
    const keys = codeKeys(row.codes);
    for (const key of codeKeys(codes)) if (!keys.includes(key)) this.#to.codeGone.run(key, num);
    const isIn = (all: GrantRow['slots'], one: GrantRow['slots'][number]) =>
      all.some(({ box, slot }) => box === one.box && slot === one.slot);
    for (const each of slots) {
      if (!isIn(row.slots, each)) this.#to.slotGone.run(each.box, each.slot, num);
    }
    this.#to.found(
      {
        codes: row.codes.filter((code) => !codes.includes(code)),
        slots: row.slots.filter((each) => !isIn(slots, each)),
      },
      num,
    );
  }

  /** The row stays, out of the digest: its code goes on to be known as revoked, and takes a key back. */
  revoke({ grant, rev, at }: Extract<GrantChange, { kind: 'revoke' }>): PutOutcome {
    const bucket = bucketOf(grant);
    const before = this.#to.tombstoneOf.get(grant)?.[0];
    if (before !== undefined && before >= rev) return before === rev ? 'same' : 'stale';
    const held = this.#to.held.get(bucket, grant);
    const wasLive = held !== undefined && isLive(held);
    this.#to.tombstone.run(grant, rev, Math.trunc(at));
    if (held === undefined) return 'stored';
    const [num, heldRev, source] = held;
    if (heldRev > rev) return 'stale';
    this.#to.revoke.run(rev, Math.trunc(at), num);
    if (wasLive) this.#count(source, bucket, grantHash(grant, heldRev), -1);
    return 'stored';
  }

  forget(grant: string): PutOutcome {
    const held = this.#to.held.get(bucketOf(grant), grant);
    if (held === undefined) return 'same';
    if (isLive(held)) return 'stale';
    this.#remove(held[0]);
    return 'stored';
  }

  /** Takes the row of an id away that is another source's than this one. */
  yieldTo(source: string, id: string): void {
    const bucket = bucketOf(id);
    const held = this.#to.held.get(bucket, id);
    if (held === undefined || held[2] === source) return;
    if (isLive(held)) this.#count(held[2], bucket, grantHash(id, held[1]), -1);
    this.#remove(held[0]);
  }

  putKey(row: KeyRow): PutOutcome {
    const held = this.#to.key.get(row.id);
    if (held !== undefined) {
      const [rev, source] = held;
      if (source !== row.source || rev > row.rev) return 'stale';
      if (rev === row.rev) return 'same';
    }
    this.#to.putKey.run(
      row.id,
      row.rev,
      row.source,
      row.fob === null ? null : codeBytes(row.fob),
      row.doc,
    );
    return 'stored';
  }

  /** Writes down digests and counts that changed; `write` and the others do it themselves. */
  flush(): void {
    for (const [source, digest] of this.#digests) {
      for (const bucket of digest.takeChanged()) {
        this.#to.digest.run(source, bucket, digest.bucket(bucket));
      }
    }
    for (const [source, by] of this.#counts) this.#to.count.run(source, Math.max(0, by), by);
    this.#counts.clear();
  }

  #removeKey({ key, rev }: Extract<GrantChange, { kind: 'remove-key' }>): PutOutcome {
    const held = this.#to.key.get(key);
    // Nobody's yet: who asked has no say in whose it will be.
    if (held === undefined || held[0] > rev) return 'stale';
    if (held[2] === null && held[0] === rev) return 'same';
    this.#to.putKey.run(key, rev, held[1], null, null);
    return 'stored';
  }

  #transaction<Result>(body: () => Result): Result {
    try {
      return storage(() =>
        this.#db
          .transaction(() => {
            const result = body();
            this.flush();
            return result;
          })
          .immediate(),
      );
    } catch (error) {
      // What was summed in memory is not what the file holds.
      this.#digests.clear();
      this.#counts.clear();
      throw error;
    }
  }

  #remove(num: number): void {
    const { codes, slots } = this.#treesOf(num);
    for (const key of codeKeys(codes)) this.#to.codeGone.run(key, num);
    for (const { box, slot } of slots) this.#to.slotGone.run(box, slot, num);
    this.#to.gone.run(num);
  }

  /** The trees are keyed by code and by slot; what a grant has in them is read from its row. */
  #treesOf(num: number): Pick<GrantRow, 'codes' | 'slots'> {
    const row = this.#to.trees.get(num);
    return row === undefined ? { codes: [], slots: [] } : treesOf(...row);
  }

  #count(source: string, bucket: number, hash: ByteText, by: 1 | -1): void {
    let digest = this.#digests.get(source);
    if (digest === undefined) {
      digest = readDigest(this.#db, source);
      this.#digests.set(source, digest);
    }
    digest.toggle(bucket, hash);
    this.#counts.set(source, (this.#counts.get(source) ?? 0) + by);
  }
}

/** Counted and in the digest: neither under a tombstone nor left out of a snapshot. */
function isLive([, , , gone, revoked]: Held): boolean {
  return gone === null && revoked === null;
}

export function readDigest(db: Database, source: string): GrantDigest {
  const digest = new GrantDigest();
  const rows = db
    .prepare<[string], [number, Buffer]>('SELECT bucket, sum FROM digest WHERE source = +?')
    .raw()
    .all(source);
  for (const [bucket, sum] of rows) if (bucket < BUCKETS) digest.setBucket(bucket, sum);
  return digest;
}

function prepare(db: Database) {
  return {
    version: db.prepare<[string], [number]>('SELECT version FROM source WHERE name = +?').raw(),
    setVersion: db.prepare<[string, number], unknown>(
      'INSERT INTO source (name, version) VALUES (?, ?) ON CONFLICT DO UPDATE SET version = excluded.version',
    ),
    count: db.prepare<[string, number, number], unknown>(
      'INSERT INTO source (name, count) VALUES (?, ?) ON CONFLICT DO UPDATE SET count = count + ?',
    ),
    cursor: db.prepare<[string, string, string], unknown>(
      'INSERT INTO cursor VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value',
    ),
    digest: db.prepare<[string, number, Buffer], unknown>(
      'INSERT OR REPLACE INTO digest VALUES (?, ?, ?)',
    ),
    meta: db.prepare<[string, string], unknown>('INSERT OR REPLACE INTO meta VALUES (?, ?)'),
    held: db
      .prepare<[number, string], Held>(
        'SELECT num, rev, source, gone, revoked, holder FROM grants WHERE bucket = +? AND id = +?',
      )
      .raw(),
    tombstoneOf: db.prepare<[string], [number]>('SELECT rev FROM tombstone WHERE id = +?').raw(),
    tombstone: db.prepare<[string, number, number], unknown>(
      `INSERT INTO tombstone VALUES (?, ?, ?)
       ON CONFLICT DO UPDATE SET rev = excluded.rev, at = excluded.at WHERE excluded.rev > rev`,
    ),
    insert: grantInsert(db),
    found: treeInsert(db),
    change: db.prepare<unknown[], unknown>(
      `UPDATE grants SET rev = ?, starts = ?, ends = ?, local = ?, doc = ?,
         code = ?, code_middle = ?, code_last = ?, gone = NULL, revoked = NULL, revoked_at = NULL WHERE num = ?`,
    ),
    revoke: db.prepare<[number, number, number], unknown>(
      'UPDATE grants SET revoked = ?, revoked_at = ? WHERE num = ?',
    ),
    // By itself: SQLite writes an index anew whenever its column is named, whatever the value.
    holder: db.prepare<[string, number], unknown>('UPDATE grants SET holder = ? WHERE num = ?'),
    trees: db
      .prepare<[number], [string, CredentialIndex | null]>(
        `SELECT g.doc, ${FIRST_CODE} FROM grants g WHERE g.num = +?`,
      )
      .raw(),
    codeGone: db.prepare<[number, number], unknown>(
      'DELETE FROM credential WHERE code = ? AND num = ?',
    ),
    slotGone: db.prepare<[string, number, number], unknown>(
      'DELETE FROM slot WHERE box = ? AND slot = ? AND num = ?',
    ),
    gone: db.prepare<[number], unknown>('DELETE FROM grants WHERE num = ?'),
    window: db.prepare<[number | null, number | null, number, string, number], unknown>(
      'UPDATE grants SET starts = ?, ends = ? WHERE bucket = ? AND id = ? AND rev = ?',
    ),
    key: db
      .prepare<[string], [number, string, string | null]>(
        'SELECT rev, source, doc FROM key WHERE id = +?',
      )
      .raw(),
    putKey: db.prepare<[string, number, string, Buffer | null, string | null], unknown>(
      'INSERT OR REPLACE INTO key VALUES (?, ?, ?, ?, ?)',
    ),
  };
}
