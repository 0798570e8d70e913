import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import Sqlite from 'better-sqlite3';
import { migrate, openDatabase, quickCheck, storageError } from '../../../daemon/store/database.ts';
import { openJournal } from '../../../daemon/store/journal-open.ts';
import { lockDirectory } from '../../../daemon/store/lock.ts';
import { StorageError } from '../../../daemon/store/ports.ts';
import { SeededRandom, StillClock, temporaryFolder } from './known.ts';

const clock = new StillClock();
const random = new SeededRandom(5);

function codeOf(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    assert.ok(error instanceof StorageError, String(error));
    return error.code;
  }
  return 'none';
}

test('every open is FULL and WAL, the first and the later ones, for writing and for reading', () => {
  using folder = temporaryFolder();
  const path = join(folder.path, 'a.db');
  for (const readonly of [false, false, true]) {
    const db = openDatabase(path, { readonly });
    if (!readonly) db.exec('CREATE TABLE IF NOT EXISTS t (a)');
    const pragma = (name: string) => db.pragma(name, { simple: true });
    assert.equal(pragma('synchronous'), 2, 'FULL');
    assert.equal(pragma('journal_mode'), 'wal');
    assert.equal(pragma('foreign_keys'), 1);
    assert.equal(pragma('busy_timeout'), 5000);
    assert.equal(pragma('trusted_schema'), 0);
    assert.equal(pragma('cell_size_check'), 1);
    assert.equal(pragma('wal_autocheckpoint'), 200);
    assert.equal(pragma('journal_size_limit'), 4_194_304);
    assert.equal(pragma('mmap_size'), 0);
    db.close();
  }
});

test('the binding alone would not be durable, so the setting above is needed', () => {
  using folder = temporaryFolder();
  const path = join(folder.path, 'a.db');
  const first = new Sqlite(path);
  first.pragma('journal_mode = WAL');
  first.exec('CREATE TABLE t (a)');
  first.close();
  const again = new Sqlite(path);
  again.exec('INSERT INTO t VALUES (1)');
  assert.equal(again.pragma('synchronous', { simple: true }), 1, 'NORMAL');
  again.close();
});

test('one file opens database connections', () => {
  const store = join(import.meta.dirname, '../../../daemon/store');
  const importers = readdirSync(store).filter(
    (name) =>
      name.endsWith('.ts') &&
      readFileSync(join(store, name), 'utf8').includes("from 'better-sqlite3'"),
  );
  assert.deepEqual(importers, ['database.ts']);
});

test('a newer schema is refused, and a migration is all or nothing', () => {
  using folder = temporaryFolder();
  const migrations = join(folder.path, 'migrations');
  mkdirSync(migrations);
  writeFileSync(join(migrations, '001-a.sql'), 'CREATE TABLE a (x);');
  writeFileSync(join(migrations, '002-b.sql'), 'CREATE TABLE b (x); CREATE TABLE a (x);');
  const path = join(folder.path, 'm.db');
  const db = openDatabase(path);
  assert.equal(
    codeOf(() => migrate(db, migrations)),
    'broken',
  );
  assert.equal(db.pragma('user_version', { simple: true }), 1);
  const tables = () =>
    db.prepare<[], string>("SELECT name FROM sqlite_master WHERE type = 'table'").pluck().all();
  assert.deepEqual(tables(), ['a']);
  writeFileSync(join(migrations, '002-b.sql'), 'CREATE TABLE b (x);');
  migrate(db, migrations);
  assert.deepEqual(tables(), ['a', 'b']);
  db.pragma('user_version = 3');
  assert.equal(
    codeOf(() => migrate(db, migrations)),
    'newer-version',
  );
  db.close();
});

test('a journal of a newer program is left alone', async () => {
  using folder = temporaryFolder();
  const first = await openJournal({ directory: folder.path, clock, random, worker: false });
  await first.journal[Symbol.asyncDispose]();
  const path = join(folder.path, 'journal.db');
  const db = new Sqlite(path);
  db.pragma('user_version = 99');
  db.close();
  await assert.rejects(openJournal({ directory: folder.path, clock, random }), (error) => {
    assert.ok(error instanceof StorageError);
    return error.code === 'newer-version';
  });
  assert.ok(!readdirSync(folder.path).includes('quarantine'));
});

test('garbage and a smashed page are corrupt; a full disk is told from a broken one', () => {
  using folder = temporaryFolder();
  const path = join(folder.path, 'g.db');
  writeFileSync(path, 'this is no database, and long enough to be read as one'.repeat(100));
  assert.equal(
    codeOf(() => openDatabase(path)),
    'corrupt',
  );
  const coded = (code: string) => storageError(Object.assign(new Error('x'), { code })).code;
  assert.equal(coded('SQLITE_FULL'), 'full');
  assert.equal(coded('SQLITE_IOERR_FSYNC'), 'broken');
  assert.equal(coded('SQLITE_CORRUPT_VTAB'), 'corrupt');
  assert.equal(coded('SQLITE_BUSY_SNAPSHOT'), 'locked');
  assert.equal(coded('EIO'), 'broken');
  const db = openDatabase(join(folder.path, 'sound.db'));
  assert.deepEqual(quickCheck(db), []);
  db.close();
});

test('a damaged lock is no reason to stay down, and locks again', () => {
  using folder = temporaryFolder();
  writeFileSync(join(folder.path, 'lock.db'), 'what a worn card gives back'.repeat(100));
  using _lock = lockDirectory(folder.path);
  assert.equal(
    codeOf(() => lockDirectory(folder.path)),
    'locked',
  );
});

test('one daemon a directory', async () => {
  using folder = temporaryFolder();
  const options = { directory: folder.path, clock, random, worker: false };
  const { journal } = await openJournal(options);
  assert.equal(
    codeOf(() => lockDirectory(folder.path)),
    'locked',
  );
  await assert.rejects(openJournal(options), (error) => {
    assert.ok(error instanceof StorageError);
    return error.code === 'locked';
  });
  await journal[Symbol.asyncDispose]();
  const again = await openJournal(options);
  await again.journal[Symbol.asyncDispose]();
});
