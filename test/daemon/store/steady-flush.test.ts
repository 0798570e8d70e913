import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { realClock } from '../../../daemon/platform/clock.ts';
import { StorageError } from '../../../daemon/store/ports.ts';
import { flushAsItGrows } from '../../../daemon/store/steady-flush.ts';
import { until } from '../../real-time.ts';

/** How often this process has the file open. */
function openOn(path: string): number {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`) === path;
    } catch {
      return false; // the one that reads the folder
    }
  }).length;
}

test('a file that is built is held open for as long as it is built, and no longer', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-flush-'));
  try {
    const path = join(folder, 'grants.db');
    appendFileSync(path, Buffer.alloc(3_000_000));
    const built = new AbortController();
    const flushed = flushAsItGrows(path, realClock(), built.signal);
    await until(() => openOn(path) === 1);
    appendFileSync(path, Buffer.alloc(3_000_000));
    built.abort();
    await flushed;
    assert.equal(openOn(path), 0);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a file that cannot be brought to the disk is no file that is used', async () => {
  const { signal } = new AbortController();
  await assert.rejects(
    flushAsItGrows('/proc/no-such-file', realClock(), signal),
    (error) => error instanceof StorageError,
  );
});
