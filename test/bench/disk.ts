/** The floors that wait for a disk: a bare write that is on it, and a bare commit. */
import { closeSync, fdatasyncSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { openDatabase } from '../../daemon/store/database.ts';

const RECORD = Buffer.alloc(128, 0x6c);
const RECORDS = 8192;

/** A file that has its length already, overwritten record by record. */
export class PreparedFile implements Disposable {
  readonly #file: number;
  #at = 0;

  constructor(directory: string) {
    this.#file = openSync(join(directory, 'prepared'), 'w+');
    writeSync(this.#file, Buffer.alloc(RECORD.length * RECORDS));
    fsyncSync(this.#file);
  }

  write(): void {
    writeSync(this.#file, RECORD, 0, RECORD.length, (this.#at % RECORDS) * RECORD.length);
    this.#at += 1;
    fdatasyncSync(this.#file);
  }

  [Symbol.dispose](): void {
    closeSync(this.#file);
  }
}

/** One row of a journal, committed FULL by itself, with the settings of the product's own connections. */
export class BareCommits implements Disposable {
  readonly #db;
  readonly #insert;

  constructor(directory: string) {
    this.#db = openDatabase(join(directory, 'bare.db'));
    this.#db.exec('CREATE TABLE row (n INTEGER PRIMARY KEY, body TEXT NOT NULL)');
    this.#insert = this.#db.prepare<[string], unknown>('INSERT INTO row (body) VALUES (?)');
    // A log that has grown need not grow again.
    for (let n = 0; n < 300; n++) this.commit();
  }

  commit(): void {
    this.#insert.run(ROW);
  }

  [Symbol.dispose](): void {
    this.#db.close();
  }
}

const ROW = JSON.stringify({ accessPoint: 'front-door', operation: 'unlock', grant: 'g-0000001' });
