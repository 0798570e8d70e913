import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { machineBoot } from '../../../daemon/platform/boot.ts';
import { realClock } from '../../../daemon/platform/clock.ts';
import { realRandom } from '../../../daemon/platform/random.ts';
import { uptime } from '../../../drivers/contract/time.ts';

test('a real timer never fires before its moment, and not at all once it is cancelled', async () => {
  const clock = realClock();
  let cancelled = 0;
  const waits = Array.from({ length: 40 }, (_, index) => {
    const at = uptime(clock.uptime() + index * 0.7);
    clock.wakeAt(at, () => (cancelled += 1)).cancel();
    return new Promise<number>((fired) => clock.wakeAt(at, () => fired(clock.uptime() - at)));
  });
  const late = await Promise.all(waits);
  assert.ok(Math.min(...late) >= 0, `${late}`);
  assert.equal(cancelled, 0);
});

test('a timer of more than 24 days does not fire at once', async () => {
  const clock = realClock();
  let fired = false;
  const far = clock.wakeAt(uptime(clock.uptime() + 2 ** 33), () => {
    fired = true;
  });
  await new Promise<void>((done) => clock.wakeAt(uptime(clock.uptime() + 5), done));
  assert.equal(fired, false);
  far.cancel();
});

test('real chance fills its range', () => {
  const random = realRandom();
  const seen = new Set(random.bytes(4096));
  assert.ok(seen.size > 250, `${seen.size} of 256 values`);
  const fractions = Array.from({ length: 1000 }, () => random.fraction());
  assert.ok(fractions.every((each) => each >= 0 && each < 1));
  assert.ok(Math.min(...fractions) < 0.05 && Math.max(...fractions) > 0.95);
});

test('no chance is given out twice, whatever lengths are asked for', () => {
  const random = realRandom();
  const drawn = Array.from({ length: 5000 }, (_, n) => random.bytes(10 + (n % 23)));
  assert.ok(drawn.every(({ length }, n) => length === 10 + (n % 23)));
  assert.equal(new Set(drawn.map((bytes) => Buffer.from(bytes).toString('hex', 0, 10))).size, 5000);
  assert.equal(random.bytes(10_000).length, 10_000);
});

test('uptime is the machine’s, and a boot has one name: the next process counts on', () => {
  const [since = ''] = readFileSync('/proc/uptime', 'utf8').split(' ');
  assert.ok(Math.abs(realClock().uptime() - Number(since) * 1000) < 10_000);
  assert.match(machineBoot() ?? '', /^[0-9a-f]{12}$/);
  assert.equal(machineBoot(), machineBoot());
  assert.equal(machineBoot('/nowhere'), undefined);
  assert.equal(machineBoot('/proc/uptime'), undefined);
  const told = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  assert.equal(machineBoot('/nowhere', told.replaceAll('-', '')), machineBoot());
  assert.equal(machineBoot('/nowhere', '%b'), undefined);
});
