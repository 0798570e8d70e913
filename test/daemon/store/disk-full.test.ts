import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { resolveWindow } from '../../../daemon/access/window.ts';
import { makeBallast } from '../../../daemon/store/ballast.ts';
import { livePointer, openGrantStore } from '../../../daemon/store/grants-open.ts';
import { openJournal } from '../../../daemon/store/journal-open.ts';
import { StorageError } from '../../../daemon/store/ports.ts';
import {
  entryOf,
  grantId,
  grantOf,
  NOON,
  SeededRandom,
  StillClock,
  stampAt,
  temporaryFolder,
} from './known.ts';

const random = new SeededRandom(31);

async function isFull(committed: Promise<void>): Promise<boolean> {
  try {
    await committed;
    return false;
  } catch (error) {
    assert.ok(error instanceof StorageError);
    assert.equal(error.code, 'full');
    return true;
  }
}

for (const worker of [false, true]) {
  test(`space that runs out takes the ballast first, ${worker ? 'in a thread' : 'in process'}`, async () => {
    using folder = temporaryFolder();
    const clock = new StillClock();
    const ballast = join(folder.path, 'ballast');
    writeFileSync(ballast, Buffer.alloc(1000));
    const { journal } = await openJournal({ directory: folder.path, clock, random, worker });
    const states: string[] = [];
    journal.watchStorage((state) => states.push(state));
    journal.failWrites('full', 1);
    await journal.append({ stamp: stampAt(NOON), entries: [entryOf(1)] }).committed;
    assert.equal(existsSync(ballast), false);
    assert.equal(journal.isSafe, true);
    assert.deepEqual(states, ['low']);
    // Once more, and there is nothing left to give up.
    journal.failWrites('full', 1);
    assert.ok(
      await isFull(journal.append({ stamp: stampAt(NOON), entries: [entryOf(2)] }).committed),
    );
    assert.equal(journal.isSafe, false);
    // It looks again by itself; nobody has to append.
    const safe = new Promise<void>((resolve) => {
      journal.watchStorage((state) => {
        if (state === 'ok') resolve();
      });
    });
    clock.advance(5000);
    await safe;
    assert.equal(journal.isSafe, true);
    assert.equal(statSync(ballast).size, 8 * 1024 * 1024);
    assert.deepEqual(states, ['low', 'unsafe', 'low', 'ok']);
    assert.deepEqual((await journal.verify()).faults, []);
    await journal[Symbol.asyncDispose]();
  });
}

test('the ballast is made after the start, not before the first decision', async () => {
  using folder = temporaryFolder();
  const clock = new StillClock();
  const ballast = join(folder.path, 'ballast');
  const { journal } = await openJournal({ directory: folder.path, clock, random, worker: false });
  await journal.append({ stamp: stampAt(NOON), entries: [entryOf(1)] }).committed;
  assert.ok(!existsSync(ballast) && !existsSync(`${ballast}.partial`));
  clock.advance(30_000);
  while (!existsSync(ballast)) await setImmediate();
  assert.equal(statSync(ballast).size, 8 * 1024 * 1024);
  await journal[Symbol.asyncDispose]();
});

test('no ballast on a disk that has no room for it', async (t) => {
  await onSmallDisk(t, 4, async (path) => {
    assert.equal(await makeBallast(join(path, 'ballast')), false);
    assert.equal(existsSync(join(path, 'ballast')), false);
  });
});

test('a disk that is really full loses nothing acknowledged, reads on, and recovers', async (t) => {
  await onSmallDisk(t, 6, async (path) => {
    const clock = new StillClock();
    const directory = join(path, 'latchkey');
    const { journal } = await openJournal({ directory, clock, random });
    const long = { type: 'device.log', body: { text: 'x'.repeat(20_000) } } as const;
    let acknowledged = 0;
    let full = false;
    for (let n = 0; n < 1000 && !full; n++) {
      full = await isFull(journal.append({ stamp: stampAt(NOON), entries: [long] }).committed);
      if (!full) acknowledged += 1;
    }
    assert.ok(full, 'the disk was filled');
    assert.equal(journal.isSafe, false);
    assert.equal(journal.lastSeq, acknowledged);
    assert.equal(journal.read({ limit: 5000 }).length, acknowledged);
    // Somebody makes room.
    rmSync(join(path, 'other'), { force: true });
    assert.equal(await journal.probe(), true);
    await journal.append({ stamp: stampAt(NOON), entries: [entryOf(1)] }).committed;
    assert.deepEqual((await journal.verify()).faults, []);
    await journal[Symbol.asyncDispose]();
    const again = await openJournal({ directory, clock, random });
    assert.equal(again.recovered, undefined);
    assert.equal(again.journal.lastSeq, acknowledged + 1);
    await again.journal[Symbol.asyncDispose]();
  });
});

