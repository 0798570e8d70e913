/** The daemon's process on a disk that takes no write: doors do not wait for it to be mended. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawnSync } from 'node:child_process';
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { openJournal } from '../../../daemon/store/journal-open.ts';
import { SeededRandom, StillClock } from '../store/known.ts';
import { ended, printed, start } from './process.ts';

test('a start on a read-only disk stays, and ends by itself for a usual one once the disk takes writes', async (t) => {
  await onOwnDisk(t, async (disk, run) => {
    await stopped(run());
    mount(['-o', 'remount,ro', disk]);
    const daemon = run();
    await printed(
      daemon,
      /"event":"started".*"state":"unsafe"|"state":"unsafe".*"event":"started"/s,
    );
    const renewed = printed(daemon, /"event":"stopped"/);
    mount(['-o', 'remount,rw', disk]);
    assert.match(await renewed, /"storage-renewed"/);
    assert.equal(await ended(daemon), 0);
    await stopped(run());
    const options = { directory: join(disk, 'store'), clock: new StillClock() };
    const { journal } = await openJournal({ ...options, random: new SeededRandom(1) });
    const starts = journal.read({ types: ['system.started'], limit: 10 });
    assert.equal(starts.length, 3, 'the second was stored at its end');
    assert.deepEqual((await journal.verify()).faults, []);
    await journal[Symbol.asyncDispose]();
  });
});

test('a start on a disk that is full to the last block stays', async (t) => {
  await onOwnDisk(t, async (disk, run) => {
    await stopped(run());
    fillUp(join(disk, 'other'));
    const daemon = run();
    await printed(daemon, /"event":"started"/);
    await stopped(daemon);
  });
});

async function stopped(daemon: ChildProcess): Promise<void> {
  if (daemon.stdout?.readableFlowing === null) await printed(daemon, /"event":"started"/);
  daemon.kill('SIGTERM');
  assert.equal(await ended(daemon), 0);
}

function mount(args: readonly string[]): boolean {
  return spawnSync('mount', args).status === 0;
}

function fillUp(file: string): void {
  for (const bytes of [65_536, 4096, 1]) {
    try {
      for (;;) appendFileSync(file, Buffer.alloc(bytes));
    } catch {
      // Smaller pieces may still find room.
    }
  }
}

/** A tmpfs with a store on it; skipped where mounting is not allowed. */
async function onOwnDisk(
  t: TestContext,
  body: (disk: string, run: () => ChildProcess) => Promise<void>,
): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-unwritable-'));
  const disk = join(directory, 'disk');
  const running: ChildProcess[] = [];
  mkdirSync(disk);
  try {
    if (!mount(['-t', 'tmpfs', '-o', 'size=12m', 'tmpfs', disk])) {
      assert.notEqual(process.env['LATCHKEY_REQUIRE_ALL'], '1', 'mounting a tmpfs is not allowed');
      t.skip('mounting a tmpfs is not allowed');
      return;
    }
    writeFileSync(join(directory, 'pepper'), '07'.repeat(32), { mode: 0o600 });
    const config = join(directory, 'config.yaml');
    writeFileSync(
      config,
      `site: { id: hut-1, zone: Europe/Stockholm }
store: { directory: ${join(disk, 'store')} }
secrets: { pinPepper: "file:${directory}/pepper" }
buses: { a: { serial: /dev/serial/by-id/none, baudRate: 19200 } }
devices: { box: { driver: kerong-cu16, bus: a, address: 0 } }
accessPoints: { lobby: { box: box } }
api: { listen: "127.0.0.1:0" }
`,
    );
    await body(disk, () => {
      const daemon = start(['run', '--config', config]);
      running.push(daemon);
      return daemon;
    });
  } finally {
    for (const daemon of running) {
      daemon.kill('SIGKILL');
      await ended(daemon);
    }
    spawnSync('umount', [disk]);
    rmSync(directory, { recursive: true, force: true });
  }
}
