/** Reading the journal as it is on the disk: a read-only connection, and prepared statements. */
import type { Instant } from '../../drivers/contract/time.ts';
import { instant } from '../../drivers/contract/time.ts';
import type { Json, RecordedEntry } from '../access/entry.ts';
import type { GrantId } from '../access/model.ts';
import { genesis } from './chain.ts';
import { type Database, type Statement, storage } from './database.ts';
import { ENTRY_COLUMNS, type EntryTuple, entryFrom } from './journal-rows.ts';
import { OutboxLines } from './outbox-lines.ts';
import { type EntryLine, type JournalQuery, StorageError } from './ports.ts';
import { TOMBSTONE_SUM } from './tombstone-sum.ts';

const LIMIT_MAX = 5000;

const SELECT = `SELECT p.hash, ${ENTRY_COLUMNS} FROM entry e LEFT JOIN entry p ON p.seq = e.seq - 1`;

type Row = [prev: Buffer | null, ...EntryTuple];

const LINES = `SELECT e.seq, e.id, e.at, e.state, e.type, e.device, e.sub, coalesce(e.body, '{}'), lower(hex(e.hash))
  FROM entry e`;

type LineTuple = [
  seq: number,
  id: string,
  at: number,
  clock: string,
  type: string,
  device: string | null,
  holder: string | null,
  body: string,
  hash: string,
];

export class JournalReader {
  readonly outbox: OutboxLines;
  readonly #db: Database;
  readonly #epoch: string;
  readonly #entry: Statement<[number], Row>;
  readonly #command: Statement<[string], [string | null, number]>;
  readonly #counter: Statement<[string], [string, string]>;
  readonly #tombstone: Statement<[string], [number, number]>;
  readonly #mark: Statement<[string], [string]>;
  readonly #queries = new Map<string, Statement<(string | number)[], Row>>();
  readonly #lists = new Map<string, Statement<(string | number)[], LineTuple>>();

  constructor(db: Database, epoch: string) {
    this.outbox = new OutboxLines(db, epoch);
    this.#db = db;
    this.#epoch = epoch;
    this.#entry = db.prepare<[number], Row>(`${SELECT} WHERE e.seq = +?`).raw();
    this.#command = db
      .prepare<[string], [string | null, number]>(
        'SELECT reply, expires FROM command WHERE id = +?',
      )
      .raw();
    this.#counter = db
      .prepare<[string], [string, string]>('SELECT highest, window FROM counter WHERE kid = +?')
      .raw();
    this.#tombstone = db
      .prepare<[string], [number, number]>('SELECT rev, at FROM tombstone WHERE id = +?')
      .raw();
    this.#mark = db.prepare<[string], [string]>('SELECT value FROM mark WHERE name = +?').raw();
  }

  entry(seq: number): RecordedEntry | undefined {
    return storage(() => {
      const row = this.#entry.get(seq);
      return row === undefined ? undefined : this.#recorded(row);
    });
  }

