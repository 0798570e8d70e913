/** What a journal file says of itself at start: its epoch, tail and ledger; and how it is begun or begun anew. */
import type { Random } from '../../drivers/contract/time.ts';
import type { Json } from '../access/entry.ts';
import { Ledger, type LedgerChange, type LedgerTable } from '../access/ledger.ts';
import { contentDigest, entryHash, genesis, uuid7 } from './chain.ts';
import { type Database, storage } from './database.ts';
import { ENTRY_COLUMNS, type EntryTuple, entryFrom } from './journal-rows.ts';
import { StorageError } from './ports.ts';

/** Which file of grants is live. */
export const LIVE_MARK = 'store.grants';
export const GRANTS_FILE = /^grants-[0-9a-f]{12}\.db$/;
/** Epochs that this file descends from. */
export const EPOCHS_MARK = 'store.epochs';
/** In a backup that was put in place, until a new epoch has begun. */
export const RESTORED_MARK = 'store.restored';
/** What has happened to the file and is not recorded yet: whoever records it takes the mark away in the same batch. */
export const RECOVERED_MARK = 'store.recovered';

/** What to record as `system.storage_recovered`. */
export interface Recovered {
  /** `lost`: empty now. `restored`: from a backup. `rolled-back`: an older file was found in place. */
  readonly kind: 'lost' | 'restored' | 'rolled-back';
  readonly reason: string;
  readonly quarantine: string | undefined;
  /** As far as is known: entries of this epoch after `lostFrom - 1` are not here. */
  readonly previousEpoch: string | undefined;
  readonly lostFrom: number | undefined;
}

export interface JournalState {
  readonly epoch: string;
  readonly tail: { readonly seq: number; readonly hash: string };
  readonly acknowledged: number;
}

/** @throws StorageError `corrupt` when the tail does not fit. */
export function readState(db: Database): JournalState {
  const row = storage(() =>
    db
      .prepare<[], [string, number, Buffer, number]>(
        'SELECT epoch, tail_seq, tail_hash, acknowledged FROM journal',
      )
      .raw()
      .get(),
  );
  if (row === undefined) throw new StorageError('corrupt', 'the journal has no row about itself');
  const [epoch, seq, hash, acknowledged] = row;
  const tail = { seq, hash: hash.toString('hex') };
  checkTail(db, epoch, tail);
  return { epoch, tail, acknowledged };
}

/** The last entry is there, is the one the tail tells of, and its hash is right. */
function checkTail(db: Database, epoch: string, tail: JournalState['tail']): void {
  const fault = (text: string) => new StorageError('corrupt', text);
  const last = storage(() =>
    db.prepare<[], [number | null]>('SELECT max(seq) FROM entry').raw().get(),
  )?.[0];
  if ((last ?? 0) !== tail.seq) {
    throw fault(`the journal ends at ${last ?? 0}, it was written up to ${tail.seq}`);
  }
  if (tail.seq === 0) {
    if (tail.hash !== genesis(epoch)) throw fault('the beginning of the chain is not its epoch');
    return;
  }
  const select = db
    .prepare<[number], EntryTuple>(`SELECT ${ENTRY_COLUMNS} FROM entry e WHERE seq = +?`)
    .raw();
  const row = storage(() => select.get(tail.seq));
  const before =
    tail.seq === 1 ? genesis(epoch) : storage(() => select.get(tail.seq - 1))?.[14].toString('hex');
  if (row === undefined || before === undefined) throw fault('the end of the chain is missing');
  const problem = entryFault(row, epoch, before);
  if (problem !== undefined) throw fault(problem);
  if (row[14].toString('hex') !== tail.hash)
    throw fault('the last entry is not the one written last');
}

/** What is wrong with an entry, if anything: its content, or its place after `prev`. */
export function entryFault(row: EntryTuple, epoch: string, prev: string): string | undefined {
  const [seq, id, at, , , , , , type, device, sub, body, , digestBytes, hashBytes] = row;
  const digest = digestBytes.toString('hex');
  if (body !== null) {
    const { stamp } = entryFrom(row, epoch, prev);
    const content = {
      id,
      device: device ?? undefined,
      sub: sub ?? undefined,
      stamp,
      bodyText: body,
    };
    if (contentDigest(content) !== digest) return `entry ${seq}: content changed`;
  }
  if (entryHash(prev, seq, at, type, digest) !== hashBytes.toString('hex')) {
    return `entry ${seq}: does not follow the entry before`;
  }
  return undefined;
}

