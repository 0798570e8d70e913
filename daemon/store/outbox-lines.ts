/** What is to be sent, as text: neither parsed here nor read further than it is told. */
import { instant } from '../../drivers/contract/time.ts';
import { genesis } from './chain.ts';
import { type Database, type Statement, storage } from './database.ts';
import { typeNamed } from './journal-rows.ts';
import type { OutboxLine } from './ports.ts';

/**
 * By SQLite itself: each column handed over alone costs as much as writing all of them here (a quarter of what a
 * backlog takes). Half of the interval's width is rounded up; without an end both are `null`.
 */
const MEMBERS = `format('"clock":{"state":%s,"errMs":%s,"lo":%d,"hi":%s},"boot":%s,"mono":%d%s%s,"body":%s',
  json_quote(e.state), coalesce((e.hi - e.lo + 1) / 2, 'null'), e.lo, coalesce(e.hi, 'null'), json_quote(e.boot), e.uptime,
  iif(e.device IS NULL, '', ',"dev":' || json_quote(e.device)),
  iif(e.sub IS NULL, '', ',"sub":' || json_quote(e.sub)), coalesce(e.body, '{}'))`;

/** Hashes as text: a blob would cost more to hand over than all the rest of its row (1.5 µs an entry beside 0.9). */
const LINES = `SELECT e.seq, e.id, e.type, e.at, ${MEMBERS}, lower(hex(e.hash))
  FROM entry e WHERE e.seq > +? AND e.seq <= +? ORDER BY e.seq LIMIT +?`;

type Row = [seq: number, id: string, type: string, at: number, members: string, hash: string];

export class OutboxLines {
  readonly #epoch: string;
  readonly #lines: Statement<[number, number, number], Row>;
  readonly #hash: Statement<[number], [string]>;

  constructor(db: Database, epoch: string) {
    this.#epoch = epoch;
    this.#lines = db.prepare<[number, number, number], Row>(LINES).raw();
    this.#hash = db
      .prepare<[number], [string]>('SELECT lower(hex(hash)) FROM entry WHERE seq = +?')
      .raw();
  }

  /** Numbers have no gap, so each row's predecessor is the row before it. */
  read(after: number, upTo: number, limit: number): readonly OutboxLine[] {
    return storage(() => {
      const rows = this.#lines.all(after, upTo, limit);
      let prev = this.#hash.get(after)?.[0] ?? genesis(this.#epoch);
      return rows.map(([seq, id, type, at, members, hash]) => {
        const before = prev;
        prev = hash;
        return { seq, id, type: typeNamed(type), at: instant(at), members, prev: before, hash };
      });
    });
  }
}
