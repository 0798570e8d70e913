/** What is to be sent, as text: neither parsed here nor read further than it is told. */
import { instant } from '../../drivers/contract/time.ts';
import { genesis } from './chain.ts';
import { type Database, type Statement, storage } from './database.ts';
import { intervalFrom, typeNamed } from './journal-rows.ts';
import type { OutboxLine } from './ports.ts';

/** Hashes as text: a blob would cost more to hand over than all the rest of its row (1.5 µs an entry beside 0.9). */
const LINES = `SELECT e.seq, e.id, e.type, e.at, e.uptime, e.boot, e.state, e.lo, e.hi, e.device, e.sub,
  coalesce(e.body, '{}'), lower(hex(e.hash)) FROM entry e WHERE e.seq > +? AND e.seq <= +? ORDER BY e.seq LIMIT +?`;

type Row = [
  seq: number,
  id: string,
  type: string,
  at: number,
  uptime: number,
  boot: string,
  state: string,
  lo: number,
  hi: number | null,
  device: string | null,
  sub: string | null,
  body: string,
  hash: string,
];

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
      return rows.map(([seq, id, type, at, mono, boot, state, lo, hi, device, sub, body, hash]) => {
        const clock = intervalFrom(lo, hi, state);
        const before = prev;
        prev = hash;
        return {
          seq,
          id,
          type: typeNamed(type),
          at: instant(at),
          mono,
          boot,
          clock,
          device,
          sub,
          body,
          prev: before,
          hash,
        };
      });
    });
  }
}