const TABLES: { readonly [T in LedgerTable]: true } = {
  key: true,
  slot: true,
  use: true,
  keypad: true,
  credential: true,
  lockdown: true,
  opening: true,
  area: true,
};

export const LEDGER_TABLES = Object.keys(TABLES).filter(
  (name): name is LedgerTable => name in TABLES,
);

/** Rows of the ledger as the fold wrote them. */
export function readLedger(db: Database, from: 'ledger' | 'ledger_base'): Ledger {
  const ledger = new Ledger();
  const rows = storage(() =>
    db.prepare<[], [string, string, string]>(`SELECT name, id, value FROM ${from}`).raw().all(),
  );
  for (const [table, id, text] of rows) {
    if (!(table in TABLES)) throw new StorageError('corrupt', `no ledger table "${table}"`);
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch (cause) {
      throw new StorageError('corrupt', `ledger row ${table} ${id} is no JSON`, { cause });
    }
    // Written by the fold of this or an earlier version; its shape is the schema's business.
    ledger.apply([{ table, id, value } as LedgerChange]);
  }
  return ledger;
}

export function beginEpoch(db: Database, at: number, random: Random): string {
  const epoch = uuid7(at, random);
  const start = Buffer.from(genesis(epoch), 'hex');
  storage(() =>
    db
      .prepare<[string, Buffer], unknown>('INSERT OR REPLACE INTO journal VALUES (1, ?, 0, ?, 0)')
      .run(epoch, start),
  );
  return epoch;
}

/**
 * An older copy was put in place: numbers after its end were used already, with other content. Its entries are put
 * aside under their epoch and counting begins anew, with the ledger as it was. Inside a transaction with `beginEpoch`.
 */
export function putAside(db: Database): void {
  db.exec(
    `INSERT OR REPLACE INTO past_entry SELECT (SELECT epoch FROM journal), * FROM entry;
     DELETE FROM entry;
     DELETE FROM ledger_base;
     INSERT INTO ledger_base SELECT * FROM ledger;`,
  );
}

/** Everything up to a raised counter counts as seen. */
export function raiseCounters(db: Database, marks: ReadonlyMap<string, bigint>): void {
  const held = db.prepare<[string], [string]>('SELECT highest FROM counter WHERE kid = +?').raw();
  const set = db.prepare<[string, string, string], unknown>(
    'INSERT OR REPLACE INTO counter VALUES (?, ?, ?)',
  );
  for (const [kid, mark] of marks) {
    const row = held.get(kid);
    if (row !== undefined && BigInt(row[0]) >= mark) continue;
    set.run(kid, String(mark), 'f'.repeat(256));
  }
}

export function writeMark(db: Database, name: string, value: Json): void {
  db.prepare<[string, string], unknown>('INSERT OR REPLACE INTO mark VALUES (?, ?)').run(
    name,
    JSON.stringify(value),
  );
}

export function hasMark(db: Database, name: string): boolean {
  return readMark(db, name) !== undefined;
}

export function dropMark(db: Database, name: string): void {
  db.prepare<[string], unknown>('DELETE FROM mark WHERE name = ?').run(name);
}

export function readMark(db: Database, name: string): unknown {
  const select = db.prepare<[string], [string]>('SELECT value FROM mark WHERE name = +?').raw();
  const text = storage(() => select.get(name))?.[0];
  return text === undefined ? undefined : JSON.parse(text);
}

export function readEpochs(db: Database): readonly string[] {
  const found = readMark(db, EPOCHS_MARK);
  return Array.isArray(found) ? found.filter((each) => typeof each === 'string') : [];
}

export function readRecovered(db: Database): Recovered | undefined {
  const found = readMark(db, RECOVERED_MARK);
  if (typeof found !== 'object' || found === null || !('kind' in found)) return undefined;
  const kind = (['lost', 'restored', 'rolled-back'] as const).find((each) => each === found.kind);
  if (kind === undefined) return undefined;
  const { reason, quarantine, previousEpoch, lostFrom } = found as Partial<Recovered>;
  return { kind, reason: reason ?? '', quarantine, previousEpoch, lostFrom };
}
