import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { countStart, forgetStarts } from '../../../daemon/start/starts.ts';
import { instant } from '../../../drivers/contract/time.ts';

const MINUTE = 60_000;

test('five starts in ten minutes that ended badly make the sixth a safe one; a good end, or time, makes it forgotten', () => {
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-starts-'));
  try {
    const at = (minutes: number) => countStart(directory, instant(minutes * MINUTE));
    assert.deepEqual([0, 1, 2, 3, 4].map(at), [false, false, false, false, false]);
    assert.equal(at(5), true);
    assert.equal(at(6), true, 'as long as it goes on so');
    assert.equal(at(30), false);
    for (const minute of [31, 32, 33, 34]) at(minute);
    assert.equal(at(35), true);
    forgetStarts(directory);
    assert.equal(at(36), false);
    for (const minute of [37, 38, 39, 40]) at(minute);
    assert.equal(at(1), false, 'the clock was set back: no crash loop');
    writeFileSync(join(directory, 'starts.json'), '[1,');
    assert.equal(at(41), false, 'cut short by the power');
    forgetStarts(directory);
    forgetStarts(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
