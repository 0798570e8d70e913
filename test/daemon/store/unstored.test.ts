/** While nothing can be stored, what happens waits in memory, and is stored late with an honest gap where it is not. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import type { Entry } from '../../../daemon/access/entry.ts';
import { slotId } from '../../../daemon/access/ledger.ts';
import { openJournal } from '../../../daemon/store/journal-open.ts';
import { verifyJournalFile } from '../../../daemon/store/journal-verify.ts';
import { StorageError } from '../../../daemon/store/ports.ts';
import { UNSTORED_MOST, type UnstoredTale } from '../../../daemon/store/unstored.ts';
import { deviceId, slotNumber } from '../../../drivers/contract/device.ts';
import { entryOf, NOON, SeededRandom, StillClock, stampAt, temporaryFolder } from './known.ts';

const random = new SeededRandom(47);
const BOX = deviceId('box');

/** A door that was seen to open: it shows in the ledger. */
function door(slot: number, open: boolean): Entry {
  return { type: 'device.slot', device: BOX, body: { slot, open } };
}

const REAL_FAULTS = ['EIO', 'EROFS', 'ENOSPC'] as const;

for (const fault of REAL_FAULTS) {
  test(`a disk that answers every write with ${fault}: nothing kept is lost once it is well again`, async (t) => {
    if (!has(t, 'strace')) return;
    using folder = temporaryFolder();
    await using child = new Child(folder.path);
    assert.match(await child.ask('keep 3'), /^safe .*seq 3 /);
    await using shim = await faults(child.pid, fault);
    assert.match(await child.ask('keep 5'), /^unsafe kept 5 lost 0 seq 3 /);
    assert.match(await child.ask('plain 2'), /^unsafe kept 5 lost 0 seq 3 refused 2/);
    assert.match(await child.ask('probe'), /^unsafe kept 5/);
    assert.match(await child.ask('keep 1'), /^unsafe kept 6/);
    await shim.end();
    assert.match(await child.ask('probe'), /^safe kept 0 lost 0 seq 9 /);
    assert.match(await child.ask('plain 1'), /^safe kept 0 lost 0 seq 10 refused 0/);
    await child.close();
    const report = verifyJournalFile(join(folder.path, 'journal.db'));
    assert.deepEqual([report.ok, report.lastSeq, report.faults], [true, 10, []]);
  });
}

for (const worker of [false, true]) {
  const where = worker ? 'in a thread' : 'in process';
  test(`what is kept keeps its number and its time, and the ledger shows it at once, ${where}`, async () => {
    using folder = temporaryFolder();
    const clock = new StillClock();
    await using journal = (await openJournal({ directory: folder.path, clock, random, worker }))
      .journal;
    const tales: (UnstoredTale | undefined)[] = [];
    journal.watchStorage((state, tale) => {
      if (state === 'low') tales.push(tale);
    });
    await journal.append({ stamp: stampAt(NOON), entries: [entryOf(1)] }).committed;
    journal.failWrites('broken', 1);
    // The first was decided while all seemed well: it is kept as well, since it has happened.
    const first = journal.append({ stamp: stampAt(NOON), entries: [door(3, true)], keep: true });
    await assert.rejects(first.committed, StorageError);
    assert.equal(journal.ledger.get('slot', slotId(BOX, slotNumber(3)))?.doorOpen, true);

    const later = journal.append({
      stamp: stampAt(NOON),
      entries: [door(3, false), door(4, true)],
      keep: true,
    });
    assert.equal(later.isKept, true);
    await assert.rejects(later.committed, StorageError);
    assert.deepEqual(journal.unstored, { kept: 3, lost: 0 });
    assert.equal(journal.lastSeq, 1);
    assert.equal(await journal.probe(), true);
    assert.equal(journal.lastSeq, 4);
    for (const { seq, hash, stamp } of later.recorded) {
      assert.deepEqual(journal.entry(seq)?.hash, hash);
      assert.deepEqual(journal.entry(seq)?.stamp.at, stamp.at);
    }
    assert.equal(tales[0]?.stored, 3);
    assert.equal(tales[0]?.lost, 0);
    assert.deepEqual((await journal.verify()).faults, []);
  });
}

test('what is done only once it is stored is not kept, and neither is what brings rows', async () => {
  using folder = temporaryFolder();
  const clock = new StillClock();
  await using journal = (
    await openJournal({ directory: folder.path, clock, random, worker: false })
  ).journal;
  journal.failWrites('broken', 3);
  const stamp = stampAt(NOON);
  const row = { table: 'mark', name: 'x', value: 1 } as const;
  await assert.rejects(journal.append({ stamp, entries: [door(1, true)] }).committed);
  await assert.rejects(journal.append({ stamp, entries: [door(1, true)] }).committed);
  await assert.rejects(
    journal.append({ stamp, entries: [door(1, true)], rows: [row], keep: true }).committed,
  );
  assert.deepEqual(journal.unstored, { kept: 0, lost: 0 });
  assert.equal(journal.ledger.get('slot', slotId(BOX, slotNumber(1))), undefined);
  journal.failWrites('broken', 0);
  assert.equal(await journal.probe(), true);
  assert.equal(journal.lastSeq, 0);
});

