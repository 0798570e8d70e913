import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { test } from 'node:test';
import { type Screen, working } from '../../../daemon/cli/progress.ts';
import { instant, uptime } from '../../../drivers/contract/time.ts';

/** A clock that goes as far with each look at it as the test says, and wakes nobody. */
function screen(isTTY: boolean, stepMs: number): Screen & { readonly shown: string[] } {
  const shown: string[] = [];
  let now = 0;
  const output = new Writable({
    write(chunk, _encoding, done) {
      shown.push(String(chunk));
      done();
    },
  });
  return {
    shown,
    output: Object.assign(output, { isTTY }),
    clock: {
      now: () => instant(now),
      uptime() {
        now += stepMs;
        return uptime(now);
      },
      wakeAt: () => ({ cancel() {} }),
    },
  };
}

test('a bar shows how far it is, also from a loop that never yields, and is gone at the end', async () => {
  const seen = screen(true, 300);
  const result = await working(
    'verifying',
    (bar) => {
      for (let done = 0; done <= 10; done += 1) bar.at(done, 10);
      return 'whole';
    },
    seen,
  );
  assert.equal(result, 'whole');
  assert.match(seen.shown.at(-2) ?? '', /verifying \[#{24}\] 100 % {2}\d+ s$/);
  assert.ok(seen.shown.some((text) => /\[#+\.+\] \d\d %/.test(text)));
  assert.equal(seen.shown.at(-1), '\r\x1b[2K');
});

test('what is done within a second shows nothing; what fails leaves nothing on the line', async () => {
  const quick = screen(true, 10);
  await working('restoring', (bar) => bar.at(1, 2), quick);
  assert.deepEqual(quick.shown, []);
  const broken = screen(true, 2000);
  await assert.rejects(
    working(
      'restoring',
      (bar) => {
        bar.at(1, 2);
        throw new Error('no');
      },
      broken,
    ),
  );
  assert.equal(broken.shown.at(-1), '\r\x1b[2K');
});

test('nothing is shown where nobody looks', async () => {
  const piped = screen(false, 5000);
  await working('verifying', (bar) => bar.at(1, 2), piped);
  assert.deepEqual(piped.shown, []);
});
