/** What is to be sent, as text: written by SQLite, neither parsed here nor read further than it is told. */
import { genesis } from './chain.ts';
import { type Database, type Statement, storage } from './database.ts';
import { typeNamed } from './journal-rows.ts';
import type { OutboxLine } from './ports.ts';

/** Milliseconds since the year 0, so that no remainder is below zero. */
const SINCE = '(e.at + 62167219200000)';
const TIME = `date(${SINCE} / 1000 - 62167219200, 'unixepoch'),
  ${SINCE} / 3600000 % 24, ${SINCE} / 60000 % 60, ${SINCE} / 1000 % 60, ${SINCE} % 1000`;

const BEFORE_HASH = '","hash":"';
const AFTER_HASH = '"}';
const HASH_LENGTH = 64;
/** How far before the end of a text its hash and that of its predecessor begin. */
const HASH = HASH_LENGTH + AFTER_HASH.length;
const PREV = HASH_LENGTH + BEFORE_HASH.length + HASH;

/**
 * An entry's JSON, as conventions 1.6 has it. A page of them is handed over as one blob: each column of each row
 * handed over, and put together here, took twice as long. Half of the clock's interval is rounded up, and without an
 * end both are `null`. Of the names only a boot's and a holder's may have what JSON writes in another way. The
 * predecessor's hash is left out: it is of the row before.
 */
const TEXT = `format('{"v":1,"epoch":"%s","seq":%d,"id":"%s","type":"%s","ts":"%sT%02d:%02d:%02d.%03dZ",'
  || '"clock":{"state":"%s","errMs":%s,"lo":%d,"hi":%s},"boot":%s,"mono":%d%s%s,"body":%s,'
  || '"prev":"${'0'.repeat(HASH_LENGTH)}${BEFORE_HASH}%s${AFTER_HASH}',
  +?, e.seq, e.id, e.type, ${TIME},
  e.state, coalesce((e.hi - e.lo + 1) / 2, 'null'), e.lo, coalesce(e.hi, 'null'),
  json_quote(e.boot), e.uptime,
  iif(e.device IS NULL, '', ',"dev":"' || e.device || '"'),
  iif(e.sub IS NULL, '', ',"sub":' || json_quote(e.sub)),
  coalesce(e.body, '{}'), lower(hex(e.hash)))`;

/** `group_concat` keeps the order of what it is given. */
const PAGE = `SELECT CAST(group_concat(text, ',') AS BLOB), group_concat(octet_length(text)), group_concat(type)
  FROM (SELECT ${TEXT} AS text, e.type FROM entry e
    WHERE e.seq > +? AND e.seq <= +? ORDER BY e.seq LIMIT +?)`;

type Page = readonly [texts: Buffer, lengths: string, types: string] | readonly [null, null, null];

export class OutboxLines {
  readonly #epoch: string;
  readonly #page: Statement<[string, number, number, number], Page>;
  readonly #hash: Statement<[number], [string]>;

  constructor(db: Database, epoch: string) {
    this.#epoch = epoch;
    this.#page = db.prepare<[string, number, number, number], Page>(PAGE).raw();
    this.#hash = db
      .prepare<[number], [string]>('SELECT lower(hex(hash)) FROM entry WHERE seq = +?')
      .raw();
  }

  /** Numbers have no gap, so each row's predecessor is the row before it. */
  read(after: number, upTo: number, limit: number): readonly OutboxLine[] {
    return storage(() => {
      const [page, lengths, types] = this.#page.get(this.#epoch, after, upTo, limit) ?? [];
      if (page == null || lengths == null || types == null) return [];
      const ends = lengths.split(',');
      const lines: OutboxLine[] = [];
      let from = 0;
      for (const [n, type] of types.split(',').entries()) {
        const to = from + Number(ends[n]);
        if (n > 0) page.copyWithin(to - PREV, from - 1 - HASH, from - 1 - AFTER_HASH.length);
        lines.push({ seq: after + 1 + n, type: typeNamed(type), page, from, to });
        from = to + 1;
      }
      const prev = this.#hash.get(after)?.[0] ?? genesis(this.#epoch);
      page.write(prev, (lines[0]?.to ?? 0) - PREV);
      return lines;
    });
  }
}
