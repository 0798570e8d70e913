/** The proof that a journal is what was written: every hash, every content, and the ledger folded a second time. */
import { fold } from '../access/fold.ts';
import type { Ledger } from '../access/ledger.ts';
import { genesis, sha256 } from './chain.ts';
import { type Database, openDatabase, quickCheck, storage, storageError } from './database.ts';
import {
  ENTRY_COLUMNS,
  type EntryTuple,
  entryFrom,
  isCheckpoint,
  jsonObject,
} from './journal-rows.ts';
import { entryFault, LEDGER_TABLES, readLedger } from './journal-state.ts';
import type { VerifyReport } from './ports.ts';

const FAULTS_MAX = 20;

/** Told how far the walk is, every so many entries. */
export type Told = (seq: number, last: number) => void;
const TOLD_EVERY = 500;

/** Reads only; a daemon may be writing meanwhile, one moment of the file is looked at. */
export function verifyJournalFile(path: string, told?: Told): VerifyReport {
  let db: Database;
  try {
    db = openDatabase(path, { readonly: true });
  } catch (error) {
    return {
      ok: false,
      entries: 0,
      lastSeq: 0,
      lastHash: '',
      faults: [storageError(error).message],
    };
  }
  try {
    return verifyJournal(db, told);
  } finally {
    db.close();
  }
}

export function verifyJournal(db: Database, told?: Told): VerifyReport {
  const walk = new Walk(told);
  try {
    storage(() => db.transaction(() => walk.run(db)).deferred());
  } catch (error) {
    walk.fault(storageError(error).message);
  }
  return walk.report();
}

class Walk {
  readonly #faults: string[] = [];
  #entries = 0;
  #seq = 0;
  #hash = '';
  readonly #told: Told | undefined;

  constructor(told: Told | undefined) {
    this.#told = told;
  }

  fault(text: string): void {
    if (this.#faults.length < FAULTS_MAX) this.#faults.push(text);
  }

  report(): VerifyReport {
    return {
      ok: this.#faults.length === 0,
      entries: this.#entries,
      lastSeq: this.#seq,
      lastHash: this.#hash,
      faults: this.#faults,
    };
  }

  run(db: Database): void {
    for (const fault of quickCheck(db)) this.fault(`file: ${fault}`);
    const head = db
      .prepare<[], [string, number, Buffer, number]>(
        'SELECT epoch, tail_seq, tail_hash, acknowledged FROM journal',
      )
      .raw()
      .get();
    if (head === undefined) {
      this.fault('the journal has no row about itself');
      return;
    }
    const [epoch, tailSeq, tailHash, acknowledged] = head;
    this.#hash = genesis(epoch);
    const ledger = this.#chain(db, epoch, tailSeq);
    if (this.#seq !== tailSeq) {
      this.fault(`cut short: ends at ${this.#seq}, written up to ${tailSeq}`);
    } else if (this.#hash !== tailHash.toString('hex')) {
      this.fault('the last entry is not the one written last');
    }
    if (acknowledged > tailSeq) this.fault(`acknowledged up to ${acknowledged}, beyond the end`);
    if (ledger !== undefined) this.#compare(ledger, db);
  }

  /** Returns the ledger folded again, or `undefined` when the entries cannot give it. */
  #chain(db: Database, epoch: string, last: number): Ledger | undefined {
    const ledger = readLedger(db, 'ledger_base');
    const rows = db
      .prepare<[], EntryTuple>(`SELECT ${ENTRY_COLUMNS} FROM entry e ORDER BY seq`)
      .raw();
    let isWhole = true;
    for (const row of rows.iterate()) {
      this.#entries += 1;
      if (this.#entries % TOLD_EVERY === 0) this.#told?.(row[0], last);
      const seq = row[0];
      if (seq !== this.#seq + 1) this.fault(`entries ${this.#seq + 1} to ${seq - 1} are missing`);
      try {
        const fault = entryFault(row, epoch, this.#hash) ?? evidenceFault(row);
        if (fault !== undefined) this.fault(fault);
        if (row[11] === null) isWhole = false;
        else {
          const entry = entryFrom(row, epoch, this.#hash);
          // Once the whole ledger was written down, what was erased before is not needed any more.
          if (isCheckpoint(entry)) isWhole = true;
          ledger.apply(fold(ledger, entry));
        }
      } catch (error) {
        isWhole = false;
        this.fault(`entry ${seq}: ${error instanceof Error ? error.message : String(error)}`);
      }
      this.#seq = seq;
      this.#hash = row[14].toString('hex');
    }
    if (!isWhole) this.fault('entries were erased, and the ledger was not written down after them');
    return isWhole ? ledger : undefined;
  }

  #compare(folded: Ledger, db: Database): void {
    const stored = readLedger(db, 'ledger');
    for (const table of LEDGER_TABLES) {
      const left = new Map<string, unknown>(folded.all(table));
      for (const [id, value] of stored.all(table)) {
        if (!left.has(id)) this.fault(`ledger ${table} ${id}: not from the journal`);
        else if (canonical(left.get(id)) !== canonical(value)) {
          this.fault(`ledger ${table} ${id}: differs from the journal`);
        }
        left.delete(id);
      }
      for (const id of left.keys()) this.fault(`ledger ${table} ${id}: missing`);
    }
  }
}

/** What a decision knew is not in the content's digest itself; its own hash stands in the body. */
function evidenceFault(row: EntryTuple): string | undefined {
  const evidence = row[12];
  if (evidence === null) return undefined;
  const told = row[11] === null ? undefined : jsonObject(row[11])['evidence'];
  return told === sha256(evidence) ? undefined : `entry ${row[0]}: evidence changed`;
}

/** JSON with names in order, since a row read back and changed may have them in another. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_name, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}