test('a start that a power cut left with a full disk takes the ballast, and tells that the disk is low', async (t) => {
  await onSmallDisk(t, 12, async (path) => {
    const clock = new StillClock();
    const directory = join(path, 'latchkey');
    const { journal } = await openJournal({ directory, clock, random });
    await journal.append({ stamp: stampAt(NOON), entries: [entryOf(1)] }).committed;
    await journal[Symbol.asyncDispose]();
    // As SQLite leaves it where the last to close is a writer: log and shared memory have to be made.
    for (const end of ['-wal', '-shm']) rmSync(join(directory, `journal.db${end}`));
    writeFileSync(join(directory, 'ballast'), Buffer.alloc(1024 * 1024));
    fillUp(path);
    const again = await openJournal({ directory, clock, random });
    assert.equal(again.journal.storage, 'low');
    await again.journal.append({ stamp: stampAt(NOON), entries: [entryOf(2)] }).committed;
    assert.equal(again.journal.lastSeq, 2);
    assert.equal(existsSync(join(directory, 'ballast')), false);
    await again.journal[Symbol.asyncDispose]();
  });
});

test('a start on a full disk without ballast reads on, and goes on by itself once there is room', async (t) => {
  await onSmallDisk(t, 12, async (path) => {
    const clock = new StillClock();
    const directory = join(path, 'latchkey');
    const first = await openStore(directory, clock);
    await first.grants.write({ source: 'cloud', changes: [{ kind: 'put', grant: grantOf(1) }] });
    await first.journal.append({ stamp: stampAt(NOON), entries: [entryOf(1)] }).committed;
    await first[Symbol.asyncDispose]();
    fillUp(path);
    const again = await openStore(directory, clock);
    assert.equal(again.grants.grant(grantId(1))?.grant.rev, 1);
    const { committed, recorded } = again.journal.append({
      stamp: stampAt(NOON),
      entries: [{ type: 'device.log', body: { text: 'x'.repeat(2_000_000) } }],
      keep: true,
    });
    assert.ok(await isFull(committed));
    assert.equal(again.journal.isSafe, false);
    rmSync(join(path, 'other'), { force: true });
    assert.equal(await again.journal.probe(), true);
    assert.equal(again.journal.lastSeq, recorded[0]?.seq);
    assert.equal(again.renewal.aborted, false, 'no new start is needed');
    await again[Symbol.asyncDispose]();
  });
});

test('a start on a disk that takes no write reads on, and what happened is stored when it ends on one that does', async (t) => {
  await onSmallDisk(t, 12, async (path) => {
    const clock = new StillClock();
    const directory = join(path, 'latchkey');
    const first = await openStore(directory, clock);
    await first.grants.write({
      source: 'cloud',
      changes: [
        { kind: 'put', grant: grantOf(1) },
        { kind: 'put', grant: grantOf(2) },
        { kind: 'revoke', grant: grantId(2), rev: 1, at: NOON },
      ],
    });
    await first.journal.append({ stamp: stampAt(NOON), entries: [entryOf(1)] }).committed;
    await first[Symbol.asyncDispose]();
    remount(path, 'ro');
    const again = await openStore(directory, clock);
    assert.equal(again.grants.grant(grantId(1))?.revoked, undefined);
    assert.equal(again.grants.grant(grantId(2))?.revoked?.rev, 1, 'P6');
    const { committed } = again.journal.append({
      stamp: stampAt(NOON),
      entries: [entryOf(2)],
      keep: true,
    });
    await assert.rejects(committed, StorageError);
    assert.equal(again.journal.isSafe, false);
    const revoked = again.grants.write({
      source: 'cloud',
      changes: [{ kind: 'revoke', grant: grantId(1), rev: 1, at: NOON }],
    });
    await assert.rejects(revoked, StorageError, 'P6: not acknowledged');
    clock.advance(5000);
    await setImmediate();
    assert.equal(again.renewal.aborted, false);
    remount(path, 'rw');
    while (!again.renewal.aborted) {
      clock.advance(5000);
      await setImmediate();
    }
    await again[Symbol.asyncDispose]();
    const last = await openStore(directory, clock);
    assert.equal(last.dirty, false);
    assert.deepEqual(
      last.journal.read({ limit: 10 }).map(({ body }) => body['n']),
      [1, 2],
    );
    assert.deepEqual((await last.journal.verify()).faults, []);
    await last[Symbol.asyncDispose]();
  });
});