test('beyond its room entries are counted and told, doors have places of their own, and the ledger is true after it', async () => {
  using folder = temporaryFolder();
  const clock = new StillClock();
  await using journal = (
    await openJournal({ directory: folder.path, clock, random, worker: false })
  ).journal;
  let tale: UnstoredTale | undefined;
  journal.watchStorage((_state, told) => {
    tale = told ?? tale;
  });
  journal.failWrites('broken', 1_000_000);
  await journal.probe();
  const keep = (entry: Entry, at = NOON) =>
    journal.append({ stamp: stampAt(at), entries: [entry], keep: true }).isKept === true;
  const chatter: Entry = { type: 'device.log', device: BOX, body: { text: 'again' } };
  const granted: Entry = { type: 'access.egress', device: BOX, body: {} };
  for (let n = 0; n < UNSTORED_MOST - 200; n++) assert.ok(keep(chatter));
  for (let n = 0; n < 200; n++) assert.ok(keep(granted), 'a chattering device crowds out no door');
  assert.equal(keep(granted), false);
  assert.equal(keep(door(5, true)), false);
  assert.equal(
    journal.ledger.get('slot', slotId(BOX, slotNumber(5)))?.doorOpen,
    true,
    'known as long as it runs',
  );
  assert.deepEqual(journal.unstored, { kept: UNSTORED_MOST, lost: 2 });
  journal.failWrites('broken', 0);
  assert.equal(await journal.probe(), true);
  assert.equal(journal.lastSeq, UNSTORED_MOST);
  assert.equal(journal.ledger.get('slot', slotId(BOX, slotNumber(5))), undefined);
  assert.deepEqual(tale, {
    stored: UNSTORED_MOST,
    lost: 2,
    classes: { access: 1, device: 1 },
    from: NOON,
    to: NOON,
  });
  assert.deepEqual(journal.unstored, { kept: 0, lost: 0 });
  assert.deepEqual((await journal.verify()).faults, []);
});

/** False, and the test is skipped, where the tool is missing. */
function has(t: TestContext, tool: string): boolean {
  if (spawnSync(tool, ['-V']).error === undefined) return true;
  assert.notEqual(process.env['LATCHKEY_REQUIRE_ALL'], '1', `${tool} is missing`);
  t.skip(`${tool} is missing`);
  return false;
}

/** The process whose disk fails; one line of answer for each line of question. */
class Child implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(directory: string) {
    const file = join(import.meta.dirname, 'unstored-child.ts');
    this.#child = spawn(process.execPath, [file, directory], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    assert.ok(this.#child.stdout !== null);
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  get pid(): number {
    assert.ok(this.#child.pid !== undefined);
    return this.#child.pid;
  }

  async ask(question: string): Promise<string> {
    this.#child.stdin?.write(`${question}\n`);
    const { value, done } = await this.#lines.next();
    assert.notEqual(done, true, `it ended over "${question}"`);
    return String(value);
  }

  async close(): Promise<void> {
    this.#child.stdin?.end();
    if (this.#child.exitCode === null) await once(this.#child, 'exit');
    assert.equal(this.#child.exitCode, 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null) return;
    this.#child.kill('SIGKILL');
    await once(this.#child, 'exit');
  }
}

/** From now on the kernel answers the process's writes to files with this error. */
async function faults(pid: number, error: string) {
  const inject = `inject=pwrite64,fsync,fdatasync,ftruncate:error=${error}`;
  const args = ['-f', '-p', String(pid), '-e', 'trace=pwrite64,fsync,fdatasync,ftruncate'];
  const strace = spawn('strace', [...args, '-e', inject], { stdio: 'ignore' });
  while (!isTraced(pid)) {
    assert.equal(strace.exitCode, null, 'strace may attach');
    await setImmediate();
  }
  const end = async () => {
    if (strace.exitCode !== null || strace.signalCode !== null) return;
    strace.kill('SIGINT');
    await once(strace, 'exit');
  };
  return { end, [Symbol.asyncDispose]: end };
}

function isTraced(pid: number): boolean {
  const tasks = `/proc/${pid}/task`;
  return readdirSync(tasks).every((each) =>
    /^TracerPid:\t[1-9]/m.test(readFileSync(join(tasks, each, 'status'), 'utf8')),
  );
}
