import assert from 'node:assert/strict';
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import Sqlite from 'better-sqlite3';
import fc from 'fast-check';
import { columnsOf, JOURNAL_COLUMNS } from '../../../daemon/store/columns.ts';
import { openJournal } from '../../../daemon/store/journal-open.ts';
import { restoreJournal } from '../../../daemon/store/journal-recovery.ts';
import { RECOVERED_MARK } from '../../../daemon/store/journal-state.ts';
import { verifyJournalFile } from '../../../daemon/store/journal-verify.ts';
import { StorageError } from '../../../daemon/store/ports.ts';
import { entryOf, NOON, SeededRandom, StillClock, stampAt, temporaryFolder } from './known.ts';

const clock = new StillClock();
const random = new SeededRandom(23);
const FILE = 'journal.db';

function open(directory: string, worker = false) {
  return openJournal({ directory, clock, random, worker });
}

/** A journal of so many entries, stopped cleanly. */
async function made(directory: string, entries: number, counter = '7'): Promise<string> {
  const { journal } = await open(directory);
  const numbers = Array.from({ length: entries }, (_, n) => n + 1);
  await journal.append({
    stamp: stampAt(NOON),
    entries: numbers.map(entryOf),
    rows: [{ table: 'counter', kid: 'cc-1', highest: counter, window: '0'.repeat(256) }],
  }).committed;
  await journal[Symbol.asyncDispose]();
  return journal.epoch;
}

/** Changes the file as an intruder with the card in another machine would. */
function tamper(directory: string, change: (db: InstanceType<typeof Sqlite>) => void): void {
  const db = new Sqlite(join(directory, FILE));
  change(db);
  db.close();
}

test('any change of any column of any entry is found', async () => {
  using folder = temporaryFolder();
  await made(folder.path, 12);
  const path = join(folder.path, FILE);
  assert.deepEqual(verifyJournalFile(path).faults, []);
  const whole = readFileSync(path);
  const columns = {
    id: 'x',
    at: 5,
    uptime: 5,
    boot: 'x',
    lo: 5,
    hi: 5,
    state: 'floor',
    type: 'access.denied',
    device: 'x',
    sub: 'x',
    body: '{"n":0}',
    evidence: '{"knew":0}',
    digest: Buffer.alloc(32),
    hash: Buffer.alloc(32),
  };
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 12 }),
      fc.constantFrom(...Object.entries(columns)),
      (seq, [column, value]) => {
        writeFileSync(path, whole);
        tamper(folder.path, (db) => {
          db.prepare(`UPDATE entry SET ${column} = ? WHERE seq = ?`).run(value, seq);
        });
        const { ok, faults } = verifyJournalFile(path);
        assert.equal(ok, false);
        assert.match(faults.join('\n'), /entry \d+|last entry/);
      },
    ),
    { numRuns: 60 },
  );
});

test('entries taken out, exchanged, added or cut off at the end are found', async () => {
  using folder = temporaryFolder();
  await made(folder.path, 9);
  const path = join(folder.path, FILE);
  const whole = readFileSync(path);
  const changes: Record<string, string> = {
    'one taken out': 'DELETE FROM entry WHERE seq = 4',
    'the first taken out': 'DELETE FROM entry WHERE seq = 1',
    'cut off': 'DELETE FROM entry WHERE seq > 6',
    'cut off, with the tail moved':
      'DELETE FROM entry WHERE seq > 6; UPDATE journal SET tail_seq = 6',
    exchanged:
      'UPDATE entry SET seq = -4 WHERE seq = 4; UPDATE entry SET seq = 4 WHERE seq = 5; UPDATE entry SET seq = 5 WHERE seq = -4',
    'one added':
      'INSERT INTO entry SELECT 10, id, at, uptime, boot, lo, hi, state, type, device, sub, body, evidence, digest, hash FROM entry WHERE seq = 9; UPDATE journal SET tail_seq = 10',
    'emptied without a base': 'UPDATE entry SET body = NULL WHERE seq = 3',
    'another epoch': "UPDATE journal SET epoch = 'x'",
    'acknowledged beyond the end': 'UPDATE journal SET acknowledged = 99',
    'a ledger row of nobody': `INSERT INTO ledger VALUES ('use', 'g', '{"count":1}')`,
    'all gone': 'DELETE FROM entry; DELETE FROM journal',
  };
  for (const [name, sql] of Object.entries(changes)) {
    writeFileSync(path, whole);
    tamper(folder.path, (db) => db.exec(sql));
    assert.equal(verifyJournalFile(path).ok, false, name);
  }
});

