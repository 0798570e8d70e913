import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';

const HEAP = join(import.meta.dirname, '../../../daemon/platform/heap.ts');

/** Bytes of the young space of a process that makes much of which little stays. */
function youngSpace(first: string): number {
  const program = `${first}
    const kept = [];
    for (let n = 0; n < 2_000_000; n++) {
      const made = { text: String(n), list: [n] };
      kept[n % 20_000] = made;
    }
    const { getHeapSpaceStatistics } = await import('node:v8');
    const young = getHeapSpaceStatistics().find((space) => space.space_name === 'new_space');
    console.log(young.space_size);`;
  return Number(execFileSync(process.execPath, ['--input-type=module', '--eval', program]));
}

test('the young space does not grow, so that what is collected is collected in short pauses', () => {
  const short = `(await import(${JSON.stringify(HEAP)})).keepPausesShort();`;
  const small = youngSpace(short);
  assert.ok(small * 2 <= youngSpace(''), `${small} bytes`);
});
