import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { realClock } from '../../../daemon/platform/clock.ts';
import { makeBackups } from '../../../daemon/store/backups.ts';
import { openJournal } from '../../../daemon/store/journal-open.ts';
import { instant, uptime } from '../../../drivers/contract/time.ts';
import { seededRandom } from '../../../simulator/random.ts';
import { latchkey } from './process.ts';

const clock = realClock();
const at = instant(Date.parse('2026-11-24T00:00Z'));
const stamp = {
  at,
  uptime: uptime(1),
  boot: 'b',
  clock: { lo: at, hi: at, state: 'trusted' },
} as const;

test('a backup is put in the place of a lost journal, begins a new epoch, and what was there is kept', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-restore-'));
  try {
    const before = await openJournal({ directory, clock, random: seededRandom(1) });
    await before.journal.append({ stamp, entries: [{ type: 'system.started', body: { n: 1 } }] })
      .committed;
    const made = await makeBackups(directory, { journal: before }, at);
    assert.equal(made.kind, 'made');
    const { epoch } = before.journal;

    const running = await latchkey([
      'restore',
      join(directory, 'backups', readdirSync(join(directory, 'backups'))[0] ?? ''),
      '--directory',
      directory,
    ]);
    assert.equal(running.status, 1, 'not beside a daemon');
    assert.match(running.stderr, /in use/);
    await before.journal[Symbol.asyncDispose]();

    const backup = join(directory, 'backups', readdirSync(join(directory, 'backups'))[0] ?? '');
    const done = await latchkey(['restore', backup, '--directory', directory, '--json']);
    assert.equal(done.status, 0, done.stderr);
    const after = await openJournal({ directory, clock, random: seededRandom(2) });
    assert.notEqual(after.journal.epoch, epoch);
    assert.equal(after.recovered?.kind, 'restored');
    assert.equal((await after.journal.verify()).ok, true);
    await after.journal[Symbol.asyncDispose]();

    const wrong = join(directory, 'no.db');
    writeFileSync(wrong, 'not a database');
    const refused = await latchkey(['restore', wrong, '--directory', directory]);
    assert.equal(refused.status, 1);
    const missing = await latchkey(['restore', '/nowhere.db', '--directory', directory]);
    assert.equal(missing.status, 2);
    assert.match(missing.stderr, /ENOENT|no such file/);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
