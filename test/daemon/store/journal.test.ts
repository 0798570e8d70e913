import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { JOURNAL_MIGRATIONS, migrate, openDatabase } from '../../../daemon/store/database.ts';
import { HighWater } from '../../../daemon/store/high-water.ts';
import { JournalStore } from '../../../daemon/store/journal.ts';
import { openJournal } from '../../../daemon/store/journal-open.ts';
import { JournalReader } from '../../../daemon/store/journal-query.ts';
import { beginEpoch, readLedger, readState } from '../../../daemon/store/journal-state.ts';
import { verifyJournal, verifyJournalFile } from '../../../daemon/store/journal-verify.ts';
import {
  type FromWriter,
  JournalThread,
  threadedWriter,
} from '../../../daemon/store/journal-writer.ts';
import { StorageError } from '../../../daemon/store/ports.ts';
import { journalContract } from '../../contract/store-journal.ts';
import { entryOf, NOON, SeededRandom, StillClock, stampAt, temporaryFolder } from './known.ts';

const clock = new StillClock();
const random = new SeededRandom(7);

for (const [name, worker] of [
  ['files, in process', false],
  ['files, in a thread', true],
] as const) {
  journalContract(name, async () => {
    const folder = temporaryFolder();
    const { journal } = await openJournal({ directory: folder.path, clock, random, worker });
    return {
      journal,
      [Symbol.asyncDispose]: async () => {
        await journal[Symbol.asyncDispose]();
        folder[Symbol.dispose]();
      },
    };
  });
}

journalContract('memory', async () => {
  const { journal } = await openJournal({ directory: ':memory:', clock, random });
  return { journal, [Symbol.asyncDispose]: () => journal[Symbol.asyncDispose]() };
});

test('a thread that was started before its file was known writes it, and ends with it', async () => {
  using folder = temporaryFolder();
  await using worker = new JournalThread();
  const ended = once(worker.worker, 'exit');
  const { journal } = await openJournal({ directory: folder.path, clock, random, worker });
  await journal.append({ stamp: stampAt(NOON), entries: [entryOf(1)] }).committed;
  assert.equal(journal.entry(1)?.seq, 1);
  await journal[Symbol.asyncDispose]();
  await ended;
});

test('a journal goes on where it ended', async () => {
  using folder = temporaryFolder();
  const options = { directory: folder.path, clock, random };
  const first = await openJournal(options);
  await first.journal.append({ stamp: stampAt(NOON), entries: [entryOf(1), entryOf(2)] }).committed;
  await first.journal.acknowledge(first.journal.epoch, 1);
  const { epoch, lastHash } = first.journal;
  await first.journal[Symbol.asyncDispose]();
  const second = await openJournal(options);
  await using journal = second.journal;
  assert.equal(second.recovered, undefined);
  assert.equal(second.dirty, false);
  assert.deepEqual(
    [journal.epoch, journal.lastSeq, journal.lastHash, journal.acknowledged],
    [epoch, 2, lastHash, 1],
  );
  await journal.append({ stamp: stampAt(NOON), entries: [entryOf(3)] }).committed;
  assert.deepEqual(await journal.verify(), {
    ok: true,
    entries: 3,
    lastSeq: 3,
    lastHash: journal.lastHash,
    faults: [],
  });
});

test('a backup is whole although entries go on being written', async () => {
  using folder = temporaryFolder();
  const { journal, backup } = await openJournal({ directory: folder.path, clock, random });
  const long = { type: 'device.log', body: { text: 'x'.repeat(2000) } } as const;
  await journal.append({ stamp: stampAt(NOON), entries: Array(500).fill(long) }).committed;
  const target = join(folder.path, 'copy.db');
  const state = { done: false };
  const copied = backup(target).finally(() => {
    state.done = true;
  });
  let written = 0;
  while (!state.done) {
    await journal.append({ stamp: stampAt(NOON), entries: [entryOf(1)] }).committed;
    written += 1;
  }
  await copied;
  assert.ok(written > 0);
  const report = verifyJournalFile(target);
  assert.deepEqual(report.faults, []);
  assert.ok(report.entries >= 500);
  assert.equal(journal.entry(report.lastSeq)?.hash, report.lastHash);
  await journal[Symbol.asyncDispose]();
  for (const name of ['journal.db', 'copy.db']) {
    assert.equal(statSync(join(folder.path, name)).mode & 0o777, 0o600);
  }
});

