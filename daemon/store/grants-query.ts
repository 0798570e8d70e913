/**
 * What decisions ask of a file of grants: one statement a lookup, prepared once, over trees that are a few pages deep.
 * `+?` keeps SQLite from planning anew at each bind (performance.md, trap T1); no ANALYZE, no mmap.
 */
import type { DeviceId, SlotNumber } from '../../drivers/contract/device.ts';
import type { Instant } from '../../drivers/contract/time.ts';
import type { Json } from '../access/entry.ts';
import type { GrantLookup, GrantMatch, StoredGrant } from '../access/lookup.ts';
import {
  type CredentialIndex,
  type GrantId,
  grantId,
  type HolderId,
  holderId,
  type Key,
  type KeyId,
} from '../access/model.ts';
import { CODE_TEXT, codeBytes, codeNumbers } from './code-numbers.ts';
import { type Database, type Statement, storage } from './database.ts';
import { bucketOf, type GrantDigest } from './digest.ts';
import {
  jsonFrom,
  keyFrom,
  STORED_COLUMNS,
  type StoredTuple,
  slotNumbers,
  stateFrom,
  storedColumns,
  storedFrom,
} from './grant-rows.ts';
import { readDigest, type Tombstone } from './grants-file.ts';
import type { GrantLine, GrantList, HolderList } from './ports.ts';
import { TOMBSTONE_SUM } from './tombstone-sum.ts';

const LIMIT_MAX = 1000;
const LIVE = 'g.gone IS NULL AND g.revoked IS NULL';

/**
 * The statement of every presentation: middle, last and key of the code. CROSS JOIN fixes the order: from the code to
 * its grants. The first code of a grant is told only where it is another than the one shown: a text less to make.
 */
export const BY_CREDENTIAL = `SELECT ${storedColumns(
  `iif(g.code = c.code AND g.code_middle = +? AND g.code_last = +?, NULL, ${CODE_TEXT})`,
)} FROM credential c CROSS JOIN grants g ON g.num = c.num WHERE c.code = +?`;

export class GrantReader implements GrantLookup {
  readonly #db: Database;
  readonly #to: ReturnType<typeof prepare>;
  #prepared: ReturnType<typeof prepareOthers> | undefined;
  readonly #lists = new Map<string, Statement<(string | number)[], StoredTuple>>();

  constructor(db: Database) {
    this.#db = db;
    this.#to = storage(() => prepare(db));
  }

