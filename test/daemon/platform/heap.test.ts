import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';

const HEAP = join(import.meta.dirname, '../../../daemon/platform/heap.ts');

const ROOT = join(import.meta.dirname, '../../..');

function told(program: string, ...flags: string[]): number {
  const run = [...flags, '--input-type=module', '--eval', program];
  return Number(execFileSync(process.execPath, run, { cwd: ROOT }));
}

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
  return told(program);
}

test('the young space does not grow, so that what is collected is collected in short pauses', () => {
  const short = `(await import(${JSON.stringify(HEAP)})).keepPausesShort();`;
  const small = youngSpace(short);
  assert.ok(small * 2 <= youngSpace(''), `${small} bytes`);
});

/** Bytes kept by packets of 300 lengths, written while other small buffers come and go. */
function keptByLengths(first: string): number {
  return told(
    `${first}
    const { default: packets } = await import('mqtt-packet');
    packets.writeToStream.cacheNumbers = false;
    const kept = () => {
      gc();
      gc(); // what the first one let go is counted off by the next
      return process.memoryUsage().arrayBuffers;
    };
    const before = kept();
    for (let length = 0; length < 300; length++) {
      packets.generate({ cmd: 'publish', topic: 't', qos: 0, payload: 'x'.repeat(200 + length) });
      for (let n = 0; n < 400; n++) Buffer.from('y'.repeat(200));
    }
    console.log(kept() - before);`,
    '--expose-gc',
  );
}

test('a packet of a new length keeps a small slab, not a large one', () => {
  const small = `(await import(${JSON.stringify(HEAP)})).keepSlabsSmall();`;
  const kept = keptByLengths(small);
  assert.ok(kept <= 300 * 4096 + 65_536, `${kept} bytes`);
  assert.ok(kept * 8 < keptByLengths(''), `${kept} bytes`);
});
