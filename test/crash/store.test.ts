/**
 * The store under SIGKILL. A fast set by default; `LATCHKEY_CRASH_ROUNDS=1000` for more. A killed process loses no
 * page of the operating system's, so this proves the order of steps, not the syncing.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { resolveWindow } from '../../daemon/access/window.ts';
import { digestOf } from '../../daemon/store/digest.ts';
import { livePointer, openGrantStore } from '../../daemon/store/grants-open.ts';
import { openJournal } from '../../daemon/store/journal-open.ts';
import {
  grantId,
  NOON,
  SeededRandom,
  StillClock,
  stampAt,
  temporaryFolder,
} from '../daemon/store/known.ts';

const ROUNDS = Number(process.env['LATCHKEY_CRASH_ROUNDS'] ?? 3);
const CHILD = join(import.meta.dirname, 'store-child.ts');
const clock = new StillClock();
const random = new SeededRandom(77);

/** Runs the child until it is killed, by itself or after so many lines; returns what it said. */
async function killed(
  args: readonly string[],
  afterLines = Number.POSITIVE_INFINITY,
): Promise<string[]> {
  const child = spawn(process.execPath, [CHILD, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  let lines = 0;
  child.stdout.on('data', (bytes: Buffer) => {
    const text = String(bytes);
    said += text;
    lines += text.split('\n').length - 1;
    if (lines >= afterLines) child.kill('SIGKILL');
  });
  const [, signal] = await once(child, 'close');
  assert.equal(signal, 'SIGKILL', 'it ended only because it was killed');
  // A line that was cut off was never said.
  return said.split('\n').slice(0, -1);
}

async function reopened(directory: string) {
  const { journal, recovered } = await openJournal({ directory, clock, random, worker: false });
  assert.equal(recovered, undefined);
  const { grants, lost } = await openGrantStore({
    directory,
    clock,
    random,
    worker: false,
    zone: 'Europe/Stockholm',
    tzdata: '2026c',
    resolve: resolveWindow,
    live: livePointer(journal, () => stampAt(NOON)),
    tombstones: journal,
  });
  assert.equal(lost, undefined);
  const close = async () => {
    await grants[Symbol.asyncDispose]();
    await journal[Symbol.asyncDispose]();
  };
  return { journal, grants, close };
}

test('no acknowledged entry is lost, and the chain goes on', async () => {
  using folder = temporaryFolder();
  let last = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const said = await killed(['append', folder.path], 1 + Math.floor(random.fraction() * 150));
    const { journal } = await openJournal({ directory: folder.path, clock, random, worker: false });
    for (const line of said) {
      const [seq = '', hash] = line.split(' ');
      assert.equal(journal.entry(Number(seq))?.hash, hash);
      assert.notEqual(journal.command(`c-${seq}`), undefined);
      last = Math.max(last, Number(seq));
    }
    assert.ok(journal.lastSeq >= last);
    assert.deepEqual((await journal.verify()).faults, []);
    await journal[Symbol.asyncDispose]();
  }
  assert.ok(last > ROUNDS);
});

test('killed between any two steps of a command: what was acknowledged stands, a repetition harms nothing', async () => {
  using folder = temporaryFolder();
  /** What the commands up to here come to: revision of each grant that lives. */
  const expected = (upTo: number) => {
    const live = new Map<number, number>();
    for (let n = 0; n <= upTo; n++) {
      if (n % 3 !== 2) live.set(n % 7, n + 1);
      else if ((live.get((n * 5) % 7) ?? Number.POSITIVE_INFINITY) <= n) live.delete((n * 5) % 7);
    }
    return live;
  };
  for (let round = 0; round < 200; round++) {
    // Some steps further each time: each of the three kinds of step is hit, over and over.
    const said = await killed(['commands', folder.path, String(1 + ((round * 23) % 41))]);
    const acknowledged = Number(said.filter((line) => /^\d+$/.test(line)).at(-1) ?? -1);
    const { journal, grants, close } = await reopened(folder.path);
    const live = expected(acknowledged);
    for (let n = 0; n < 7; n++) {
      const stored = grants.grant(grantId(n));
      const isLive = stored !== undefined && stored.revoked === undefined;
      // At most the one command that was under way is ahead of what was acknowledged.
      const next = expected(acknowledged + 1);
      const rev = isLive ? stored.grant.rev : undefined;
      assert.ok(
        rev === live.get(n) || rev === next.get(n),
        `grant ${n} after ${acknowledged}: ${rev}`,
      );
    }
    for (let n = 0; n <= acknowledged; n++) assert.notEqual(journal.command(`c-${n}`), undefined);
    const ids = grants.list({ limit: 100 }).map(({ grant }) => grant);
    assert.equal(grants.digest('cloud'), digestOf(ids));
    assert.deepEqual((await journal.verify()).faults, []);
    await close();
    if (said.includes('done')) return;
  }
  assert.fail('never came to the end');
});

for (const [step, version] of [
  ['parts', 1],
  ['built', 1],
  ['named', 2],
  ['swapped', 2],
  ['never', 2],
] as const) {
  test(`killed at "${step}" of a swap: one of the two pictures is there, whole`, async () => {
    using folder = temporaryFolder();
    const said = await killed(['snapshot', folder.path, step]);
    assert.ok(said.includes('first'));
    const { grants, close } = await reopened(folder.path);
    assert.equal(grants.version('cloud'), version);
    const all = grants.list({ limit: 100 }).map(({ grant }) => grant);
    assert.equal(all.length, version === 1 ? 30 : 20);
    assert.ok(all.every(({ rev }) => rev === version));
    assert.equal(grants.digest('cloud'), digestOf(all));
    const files = readdirSync(folder.path).filter((name) => /^grants-.*\.db$/.test(name));
    assert.equal(files.length, 1, 'what is not live was removed');
    await close();
  });
}