test('a flipped bit anywhere in the file is found, or changes nothing that is read', async () => {
  using folder = temporaryFolder();
  await made(folder.path, 30);
  const path = join(folder.path, FILE);
  const whole = readFileSync(path);
  // Values without names: a flipped bit in the name of a column changes nothing that is read. The watermark and the
  // evidence rows beside the chain are covered by none.
  const content = (): string => {
    const db = new Sqlite(path, { readonly: true });
    try {
      return JSON.stringify(
        ['* FROM entry', '* FROM ledger', 'epoch, tail_seq, tail_hash FROM journal'].map((what) =>
          db.prepare(`SELECT ${what}`).raw().all(),
        ),
      );
    } finally {
      db.close();
    }
  };
  const before = content();
  fc.assert(
    fc.property(fc.integer({ min: 0, max: whole.length * 8 - 1 }), (bit) => {
      const flipped = Buffer.from(whole);
      const byte = bit >> 3;
      flipped[byte] = (flipped[byte] ?? 0) ^ (1 << (bit & 7));
      writeFileSync(path, flipped);
      if (!verifyJournalFile(path).ok) return;
      assert.equal(content(), before);
    }),
    { numRuns: 300 },
  );
});

test('garbage in place of the journal: quarantine, a new epoch, counters at their marks', async () => {
  using folder = temporaryFolder();
  const before = await made(folder.path, 5, '4711');
  writeFileSync(join(folder.path, FILE), Buffer.alloc(20_000, 7));
  appendFileSync(join(folder.path, `${FILE}-wal`), 'left behind');
  const { journal, recovered } = await open(folder.path);
  assert.equal(recovered?.kind, 'lost');
  assert.equal(recovered?.previousEpoch, before);
  assert.equal(recovered?.lostFrom, 1);
  assert.ok(recovered?.quarantine);
  const put = (name: string) => readFileSync(join(recovered.quarantine ?? '', name));
  assert.deepEqual(put(FILE), Buffer.alloc(20_000, 7), 'as it was found');
  assert.equal(String(put(`${FILE}-wal`)), 'left behind');
  assert.notEqual(journal.epoch, before);
  assert.equal(journal.lastSeq, 0);
  assert.deepEqual(journal.counter('cc-1'), { highest: '4711', window: 'f'.repeat(256) });
  await journal.append({ stamp: stampAt(NOON), entries: [entryOf(1)] }).committed;
  await journal[Symbol.asyncDispose]();
  // Until it is recorded it is told again; the epoch stays.
  const again = await open(folder.path);
  assert.equal(again.recovered?.kind, 'lost');
  assert.equal(again.journal.epoch, journal.epoch);
  await again.journal.append({
    stamp: stampAt(NOON),
    entries: [{ type: 'system.storage_recovered', body: {} }],
    rows: [{ table: 'mark', name: RECOVERED_MARK, value: undefined }],
  }).committed;
  await again.journal[Symbol.asyncDispose]();
  const last = await open(folder.path);
  assert.equal(last.recovered, undefined);
  assert.equal(last.journal.epoch, journal.epoch);
  assert.deepEqual((await last.journal.verify()).faults, []);
  await last.journal[Symbol.asyncDispose]();
});

test('whatever column damage takes the name of: the file is put aside, and it starts', async () => {
  using pattern = temporaryFolder();
  await made(pattern.path, 3);
  const columns: { readonly table: string; readonly column: string }[] = [];
  tamper(pattern.path, (db) => {
    const found = db
      .prepare<[], { table: string; column: string }>(
        `SELECT m.name AS "table", c.name AS "column" FROM sqlite_schema m, pragma_table_info(m.name) c
          WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'`,
      )
      .all();
    columns.push(...found);
    assert.equal(columnsOf(db), JOURNAL_COLUMNS, 'as the migrations leave them');
  });
  assert.ok(columns.length > 20, String(columns.length));
  for (const { table, column } of columns) {
    using folder = temporaryFolder();
    copyFileSync(join(pattern.path, FILE), join(folder.path, FILE));
    tamper(folder.path, (db) =>
      db.exec(`ALTER TABLE "${table}" RENAME COLUMN "${column}" TO "${column}_"`),
    );
    const { journal, recovered } = await open(folder.path);
    assert.ok(recovered?.quarantine, `${table}.${column}`);
    await journal.append({ stamp: stampAt(NOON), entries: [entryOf(1)] }).committed;
    await journal[Symbol.asyncDispose]();
  }
});

test('a journal that vanished is missed', async () => {
  using folder = temporaryFolder();
  const before = await made(folder.path, 3);
  rmSync(join(folder.path, FILE));
  const { journal, recovered } = await open(folder.path);
  assert.equal(recovered?.kind, 'lost');
  assert.equal(recovered?.previousEpoch, before);
  await journal[Symbol.asyncDispose]();
});

