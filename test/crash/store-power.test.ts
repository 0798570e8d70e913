/** The store and the power: `LATCHKEY_POWER_CUTS=1000` for more cuts. Needs strace. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, realpathSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { resolveWindow } from '../../daemon/access/window.ts';
import { digestOf } from '../../daemon/store/digest.ts';
import { livePointer, openGrantStore } from '../../daemon/store/grants-open.ts';
import { openJournal } from '../../daemon/store/journal-open.ts';
import { verifyJournalFile } from '../../daemon/store/journal-verify.ts';
import {
  grantId,
  NOON,
  SeededRandom,
  StillClock,
  stampAt,
  temporaryFolder,
} from '../daemon/store/known.ts';
import { callsIn, Disk, type DiskCall, STRACE_ARGUMENTS } from './store-power-cut.ts';

const CUTS = Number(process.env['LATCHKEY_POWER_CUTS'] ?? 12);
const SEED = Number(process.env['LATCHKEY_SEED'] ?? 4);
const CHILD = join(import.meta.dirname, 'store-child.ts');
const clock = new StillClock();

/** What a whole run of the child did to its disk; `undefined` where there is no strace. */
function traced(
  t: TestContext,
  directory: string,
  ...args: string[]
): readonly DiskCall[] | undefined {
  const output = `${directory}.trace`;
  const [mode = '', ...rest] = args;
  const { error, stdout } = spawnSync('strace', [
    ...STRACE_ARGUMENTS,
    '-o',
    output,
    process.execPath,
    CHILD,
    mode,
    directory,
    ...rest,
  ]);
  if (error !== undefined) {
    assert.notEqual(process.env['LATCHKEY_REQUIRE_ALL'], '1', 'strace is missing');
    t.skip('strace is missing');
    return undefined;
  }
  const calls = callsIn(readFileSync(output, 'latin1'), directory);
  rmSync(output);
  assert.ok(String(stdout).length > 0);
  assert.ok(calls.some(({ kind }) => kind === 'said'));
  return calls;
}

/** Cuts the power at moments drawn over the whole run, most of them just after something was acknowledged. */
async function cuts(
  calls: readonly DiskCall[],
  directory: string,
  check: (left: string, said: readonly string[]) => Promise<void>,
): Promise<void> {
  const random = new SeededRandom(SEED);
  const spoken = calls.flatMap(({ kind }, index) => (kind === 'said' ? [index] : []));
  for (let round = 0; round < CUTS; round++) {
    const spot = spoken[Math.floor(random.fraction() * spoken.length)] ?? 0;
    const isNear = random.fraction() < 0.7;
    const at = isNear
      ? spot + Math.floor(random.fraction() * 12)
      : random.fraction() * calls.length;
    const disk = new Disk(directory);
    const said: string[] = [];
    for (const call of calls.slice(0, at)) {
      disk.apply(call);
      if (call.kind === 'said') said.push(call.text.trim());
    }
    using left = temporaryFolder();
    disk.cutTo(left.path, random);
    try {
      await check(left.path, said);
    } catch (error) {
      throw new Error(`cut ${round} of seed ${SEED}, after ${Math.floor(at)} calls`, {
        cause: error,
      });
    }
  }
}

async function reopened(directory: string) {
  const random = new SeededRandom(1);
  const options = { directory, clock, random, worker: false };
  const { journal, recovered } = await openJournal(options);
  const { grants, lost } = await openGrantStore({
    ...options,
    zone: 'Europe/Stockholm',
    tzdata: '2026c',
    resolve: resolveWindow,
    live: livePointer(journal, () => stampAt(NOON)),
    tombstones: journal,
  });
  const close = async () => {
    await grants[Symbol.asyncDispose]();
    await journal[Symbol.asyncDispose]();
  };
  return { journal, recovered, grants, lost, close };
}

test('a power cut loses no acknowledged entry', async (t) => {
  using folder = temporaryFolder();
  const directory = join(realpathSync(folder.path), 'd');
  const calls = traced(t, directory, 'append', '60');
  if (calls === undefined) return;
  await cuts(calls, directory, async (left, said) => {
    const options = { directory: left, clock, random: new SeededRandom(1), worker: false };
    const { journal, recovered } = await openJournal(options);
    assert.ok(recovered === undefined || said.length === 0, recovered?.reason);
    for (const line of said) {
      const [seq, hash] = line.split(' ');
      assert.equal(journal.entry(Number(seq))?.hash, hash);
    }
    await journal[Symbol.asyncDispose]();
    assert.deepEqual(verifyJournalFile(join(left, 'journal.db')).faults, []);
  });
});

test('a power cut undoes no acknowledged command, and revives nothing', async (t) => {
  using folder = temporaryFolder();
  const directory = join(realpathSync(folder.path), 'd');
  const calls = traced(t, directory, 'commands', '150');
  if (calls === undefined) return;
  await cuts(calls, directory, async (left, said) => {
    const { journal, recovered, grants, lost, close } = await reopened(left);
    const last = Number(said.at(-1) ?? -1);
    assert.ok(recovered === undefined || last < 0, recovered?.reason);
    assert.ok(lost === undefined || last < 0, lost?.reason);
    for (let n = 0; n <= last; n++) assert.notEqual(journal.command(`c-${n}`), undefined);
    for (let n = 2; n <= last; n += 3) {
      const id = grantId((n * 5) % 7);
      const stored = grants.grant(id);
      assert.ok((journal.tombstone(id)?.rev ?? 0) >= n);
      assert.ok(stored === undefined || stored.revoked !== undefined || stored.grant.rev > n);
    }
    const ids = grants.list({ limit: 100 }).map(({ grant }) => grant);
    assert.equal(grants.digest('cloud'), digestOf(ids));
    await close();
  });
});

test('a power cut leaves one whole picture of a snapshot', async (t) => {
  using folder = temporaryFolder();
  const directory = join(realpathSync(folder.path), 'd');
  const calls = traced(t, directory, 'snapshot', 'never');
  if (calls === undefined) return;
  await cuts(calls, directory, async (left, said) => {
    const { recovered, grants, lost, close } = await reopened(left);
    assert.ok(said.length === 0 || recovered === undefined, recovered?.reason);
    assert.ok(said.length === 0 || lost === undefined, lost?.reason);
    const version = grants.version('cloud');
    assert.ok(version >= said.length, `${said.length} applied, ${version} found`);
    const all = grants.list({ limit: 100 }).map(({ grant }) => grant);
    assert.equal(all.length, [0, 30, 20][version]);
    assert.equal(grants.digest('cloud'), digestOf(all));
    await close();
  });
});