  get #others(): ReturnType<typeof prepareOthers> {
    this.#prepared ??= prepareOthers(this.#db);
    return this.#prepared;
  }

  byCredential(index: CredentialIndex): readonly GrantMatch[] {
    const [key, middle, last] = codeNumbers(index);
    const rows = storage(() => this.#to.byCredential.all(middle, last, key));
    const found: GrantMatch[] = [];
    for (const row of rows) {
      const { grant, window, revoked } = storedFrom(row, index);
      // None has it where another code only begins alike.
      const credential = grant.credentials.find((each) => each.index === index);
      if (credential !== undefined) found.push({ grant, window, revoked, credential });
    }
    return found;
  }

  grant(id: GrantId): StoredGrant | undefined {
    const row = storage(() => this.#to.byId.get(bucketOf(id), id));
    return row === undefined ? undefined : storedFrom(row);
  }

  grantsOf(holder: HolderId): readonly StoredGrant[] {
    return storage(() => this.#others.byHolder.all(holder)).map((row) => storedFrom(row));
  }

  key(id: KeyId): Key | undefined {
    const row = storage(() => this.#to.key.get(id));
    return row === undefined ? undefined : keyFrom(row[0]);
  }

  keyByFob(fob: CredentialIndex): Key | undefined {
    const row = storage(() => this.#to.keyByFob.get(codeBytes(fob)));
    return row === undefined ? undefined : keyFrom(row[0]);
  }

  keys(): readonly Key[] {
    return storage(() => this.#others.keys.all()).map(([doc]) => keyFrom(doc));
  }

  reservedSlots(box: DeviceId, at: Instant): readonly SlotNumber[] {
    const rows = storage(() => this.#to.slots.all(box));
    const live = rows
      .filter(([, starts, ends]) => (starts ?? at) <= at && at < (ends ?? Number.POSITIVE_INFINITY))
      .filter(([, , , doc]) => stateFrom(doc) === 'active');
    return slotNumbers(new Set(live.map(([slot]) => slot)));
  }

  version(source: string): number {
    return storage(() => this.#to.source.get(source))?.[0] ?? 0;
  }

  /** PINs of so many digits in grants that hold at `at` or later; reads every grant. */
  activePins(digits: number, at: Instant): number {
    return storage(() => this.#others.activePins.get(at, digits))?.[0] ?? 0;
  }

  count(source?: string): number {
    if (source !== undefined) return storage(() => this.#to.source.get(source))?.[1] ?? 0;
    return storage(() => this.#others.total.get())?.[0] ?? 0;
  }

  sources(): readonly { readonly source: string; readonly version: number }[] {
    return storage(() => this.#to.sources.all()).map(([source, version]) => ({ source, version }));
  }

  cursor(source: string, name: string): Json | undefined {
    const row = storage(() => this.#others.cursor.get(source, name));
    return row === undefined ? undefined : jsonFrom(row[0]);
  }

  digest(source: string): GrantDigest {
    return storage(() => readDigest(this.#db, source));
  }

  idsInBucket(source: string, bucket: number): readonly { id: GrantId; rev: number }[] {
    return storage(() => this.#others.bucket.all(bucket, source)).map(([id, rev]) => ({
      id: grantId(id),
      rev,
    }));
  }

  /** In the order of `bucketOf(id)`, then id, since that is the order of the tree; `after` goes on in it. */
  list(query: GrantList): readonly StoredGrant[] {
    return this.lines(query).map((line) => line.read());
  }

  lines(query: GrantList): readonly GrantLine[] {
    const conditions = [LIVE];
    const values: (string | number)[] = [];
    const add = (condition: string, ...bound: (string | number)[]) => {
      conditions.push(condition);
      values.push(...bound);
    };
    if (query.after !== undefined)
      add('(g.bucket, g.id) > (+?, +?)', bucketOf(query.after), query.after);
    if (query.bucket !== undefined) add('g.bucket = +?', query.bucket);
    if (query.holder !== undefined) add('g.holder = +?', query.holder);
    if (query.source !== undefined) add('g.source = +?', query.source);
    if (query.target !== undefined) {
      add(
        "instr(g.doc, +?) > 0 AND EXISTS (SELECT 1 FROM json_each(g.doc, '$[3]') a WHERE json_extract(a.value, '$[1]') = +?)",
        JSON.stringify(query.target),
        query.target,
      );
    }
    if (query.text !== undefined) {
      const text = query.text.toLowerCase();
      add(
        '(instr(lower(g.id), +?) > 0 OR instr(lower(g.holder), +?) > 0 OR instr(lower(g.doc), +?) > 0)',
        text,
        text,
        text,
      );
    }
    values.push(Math.max(0, Math.min(LIMIT_MAX, Math.trunc(query.limit))));
    const sql = `SELECT ${STORED_COLUMNS} FROM grants g WHERE ${conditions.join(' AND ')} ORDER BY g.bucket, g.id LIMIT +?`;
    return storage(() => {
      let statement = this.#lists.get(sql);
      if (statement === undefined) {
        statement = this.#db.prepare<(string | number)[], StoredTuple>(sql).raw();
        this.#lists.set(sql, statement);
      }
      return statement
        .all(...values)
        .map((row) => ({ text: row.join('\u0000'), read: () => storedFrom(row) }));
    });
  }

  /** The last id, gone ones among them, in the order of the tree. */
  lastIdIn(bucket: number): string | undefined {
    return storage(() => this.#others.lastId.get(bucket))?.[0] ?? undefined;
  }

  /** The bucket that an id lies in, where more after it may be. */
  bucketAfter(id: string | undefined): number {
    return id === undefined ? 0 : bucketOf(id);
  }

  /** Holders in the order of their ids, each once, with how many grants there are for them. */
  holders(query: HolderList): readonly { readonly holder: HolderId; readonly grants: number }[] {
    const { text = '', after = '', limit } = query;
    const most = Math.max(0, Math.min(LIMIT_MAX, Math.trunc(limit)));
    return storage(() => this.#others.holders.all(after, text.toLowerCase(), most)).map(
      ([holder, grants]) => ({ holder: holderId(holder), grants }),
    );
  }

  meta(name: string): string | undefined {
    return storage(() => this.#to.meta.get(name))?.[0];
  }

  /** Grants whose instants follow from zone rules. */
  local(): Iterable<StoredGrant> {
    return this.#walk(this.#others.local);
  }

  /** Grants whose week goes by the site's clock, and some that only look so; a walk through all there are. */
  onSiteTime(): Iterable<StoredGrant> {
    return this.#walk(this.#others.onSiteTime);
  }

  /** Some at a time. */
  *#walk(from: Statement<[number], [number, ...StoredTuple]>): Iterable<StoredGrant> {
    let after = 0;
    for (;;) {
      const rows = storage(() => from.all(after));
      for (const [num, ...row] of rows) {
        after = num;
        yield storedFrom(row);
      }
      if (rows.length === 0) return;
    }
  }

  tombstoneSum(): string {
    return storage(() => this.#to.tombstoneSum.get())?.[0] ?? '';
  }

  /** Those of which the copy has neither the same nor a later one. */
  lacks(tombstones: Iterable<Tombstone>): readonly Tombstone[] {
    return [...tombstones].filter(({ grant, rev }) => {
      const held = storage(() => this.#others.tombstone.get(grant))?.[0];
      return held === undefined || held < rev;
    });
  }

  tombstones(): readonly Tombstone[] {
    return storage(() => this.#others.tombstones.all()).map(([grant, rev, at]) => ({
      grant,
      rev,
      at,
    }));
  }
}

function stored<Bind extends unknown[]>(db: Database, where: string) {
  return db
    .prepare<Bind, StoredTuple>(`SELECT ${STORED_COLUMNS} FROM grants g WHERE ${where}`)
    .raw();
}

/** For a start and for decisions. */
function prepare(db: Database) {
  return {
    byCredential: db.prepare<[number, number, number], StoredTuple>(BY_CREDENTIAL).raw(),
    byId: stored<[number, string]>(db, 'g.bucket = +? AND g.id = +?'),
    key: db
      .prepare<[string], [string]>('SELECT doc FROM key WHERE id = +? AND doc IS NOT NULL')
      .raw(),
    keyByFob: db
      .prepare<[Buffer], [string]>('SELECT doc FROM key WHERE fob = +? AND doc IS NOT NULL')
      .raw(),
    slots: db
      .prepare<[string], [number, number | null, number | null, string]>(
        `SELECT s.slot, g.starts, g.ends, g.doc FROM slot s CROSS JOIN grants g ON g.num = s.num
         WHERE s.box = +? AND ${LIVE} ORDER BY s.slot`,
      )
      .raw(),
    source: db
      .prepare<[string], [number, number]>('SELECT version, count FROM source WHERE name = +?')
      .raw(),
    sources: db.prepare<[], [string, number]>('SELECT name, version FROM source').raw(),
    meta: db.prepare<[string], [string]>('SELECT value FROM meta WHERE name = +?').raw(),
    tombstoneSum: db.prepare<[], [string]>(TOMBSTONE_SUM).raw(),
  };
}

/** For lists and for who tells us of grants: no first decision waits for these. */
function prepareOthers(db: Database) {
  return {
    byHolder: stored<[string]>(db, 'g.holder = +?'),
    keys: db.prepare<[], [string]>('SELECT doc FROM key WHERE doc IS NOT NULL ORDER BY id').raw(),
    activePins: db
      .prepare<[number, number], [number]>(
        `SELECT count(*) FROM grants, json_each(grants.doc, '$[2]') AS one
         WHERE (ends IS NULL OR ends > +?) AND gone IS NULL
           AND json_extract(one.value, '$[1]') = 'pin'
           AND coalesce(json_extract(one.value, '$[3].digits'), json_extract(one.value, '$[3]')) = +?`,
      )
      .raw(),
    total: db.prepare<[], [number]>('SELECT coalesce(sum(count), 0) FROM source').raw(),
    cursor: db
      .prepare<[string, string], [string]>(
        'SELECT value FROM cursor WHERE source = +? AND name = +?',
      )
      .raw(),
    bucket: db
      .prepare<[number, string], [string, number]>(
        `SELECT g.id, g.rev FROM grants g WHERE g.bucket = +? AND g.source = +? AND ${LIVE} ORDER BY g.id`,
      )
      .raw(),
    lastId: db
      .prepare<[number], [string | null]>('SELECT max(id) FROM grants WHERE bucket = +?')
      .raw(),
    // Revoked grants count: whoever had one is somebody who may have a key.
    holders: db
      .prepare<[string, string, number], [string, number]>(
        `SELECT holder, count(*) FROM grants WHERE holder > +? AND instr(lower(holder), +?) > 0
         GROUP BY holder ORDER BY holder LIMIT +?`,
      )
      .raw(),
    local: db
      .prepare<[number], [number, ...StoredTuple]>(
        `SELECT g.num, ${STORED_COLUMNS} FROM grants g WHERE g.num > +? AND g.local = 1 ORDER BY g.num LIMIT 500`,
      )
      .raw(),
    onSiteTime: db
      .prepare<[number], [number, ...StoredTuple]>(
        `SELECT g.num, ${STORED_COLUMNS} FROM grants g
         WHERE g.num > +? AND instr(g.doc, '"zone":"site"') > 0 ORDER BY g.num LIMIT 500`,
      )
      .raw(),
    tombstone: db.prepare<[string], [number]>('SELECT rev FROM tombstone WHERE id = +?').raw(),
    tombstones: db.prepare<[], [string, number, number]>('SELECT id, rev, at FROM tombstone').raw(),
  };
}