test('the newest whole backup takes the place of a damaged journal, under a new epoch', async () => {
  using folder = temporaryFolder();
  const backups = join(folder.path, 'backups');
  mkdirSync(backups);
  const first = await open(folder.path);
  const { epoch } = first.journal;
  await first.journal.append({
    stamp: stampAt(NOON),
    entries: [1, 2, 3].map(entryOf),
    rows: [
      { table: 'tombstone', grant: 'g-1' as never, rev: 4, at: NOON },
      { table: 'counter', kid: 'cc-1', highest: '10', window: '0'.repeat(256) },
    ],
  }).committed;
  await first.backup(join(backups, 'journal-1.db'));
  await first.journal.append({
    stamp: stampAt(NOON),
    entries: [4, 5].map(entryOf),
    rows: [{ table: 'counter', kid: 'cc-1', highest: '99', window: '0'.repeat(256) }],
  }).committed;
  await first.journal[Symbol.asyncDispose]();
  writeFileSync(join(backups, 'journal-2.db'), 'a backup that was cut short');
  writeFileSync(join(folder.path, FILE), Buffer.alloc(9000, 1));
  const { journal, recovered } = await open(folder.path);
  assert.equal(recovered?.kind, 'restored');
  assert.equal(recovered?.previousEpoch, epoch);
  assert.equal(recovered?.lostFrom, 4);
  assert.notEqual(journal.epoch, epoch);
  assert.equal(journal.lastSeq, 0);
  assert.equal(journal.tombstone('g-1' as never)?.rev, 4);
  assert.deepEqual(journal.counter('cc-1'), { highest: '99', window: 'f'.repeat(256) });
  assert.deepEqual((await journal.verify()).faults, []);
  await journal[Symbol.asyncDispose]();
  const db = new Sqlite(join(folder.path, FILE), { readonly: true });
  assert.equal(db.prepare('SELECT count(*) FROM past_entry').pluck().get(), 3);
  db.close();
});

test('an older copy of the file put in its place begins a new epoch (T11)', async () => {
  using folder = temporaryFolder();
  const path = join(folder.path, FILE);
  const epoch = await made(folder.path, 3, '5');
  copyFileSync(path, join(folder.path, 'old.db'));
  const { journal } = await open(folder.path);
  await journal.append({
    stamp: stampAt(NOON),
    entries: [entryOf(4)],
    rows: [{ table: 'counter', kid: 'cc-1', highest: '6', window: '0'.repeat(256) }],
  }).committed;
  await journal[Symbol.asyncDispose]();
  copyFileSync(join(folder.path, 'old.db'), path);
  const after = await open(folder.path);
  assert.equal(after.recovered?.kind, 'rolled-back');
  assert.equal(after.recovered?.lostFrom, 4);
  assert.notEqual(after.journal.epoch, epoch);
  assert.equal(after.journal.counter('cc-1')?.highest, '6');
  await after.journal[Symbol.asyncDispose]();
});

test('restoring by hand refuses a running daemon and a faulty backup', async () => {
  using folder = temporaryFolder();
  const { journal, backup } = await open(folder.path);
  await journal.append({ stamp: stampAt(NOON), entries: [entryOf(1)] }).committed;
  const good = join(folder.path, 'good.db');
  await backup(good);
  await assert.rejects(restoreJournal(folder.path, good, clock), StorageError);
  await journal[Symbol.asyncDispose]();
  const bad = join(folder.path, 'bad.db');
  writeFileSync(bad, readFileSync(good).fill(0, 4096));
  await assert.rejects(restoreJournal(folder.path, bad, clock), StorageError);
  const unchanged = await open(folder.path);
  assert.equal(unchanged.recovered, undefined);
  assert.equal(unchanged.journal.epoch, journal.epoch);
  await unchanged.journal[Symbol.asyncDispose]();
  const { quarantine } = await restoreJournal(folder.path, good, clock);
  assert.ok(quarantine !== undefined && existsSync(join(quarantine, FILE)));
  const restored = await open(folder.path);
  assert.equal(restored.recovered?.kind, 'restored');
  await restored.journal[Symbol.asyncDispose]();
});

test('quarantine keeps the newest two', async () => {
  using folder = temporaryFolder();
  for (let round = 0; round < 4; round++) {
    await made(folder.path, 1);
    clock.advance(1000);
    writeFileSync(join(folder.path, FILE), `garbage ${round} `.repeat(1000));
  }
  await made(folder.path, 1);
  assert.equal(readdirSync(join(folder.path, 'quarantine')).length, 2);
});

test('a check that finds damage makes the next start look before it trusts', async () => {
  using folder = temporaryFolder();
  await made(folder.path, 400);
  const path = join(folder.path, FILE);
  const opened = await open(folder.path);
  assert.deepEqual(await opened.check(), []);
  await opened.journal[Symbol.asyncDispose]();
  // A page in the middle of the entries: start reads only the tail and does not come across it.
  const bytes = readFileSync(path);
  const at = bytes.indexOf('entry 200');
  const page = Math.floor(at / 4096) * 4096;
  bytes.fill(0xff, page, page + 16);
  writeFileSync(path, bytes);
  const unaware = await open(folder.path);
  assert.equal(unaware.recovered, undefined);
  assert.notDeepEqual(await unaware.check(), []);
  await unaware.journal[Symbol.asyncDispose]();
  const aware = await open(folder.path);
  assert.equal(aware.recovered?.kind, 'lost');
  await aware.journal[Symbol.asyncDispose]();
});
