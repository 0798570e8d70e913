import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Actuation } from '../../../drivers/contract/device.ts';
import { toyBench } from './bench.ts';

test('P6: an opening is looked at again just before the wire, and refused where it is no longer allowed', async () => {
  let allowed = true;
  const looked: string[] = [];
  await using at = toyBench({
    beforeWire: (actuation) => {
      looked.push(actuation.id);
      return allowed;
    },
  });
  await at.clock.advance(1000);
  at.devices.actuate(at.ear.unlock(at.clock, 'left-1'));
  at.devices.actuate(at.ear.unlock(at.clock, 'left-2'));
  assert.equal(at.left.locks[0]?.pulses, 0);
  await at.clock.settle();
  assert.deepEqual(looked, ['a-1'], 'the second only when its turn has come');
  allowed = false;
  await at.clock.advance(1000);
  assert.deepEqual(looked, ['a-1', 'a-2']);
  assert.deepEqual(at.ear.results(), ['done', 'refused']);
  assert.equal(at.left.locks[1]?.pulses, 0);
});

test('P6: what is not on the wire yet can be withdrawn, what is on it ends as it turns out', async () => {
  await using at = toyBench();
  await at.clock.advance(1000);
  for (const lock of at.left.locks) lock.answersAfter = 60;
  const [first, second, third] = [1, 2, 1].map((n) => at.ear.unlock(at.clock, `left-${n}`));
  assert.ok(first && second && third);
  const elsewhere = at.ear.unlock(at.clock, 'right-1');
  for (const each of [first, second, third, elsewhere]) at.devices.actuate(each);
  await at.clock.advance(20);
  at.devices.withdraw(({ device }) => device.startsWith('left'));
  assert.deepEqual(
    at.ear.results('left-2').concat(at.ear.results('left-1')),
    ['refused', 'refused'],
    'told at once',
  );
  await at.clock.advance(2000);
  assert.deepEqual(at.ear.results('left-1'), ['refused', 'done']);
  assert.deepEqual(at.ear.results('right-1'), ['done']);
  assert.deepEqual(
    at.left.locks.map(({ pulses }) => pulses),
    [1, 0],
  );
});

test('P14: a release for fire waits behind no device of its bus that has just died', async () => {
  await using at = toyBench();
  await at.clock.advance(1000);
  at.left.locks[0]?.power(false);
  for (let count = 0; count < 60; count += 1) {
    at.devices.actuate(at.ear.unlock(at.clock, 'left-1'));
  }
  at.devices.actuate({ ...at.ear.unlock(at.clock, 'left-2'), urgent: true });
  await at.clock.advance(500);
  assert.equal(at.left.locks[1]?.pulses, 1);
  assert.deepEqual(at.ear.results('left-2'), ['done']);
});

test('an opening waits two seconds for its turn and no longer, whatever it was given', async () => {
  await using at = toyBench();
  await at.clock.advance(1000);
  at.left.bus.cut();
  const begin = at.clock.uptime();
  for (let count = 0; count < 40; count += 1) {
    at.devices.actuate(at.ear.unlock(at.clock, 'left-1'));
  }
  assert.equal(at.devices.status()[0]?.queued, 40);
  await at.clock.advance(60_000);
  const results = at.ear.results();
  assert.equal(results.length, 40);
  assert.ok(results.every((result) => result === 'unknown' || result === 'refused'));
  assert.ok(results.includes('refused'));
  const last = at.ear.heard.filter(({ event }) => event.kind === 'actuation-result').at(-1);
  assert.ok((last?.at ?? 0) - begin <= 2200);
  at.left.bus.mend();
  await at.clock.advance(60_000);
  assert.equal(at.left.locks[0]?.pulses, 0, 'nothing of it comes later');
  assert.equal(at.devices.status()[0]?.queued, 0);
});

test('openings of one bus go one after the other, those of another bus at the same time', async () => {
  await using at = toyBench();
  await at.clock.advance(1000);
  for (const lock of [...at.left.locks, ...at.right.locks]) lock.answersAfter = 80;
  for (const device of ['left-1', 'left-2', 'right-1']) {
    at.devices.actuate(at.ear.unlock(at.clock, device));
  }
  await at.clock.advance(2000);
  const done = at.ear.heard.flatMap(({ event, at: moment }) =>
    event.kind === 'actuation-result' ? [{ device: event.device, moment }] : [],
  );
  const moment = (device: string) => done.find((each) => each.device === device)?.moment ?? 0;
  assert.ok(moment('left-2') - moment('left-1') >= 80);
  assert.ok(Math.abs(moment('right-1') - moment('left-1')) < 300);
});

test('openings go before everything that only asks', async () => {
  const looked: string[] = [];
  await using at = toyBench({
    beforeWire: ({ kind }) => {
      looked.push(kind);
      return true;
    },
  });
  await at.clock.advance(1000);
  const reading: Actuation = { ...at.ear.unlock(at.clock, 'left-1'), kind: 'read-state' };
  const second: Actuation = { ...at.ear.unlock(at.clock, 'left-2'), kind: 'read-state' };
  for (const each of [reading, second, at.ear.unlock(at.clock, 'left-2')]) {
    at.devices.actuate(each);
  }
  await at.clock.advance(2000);
  assert.deepEqual(looked, ['read-state', 'unlock', 'read-state']);
});

test('P3: one id is one actuation, however often it is asked', async () => {
  await using at = toyBench();
  await at.clock.advance(1000);
  const once = at.ear.unlock(at.clock, 'left-1');
  at.devices.actuate(once);
  at.devices.actuate(once);
  await at.clock.advance(10);
  at.devices.actuate(once);
  await at.clock.advance(1000);
  at.devices.actuate(once);
  await at.clock.advance(1000);
  assert.equal(at.left.locks[0]?.pulses, 1);
  assert.deepEqual(at.ear.results(), ['done']);
});

test('stopping refuses what waits, lets end what is under way, and takes nothing more', async () => {
  const at = toyBench();
  await at.clock.advance(1000);
  for (const lock of at.left.locks) lock.answersAfter = 60;
  at.devices.actuate(at.ear.unlock(at.clock, 'left-1'));
  at.devices.actuate(at.ear.unlock(at.clock, 'left-2'));
  await at.clock.advance(10);
  at.stop.abort();
  await at.clock.settle();
  assert.deepEqual(at.ear.results('left-2'), ['refused']);
  at.devices.actuate(at.ear.unlock(at.clock, 'right-1'));
  await at.clock.advance(5000);
  await at.ended;
  assert.deepEqual(at.ear.results('left-1'), ['done']);
  assert.deepEqual(at.ear.results('right-1'), ['refused']);
  assert.equal(at.ear.kinds('left-1').includes('offline'), false, 'it was us who went');
});

test('a stop, as of a unit that is fenced, takes back what a driver holds and has not sent', async () => {
  await using at = toyBench();
  await at.clock.advance(1000);
  for (const lock of at.left.locks) lock.answersAfter = 60;
  for (const name of ['left-1', 'left-2']) {
    at.devices.actuate({ ...at.ear.unlock(at.clock, name), urgent: true });
  }
  await at.clock.advance(20);
  at.stop.abort();
  await at.clock.advance(2000);
  assert.deepEqual(
    at.left.locks.map(({ pulses }) => pulses),
    [1, 0],
  );
  assert.deepEqual(at.ear.results('left-1'), ['done']);
  assert.deepEqual(at.ear.results('left-2'), ['refused']);
});
