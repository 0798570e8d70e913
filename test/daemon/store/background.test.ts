import assert from 'node:assert/strict';
import { once } from 'node:events';
import { getPriority } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';

const BACKGROUND = join(import.meta.dirname, '../../../daemon/store/background.ts');

test('a thread that gives way does so alone: its process goes on as before', {
  skip: process.platform !== 'linux' && 'only Linux knows priorities of threads',
}, async () => {
  const before = getPriority();
  const program = `
      const { readlinkSync } = require('node:fs');
      const { getPriority } = require('node:os');
      const { parentPort } = require('node:worker_threads');
      const own = () => getPriority(Number(readlinkSync('/proc/thread-self').split('/').at(-1)));
      const first = own();
      import(${JSON.stringify(BACKGROUND)}).then(({ giveWay }) => {
        giveWay();
        parentPort.postMessage([first, own()]);
      });`;
  const worker = new Worker(program, { eval: true });
  const [[first, then]] = await once(worker, 'message');
  assert.equal(first, before);
  assert.equal(then, 19);
  assert.equal(getPriority(), before);
  await worker.terminate();
});
