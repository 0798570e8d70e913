import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { realClock } from '../../../daemon/platform/clock.ts';
import { inputOpener } from '../../../daemon/platform/input-link.ts';
import { Heard } from '../../contract/link.ts';
import { until } from '../../real-time.ts';

const NEVER = new AbortController().signal;

function fifo(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-input-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const path = join(directory, 'event-kbd');
  execFileSync('mkfifo', [path]);
  return path;
}

test('records written to an input arrive whole and in order, whoever comes and goes at its other end', async (t) => {
  const path = fifo(t);
  const heard = new Heard();
  const link = await inputOpener({ path, clock: realClock() }).open(heard, NEVER);
  for (const byte of [1, 2]) {
    const writer = openSync(path, constants.O_WRONLY);
    writeSync(writer, new Uint8Array(24).fill(byte));
    closeSync(writer);
    await until(() => heard.text.length === 48 * byte);
  }
  assert.equal(heard.text, '01'.repeat(24) + '02'.repeat(24));
  assert.equal(heard.ends.length, 0);
  await assert.rejects(link.send(Uint8Array.of(1)), { code: 'failed' });
  await link.close();
  await link.close();
  assert.equal(heard.ends.length, 1);
  await assert.rejects(link.send(Uint8Array.of(1)), { code: 'closed' });
});

test('an input whose name is gone ends within two seconds', async (t) => {
  const path = fifo(t);
  const heard = new Heard();
  await inputOpener({ path, clock: realClock() }).open(heard, NEVER);
  unlinkSync(path);
  await until(() => heard.ends.length > 0, 2000);
  assert.deepEqual(
    heard.ends.map(({ code, message }) => [code, /was unplugged/.test(message)]),
    [['closed', true]],
  );
});

test('an input whose name cannot be followed any more ends like one that is gone', async (t) => {
  const path = `${fifo(t)}-link`;
  symlinkSync(path.slice(0, -'-link'.length), path);
  const heard = new Heard();
  await inputOpener({ path, clock: realClock() }).open(heard, NEVER);
  unlinkSync(path);
  symlinkSync(path, path);
  await until(() => heard.ends.length > 0, 2000);
  assert.deepEqual(
    heard.ends.map(({ code }) => code),
    ['closed'],
  );
});

test('what is missing or no input is refused with a remedy', async (t) => {
  const open = (path: string) => inputOpener({ path, clock: realClock() }).open(new Heard(), NEVER);
  await assert.rejects(open(`${fifo(t)}-2`), { code: 'missing', message: /plugged in/ });
  await assert.rejects(open(import.meta.filename), { code: 'failed', message: /by-id/ });
});