test('a thread that dies makes the storage unsafe, and stopping still ends', async () => {
  using folder = temporaryFolder();
  const answers: FromWriter[] = [];
  const died = Promise.withResolvers<void>();
  const writer = threadedWriter(join(folder.path, 'no', 'such.db'), undefined, (answer) => {
    answers.push(answer);
    died.resolve();
  });
  await died.promise;
  await writer.stop();
  assert.equal(answers[0]?.kind, 'died');
  // The same told to a journal.
  let tell: (answer: FromWriter) => void = () => {};
  const db = openDatabase(':memory:');
  migrate(db, JOURNAL_MIGRATIONS);
  const epoch = beginEpoch(db, NOON, random);
  const journal = new JournalStore({
    epoch,
    tail: readState(db).tail,
    acknowledged: 0,
    ledger: readLedger(db, 'ledger'),
    reader: new JournalReader(db, epoch),
    random,
    startWriter: (answer) => {
      tell = answer;
      return { post: () => {}, stop: async () => {} };
    },
    verify: async () => verifyJournal(db),
    committed: () => {},
    closeReader: () => {},
    close: async () => {
      db.close();
    },
  });
  const { committed } = journal.append({ stamp: stampAt(NOON), entries: [entryOf(1)] });
  const forgotten = journal.forgetCommands(NOON);
  tell({ kind: 'died', code: 'broken', message: 'out of memory' });
  await assert.rejects(committed, StorageError);
  await assert.rejects(forgotten, StorageError);
  assert.equal(journal.isSafe, false);
  await assert.rejects(journal.append({ stamp: stampAt(NOON), entries: [entryOf(1)] }).committed);
  assert.equal(journal.lastSeq, 0);
  await journal[Symbol.asyncDispose]();
});

test('a follower that throws ends the process, and neither undoes the commit nor keeps it from the others', async () => {
  using folder = temporaryFolder();
  const script = `
    const { openJournal } = await import('${import.meta.resolve('../../../daemon/store/journal-open.ts')}');
    const known = await import('${import.meta.resolve('./known.ts')}');
    const { journal } = await openJournal({
      directory: ${JSON.stringify(folder.path)},
      clock: new known.StillClock(), random: new known.SeededRandom(7), worker: false,
    });
    process.on('uncaughtException', ({ message }) => {
      console.log(message, journal.isSafe, journal.lastSeq);
      setImmediate(() => process.exit(3));
    });
    journal.follow(() => { throw new Error('a mistake'); });
    journal.follow((entries) => console.log('told of', entries.length));
    await journal.append({ stamp: known.stampAt(known.NOON), entries: [known.entryOf(1)] }).committed;
  `;
  const { status, stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
  });
  assert.equal(status, 3);
  assert.deepEqual(stdout.trim().split('\n').sort(), ['a mistake true 1', 'told of 1']);
  const { journal } = await openJournal({ directory: folder.path, clock, random, worker: false });
  assert.equal(journal.lastSeq, 1);
  await journal[Symbol.asyncDispose]();
});

test('marks outside only grow, and a file of them that cannot be read counts as none', async () => {
  using folder = temporaryFolder();
  const marks = new HighWater(folder.path, clock);
  marks.raiseCounter('a', '18446744073709551615');
  marks.raiseCounter('a', '7');
  marks.raiseVersion('cloud', 4);
  marks.raiseVersion('cloud', 3);
  marks.raiseJournal('e', 70);
  await marks[Symbol.asyncDispose]();
  const again = new HighWater(folder.path, clock);
  assert.deepEqual([...again.counters()], [['a', 2n ** 64n - 1n]]);
  assert.equal(again.version('cloud'), 4);
  assert.equal(again.version('seam'), 0);
  assert.deepEqual(again.journal, { epoch: 'e', seq: 70 });
  await again[Symbol.asyncDispose]();
  writeFileSync(join(folder.path, 'marks.json'), '{"v":1,"counters":');
  const none = new HighWater(folder.path, clock);
  assert.equal(none.journal, undefined);
  assert.equal(none.version('cloud'), 0);
  assert.ok(existsSync(join(folder.path, 'marks.json.unreadable')));
});
