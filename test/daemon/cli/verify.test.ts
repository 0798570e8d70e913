import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { inStore } from '../../../daemon/cli/verify.ts';
import { realClock } from '../../../daemon/platform/clock.ts';
import { makeBackups } from '../../../daemon/store/backups.ts';
import { openJournal } from '../../../daemon/store/journal-open.ts';
import { copyStore } from '../../../daemon/store/unit-copy.ts';
import { instant, uptime } from '../../../drivers/contract/time.ts';
import { seededRandom } from '../../../simulator/random.ts';
import { latchkey } from './process.ts';

const at = instant(Date.parse('2026-11-24T00:00Z'));
const stamp = {
  at,
  uptime: uptime(1),
  boot: 'b',
  clock: { lo: at, hi: at, state: 'trusted' },
} as const;
const ENTRIES = 1200;

test('verify and backup tell how far they are, over all files, and verify finds the one that is not whole', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-verify-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const opened = await openJournal({ directory, clock: realClock(), random: seededRandom(1) });
  const entries = Array.from({ length: ENTRIES }, (_, n) => ({
    type: 'system.started' as const,
    body: { n },
  }));
  await opened.journal.append({ stamp, entries }).committed;
  await makeBackups(directory, { journal: opened }, at);
  await opened.journal[Symbol.asyncDispose]();

  const told: number[] = [];
  const looked = inStore(directory, { at: (done, of) => told.push(done / of) });
  assert.deepEqual(
    looked.map(({ fault }) => fault),
    [null, null],
  );
  assert.deepEqual(
    told,
    [...told].sort((a, b) => a - b),
  );
  assert.equal(told.at(-1), 1);
  assert.ok(
    told.some((part) => part > 0 && part < 0.5),
    `also within the first file: ${told}`,
  );

  const copied: number[] = [];
  await copyStore(directory, (done, of) => copied.push(done / of));
  assert.ok(
    copied.some((part) => part > 0 && part < 1),
    copied.join(' '),
  );

  const [backup = ''] = readdirSync(join(directory, 'backups'));
  writeFileSync(join(directory, 'backups', backup), 'not a database');
  const { status, stdout } = await latchkey(['verify', '--directory', directory, '--json']);
  assert.equal(status, 1);
  const { files } = JSON.parse(stdout);
  assert.deepEqual(
    files.map(({ fault }: { fault: string | null }) => fault === null),
    [true, false],
  );
});
