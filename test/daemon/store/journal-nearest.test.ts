/** The main thread commits while the disk is quick, the journal's thread while it is not; nobody sees a difference. */
import assert from 'node:assert/strict';
import { readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { isDirty, openDatabase } from '../../../daemon/store/database.ts';
import type { JournalStore } from '../../../daemon/store/journal.ts';
import { nearestWriter } from '../../../daemon/store/journal-nearest.ts';
import { openJournal } from '../../../daemon/store/journal-open.ts';
import {
  type FromWriter,
  JournalLoop,
  JournalThread,
} from '../../../daemon/store/journal-writer.ts';
import type { Uptime } from '../../../drivers/contract/time.ts';
import { instant, uptime } from '../../../drivers/contract/time.ts';
import { entryOf, NOON, SeededRandom, StillClock, stampAt, temporaryFolder } from './known.ts';

const random = new SeededRandom(5);
/** The thread's, and the reader's. */
const WITHOUT_ONE_HERE = 2;

test('a quick disk is written from here, a slow one never', async () => {
  for (const [clock, connections] of [
    [new StillClock(), WITHOUT_ONE_HERE + 1],
    [new SlowDisk(), WITHOUT_ONE_HERE],
  ] as const) {
    using folder = temporaryFolder();
    const { journal } = await openJournal({ directory: folder.path, clock, random });
    for (let n = 0; n < 40; n += 1) await append(journal, n);
    assert.equal(connectionsTo(join(folder.path, 'journal.db')), connections);
    assert.deepEqual((await journal.verify()).faults, []);
    await journal[Symbol.asyncDispose]();
    assert.equal(isDirty(join(folder.path, 'journal.db')), false, 'the log was emptied');
  }
});

test('a disk that stalls once is written from here again soon, one that stalls again later', async () => {
  const all = `qqqSqqqqqSqqqqqqqq${'q'.repeat(100)}Sqqqqq`;
  const forgiven = 'h'.repeat(101);
  assert.equal(await whoWrites(all), `TThhTTTThhTTTTTTTT${forgiven}TTTTh`);
});

test('a disk that is slow now and then is written from here, one that is slow most of the time is not', async () => {
  const seldom = 'qqqqqqqqqqqqqqqqqqqs'.repeat(10);
  assert.equal(await whoWrites(`qq${seldom}`), `TT${'h'.repeat(200)}`);
  const often = await whoWrites(`qq${'s'.repeat(40)}`);
  assert.match(often, /^TTh{10}T+$/);
});

/** `T`hread or `h`ere, for commits that take no time (q), 10 ms (s) or 60 ms (S). */
async function whoWrites(disk: string): Promise<string> {
  using folder = temporaryFolder();
  await using thread = new JournalThread();
  let there = 0;
  thread.worker.on('message', ({ kind }: FromWriter) => {
    if (kind === 'committed') there += 1;
  });
  const clock = new SometimesSlow();
  const options = { directory: folder.path, clock, random, worker: thread, believedAfter: 2 };
  const { journal } = await openJournal(options);
  let told = '';
  for (const speed of disk) {
    const before = there;
    clock.perLook = speed === 'S' ? 60 : speed === 's' ? 10 : 0;
    await append(journal, told.length);
    clock.perLook = 0;
    told += there > before ? 'T' : 'h';
  }
  await journal[Symbol.asyncDispose]();
  return told;
}

test('a thread that starts when it is needed is not there on a quick disk, and there once it is slow', async () => {
  for (const [clock, connections] of [
    [new StillClock(), WITHOUT_ONE_HERE],
    [new SlowDisk(), WITHOUT_ONE_HERE + 1],
  ] as const) {
    using folder = temporaryFolder();
    const worker = 'when-needed';
    const { journal } = await openJournal({ directory: folder.path, clock, random, worker });
    for (let n = 0; n < 20; n += 1) await append(journal, n);
    assert.equal(connectionsTo(join(folder.path, 'journal.db')), connections);
    assert.deepEqual((await journal.verify()).faults, []);
    await journal[Symbol.asyncDispose]();
    assert.equal(isDirty(join(folder.path, 'journal.db')), false, 'the log was emptied');
  }
});

test('what is thrown by somebody who follows the journal is not taken for a commit that failed', () => {
  const heard: string[] = [];
  const file = {
    commit: () => {},
    failNext: () => {},
    forgetCommands: () => 0,
    erase: () => 0,
    checkpoint: () => {},
    close: () => {},
  };
  const loop = new JournalLoop(({ kind }) => {
    heard.push(kind);
    throw new TypeError('a fault of ours');
  }, file);
  const batch = { number: 1, generation: 0, entries: [], ledger: [], rows: [] };
  assert.throws(() => loop.take([{ kind: 'batch', batch }]), /a fault of ours/);
  assert.deepEqual(heard, ['committed']);
});

test('what follows a commit does not overtake a call that was made in its turn', async () => {
  using folder = temporaryFolder();
  const path = join(folder.path, 'journal.db');
  const { journal } = await openJournal({
    directory: folder.path,
    clock: new StillClock(),
    random,
  });
  await journal[Symbol.asyncDispose]();
  const heard: string[] = [];
  const batch = (number: number) =>
    ({
      kind: 'batch',
      batch: { number, generation: 0, entries: [], ledger: [], rows: [] },
    }) as const;
  const { promise: over, resolve } = Promise.withResolvers<void>();
  const first = openDatabase(path);
  const options = { path, ballast: undefined, clock: new StillClock(), first };
  const writer = nearestWriter(options, (answer) => {
    heard.push(answer.kind === 'committed' ? `committed ${answer.upTo}` : answer.kind);
    if (answer.kind === 'committed' && answer.upTo === 1) writer.post(batch(2));
    if (heard.length === 3) resolve();
  });
  writer.post(batch(1));
  writer.post({ kind: 'forget-commands', call: 7, before: 0 });
  await over;
  const order = [...heard];
  writer.post({ kind: 'close', call: 8 });
  await writer.stop();
  assert.deepEqual(order, ['committed 1', 'answer', 'committed 2']);
});

test('a long call to the thread and commits from here keep their order', async () => {
  using folder = temporaryFolder();
  const options = { directory: folder.path, clock: new StillClock(), random, believedAfter: 1 };
  const { journal } = await openJournal(options);
  await append(journal, 0);
  const all: Promise<unknown>[] = [];
  for (let n = 1; n < 300; n += 1) {
    all.push(append(journal, n));
    if (n % 7 === 0) all.push(journal.forgetCommands(NOON));
    if (n % 5 === 0) await new Promise(setImmediate);
    if (n % 50 === 0) await Promise.all(all);
  }
  await Promise.all(all);
  const told = journal.read({ limit: 5000 }).map(({ body }) => body['n']);
  assert.deepEqual(
    told,
    Array.from({ length: 300 }, (_, n) => n),
  );
  assert.deepEqual((await journal.verify()).faults, []);
  await journal[Symbol.asyncDispose]();
});

test('what cannot be written from here is taken back, and the thread goes on', async () => {
  using folder = temporaryFolder();
  const options = { directory: folder.path, clock: new StillClock(), random, believedAfter: 1 };
  const { journal } = await openJournal(options);
  for (let n = 0; n < 3; n += 1) await append(journal, n);
  const other = openDatabase(join(folder.path, 'journal.db'));
  other.exec(
    "CREATE TRIGGER refuse BEFORE INSERT ON entry BEGIN SELECT RAISE(ABORT, 'worn out'); END",
  );
  await assert.rejects(append(journal, 3), /worn out/);
  assert.equal(journal.isSafe, false);
  other.exec('DROP TRIGGER refuse');
  other.close();
  assert.equal(await journal.probe(), true);
  for (let n = 4; n < 8; n += 1) await append(journal, n);
  assert.deepEqual(
    journal.read({ limit: 100 }).map(({ body }) => body['n']),
    [0, 1, 2, 4, 5, 6, 7],
  );
  assert.deepEqual((await journal.verify()).faults, []);
  await journal[Symbol.asyncDispose]();
});

/** Time in which nothing else happens passes at each look. */
class SlowDisk extends StillClock {
  #looks = 0;
  override uptime(): Uptime {
    this.#looks += 1;
    return uptime(super.uptime() + 10 * this.#looks);
  }
}

class SometimesSlow extends StillClock {
  perLook = 0;
  #passed = 0;
  override uptime(): Uptime {
    this.#passed += this.perLook;
    return uptime(super.uptime() + this.#passed);
  }
}

function append(journal: JournalStore, n: number): Promise<void> {
  return journal.append({ stamp: stampAt(instant(NOON + n)), entries: [entryOf(n)] }).committed;
}

function connectionsTo(path: string): number {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`) === path;
    } catch {
      return false;
    }
  }).length;
}