test('a revocation gets through on a full disk, by the ballast', async (t) => {
  await onSmallDisk(t, 12, async (path) => {
    const clock = new StillClock();
    const directory = join(path, 'latchkey');
    await using store = await openStore(directory, clock);
    const { journal, grants } = store;
    await grants.write({ source: 'cloud', changes: [{ kind: 'put', grant: grantOf(1) }] });
    writeFileSync(join(directory, 'ballast'), Buffer.alloc(1024 * 1024));
    fillUp(path);
    // More than the log has room for in the blocks that it has.
    const many = Array.from(
      { length: 300 },
      (_, n) => ({ kind: 'revoke', grant: grantId(n), rev: 1, at: NOON }) as const,
    );
    const puts = Array.from(
      { length: 300 },
      (_, n) => ({ kind: 'put', grant: grantOf(n, 2) }) as const,
    );
    const result = await grants.write({ source: 'cloud', changes: [...many, ...puts] });
    assert.equal(result.kind, 'written');
    assert.equal(existsSync(join(directory, 'ballast')), false);
    assert.equal(journal.storage, 'low');
    assert.equal(grants.count(), 300);
  });
});

async function openStore(directory: string, clock: StillClock) {
  const opened = await openJournal({ directory, clock, random, worker: 'when-needed' });
  const { journal, makeRoom } = opened;
  const { grants } = await openGrantStore({
    directory,
    clock,
    random,
    zone: 'Europe/Stockholm',
    tzdata: '2026c',
    resolve: resolveWindow,
    live: livePointer(journal, () => stampAt(NOON)),
    tombstones: journal,
    makeRoom,
  });
  return {
    ...opened,
    grants,
    async [Symbol.asyncDispose]() {
      await grants[Symbol.asyncDispose]();
      await journal[Symbol.asyncDispose]();
    },
  };
}

function remount(path: string, as: 'ro' | 'rw'): void {
  const { status, stderr } = spawnSync('mount', ['-o', `remount,${as}`, path]);
  assert.equal(status, 0, String(stderr));
}

/** Until not one block is left. */
function fillUp(path: string): void {
  for (;;) {
    try {
      appendFileSync(join(path, 'other'), Buffer.alloc(4096));
    } catch {
      return;
    }
  }
}

/** A tmpfs of so many MiB, 2 of them taken by the file `other`; skipped where mounting is not allowed. */
async function onSmallDisk(
  t: { skip(message: string): void },
  mebibytes: number,
  body: (path: string) => Promise<void>,
): Promise<void> {
  using folder = temporaryFolder();
  const path = join(folder.path, 'disk');
  mkdirSync(path);
  const mount = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'tmpfs', path]);
  if (mount.status !== 0) {
    assert.notEqual(process.env['LATCHKEY_REQUIRE_ALL'], '1', 'mounting a tmpfs is not allowed');
    t.skip('mounting a tmpfs is not allowed');
    return;
  }
  try {
    writeFileSync(join(path, 'other'), Buffer.alloc(2 * 1024 * 1024));
    await body(path);
  } finally {
    spawnSync('umount', [path]);
  }
}