  weight(after: number): { readonly entries: number; readonly bytes: number } {
    const sum = this.#db.prepare<[number], [number, number]>(
      "SELECT count(*), coalesce(sum(octet_length(coalesce(body, ''))), 0) FROM entry WHERE seq > +?",
    );
    const [entries = 0, bytes = 0] = storage(() => sum.raw().get(after)) ?? [];
    return { entries, bytes };
  }

  read(query: JournalQuery): readonly RecordedEntry[] {
    const { sql, values } = queryText(SELECT, query);
    return storage(() => {
      let statement = this.#queries.get(sql);
      if (statement === undefined) {
        statement = this.#db.prepare<(string | number)[], Row>(sql).raw();
        this.#queries.set(sql, statement);
      }
      return statement.all(...values).map((row) => this.#recorded(row));
    });
  }

  lines(query: JournalQuery): readonly EntryLine[] {
    const { sql, values } = queryText(LINES, query);
    return storage(() => {
      let statement = this.#lists.get(sql);
      if (statement === undefined) {
        statement = this.#db.prepare<(string | number)[], LineTuple>(sql).raw();
        this.#lists.set(sql, statement);
      }
      return statement
        .all(...values)
        .map(([seq, id, at, clock, type, device, holder, body, hash]) => ({
          seq,
          id,
          at,
          clock,
          type,
          device,
          holder,
          body,
          hash,
        }));
    });
  }

  command(id: string): { reply: Json | undefined; expires: Instant } | undefined {
    const row = storage(() => this.#command.get(id));
    if (row === undefined) return undefined;
    const [reply, expires] = row;
    return { reply: reply === null ? undefined : json(reply), expires: instant(expires) };
  }

  counter(kid: string): { highest: string; window: string } | undefined {
    const row = storage(() => this.#counter.get(kid));
    return row === undefined ? undefined : { highest: row[0], window: row[1] };
  }

  tombstone(grant: GrantId): { rev: number; at: Instant } | undefined {
    const row = storage(() => this.#tombstone.get(grant));
    return row === undefined ? undefined : { rev: row[0], at: instant(row[1]) };
  }

  tombstoneSum(): string {
    return storage(() => this.#db.prepare<[], [string]>(TOMBSTONE_SUM).raw().get())?.[0] ?? '';
  }

  *tombstones(): Iterable<{ grant: string; rev: number; at: Instant }> {
    const all = this.#db.prepare<[], [string, number, number]>('SELECT id, rev, at FROM tombstone');
    for (const [grant, rev, at] of all.raw().all()) yield { grant, rev, at: instant(at) };
  }

  mark(name: string): Json | undefined {
    const row = storage(() => this.#mark.get(name));
    return row === undefined ? undefined : json(row[0]);
  }

  marks(prefix: string): readonly (readonly [name: string, value: Json])[] {
    const all = this.#db.prepare<[string], [string, string]>(
      'SELECT name, value FROM mark WHERE name >= +? ORDER BY name',
    );
    return storage(() => all.raw().all(prefix))
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, value]) => [name, json(value)]);
  }

  #recorded(row: Row): RecordedEntry {
    const [prev, ...entry] = row;
    return entryFrom(
      entry,
      this.#epoch,
      prev === null ? genesis(this.#epoch) : prev.toString('hex'),
    );
  }
}

function json(text: string): Json {
  try {
    const value: Json = JSON.parse(text);
    return value;
  } catch (cause) {
    throw new StorageError('corrupt', 'a stored value is no JSON', { cause });
  }
}

/** One text for each combination of conditions, so that few statements are prepared; `+?` as everywhere (trap T1). */
function queryText(
  select: string,
  query: JournalQuery,
): { sql: string; values: (string | number)[] } {
  const conditions: string[] = [];
  const values: (string | number)[] = [];
  const add = (condition: string, ...bound: (string | number)[]) => {
    conditions.push(condition);
    values.push(...bound);
  };
  if (query.after !== undefined) add('e.seq > +?', query.after);
  if (query.upTo !== undefined) add('e.seq <= +?', query.upTo);
  if (query.from !== undefined) add('e.at >= +?', query.from);
  if (query.to !== undefined) add('e.at < +?', query.to);
  if (query.holder !== undefined) add('e.sub = +?', query.holder);
  if (query.device !== undefined) add('e.device = +?', query.device);
  if (query.types !== undefined) {
    add('e.type IN (SELECT value FROM json_each(+?))', JSON.stringify(query.types));
  }
  if (query.classes !== undefined) {
    add(
      "substr(e.type, 1, instr(e.type, '.') - 1) IN (SELECT value FROM json_each(+?))",
      JSON.stringify(query.classes),
    );
  }
  if (query.text !== undefined) {
    const text = query.text.toLowerCase();
    add("(instr(e.type, +?) > 0 OR instr(lower(coalesce(e.body, '')), +?) > 0)", text, text);
  }
  values.push(Math.max(0, Math.min(LIMIT_MAX, Math.trunc(query.limit))));
  const where = conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`;
  const order = query.backwards === true ? 'DESC' : 'ASC';
  return { sql: `${select}${where} ORDER BY e.seq ${order} LIMIT +?`, values };
}
