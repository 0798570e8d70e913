import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '../../../simulator/random.ts';
import { DOOR, nukiBench, UNLOCK } from './bench.ts';

test('after a start the lock is online, and its state, battery, identity and clock are known', async () => {
  await using at = await nukiBench();
  await at.settled();
  assert.deepEqual(at.of('online').length, 1);
  assert.deepEqual(at.of('lock-state')[0], {
    kind: 'lock-state',
    device: DOOR,
    state: 'locked',
    first: true,
  });
  assert.deepEqual(at.of('battery')[0], {
    kind: 'battery',
    device: DOOR,
    percent: 80,
    critical: false,
  });
  assert.equal(at.of('identity')[0]?.model, 'Nuki Smart Lock with keypad');
  assert.equal(at.of('identity')[0]?.firmware, '3.5.11');
  assert.equal(at.of('fault').length, 0);
  assert.equal(at.air.isBusy(at.lock), false, 'the link is given up when there is nothing to say');
});

test('an unlock turns the bolt once, and is done when the lock says so', async () => {
  await using at = await nukiBench();
  await at.settled();
  const result = await at.do(UNLOCK);
  assert.deepEqual(
    {
      result: result.result,
      sent: result.sent,
      acknowledged: result.acknowledged,
      observed: result.observed,
    },
    { result: 'done', sent: true, acknowledged: true, observed: true },
  );
  assert.deepEqual(at.lock.motor.runs, { unlock: 1, lock: 0, unlatch: 0 });
  assert.deepEqual(
    at.of('lock-state').map(({ state }) => state),
    ['locked', 'unlocking', 'unlocked'],
  );
  await at.clock.advance(60_000);
  assert.equal(at.resultsOf(result.actuation).length, 1);
  assert.ok(at.of('device-log').some(({ action, by }) => action === 'unlock' && by === 'latchkey'));
});

test('a door with a fixed knob is unlatched, and locked again by a lock', async () => {
  await using at = await nukiBench({ options: { unlatch: true } });
  await at.settled();
  assert.equal((await at.do(UNLOCK)).result, 'done');
  assert.deepEqual(at.lock.motor.runs, { unlock: 0, lock: 0, unlatch: 1 });
  await at.clock.advance(10_000);
  assert.equal((await at.do({ kind: 'lock' })).result, 'done');
  assert.equal(at.of('lock-state').at(-1)?.state, 'locked');
  assert.equal((await at.do({ ...UNLOCK, unlatch: false })).result, 'done');
  assert.equal(at.lock.motor.runs.unlock, 1);
});

test('an unlock of an open lock is done without a motor run', async () => {
  await using at = await nukiBench();
  await at.do(UNLOCK);
  assert.equal((await at.do(UNLOCK)).result, 'done');
  assert.equal(at.lock.motor.runs.unlock, 1);
});

test('pieces of 20 bytes are put together, as on a link of the smallest MTU', async () => {
  await using at = await nukiBench({ lock: { pieces: 20 } });
  await at.settled();
  assert.equal((await at.do(UNLOCK)).result, 'done');
  assert.equal(at.statistics?.checksumErrors, 0);
});

test('a jam is failed, and a fault until the bolt moves again', async () => {
  await using at = await nukiBench();
  await at.settled();
  at.lock.motor.isJammed = true;
  const result = await at.do(UNLOCK);
  assert.equal(result.result, 'failed');
  assert.match(result.detail ?? '', /motor blocked/);
  assert.deepEqual(
    at.of('fault').map(({ fault, state }) => `${fault} ${state}`),
    ['jammed raised'],
  );
  assert.equal(at.lock.motor.runs.unlock, 1, 'a blocked motor is never tried again by itself');
  at.lock.motor.isJammed = false;
  at.lock.verbs['turn']?.run({ to: 'unlocked' });
  await at.do({ kind: 'read-state' });
  assert.deepEqual(
    at.of('fault').map(({ fault, state }) => `${fault} ${state}`),
    ['jammed raised', 'jammed cleared'],
  );
});

test('a lock out of range refuses in time, is offline, and never opens when it comes back', async () => {
  await using at = await nukiBench();
  await at.settled();
  at.air.setFaults(at.lock.address, { away: true });
  const result = await at.do(UNLOCK, 2000);
  assert.equal(result.result, 'refused');
  assert.equal(result.sent, false);
  await at.do(UNLOCK, 15_000);
  await at.clock.advance(60_000);
  assert.equal(at.of('offline').length, 1);
  at.air.setFaults(at.lock.address, {});
  await at.clock.advance(3_600_000);
  assert.equal(at.lock.motor.runs.unlock, 0);
  assert.equal(at.of('online').length, 2, 'it is found again by itself');
});

test('an unlock withdrawn before the wire moves nothing, whatever was under way', async () => {
  for (const after of [0, 20, 45, 60, 70]) {
    await using at = await nukiBench();
    await at.settled();
    const id = at.ask(UNLOCK);
    await at.clock.advance(after);
    at.withdraw(id);
    const { result, sent } = await at.result(id);
    await at.clock.advance(60_000);
    assert.equal(at.lock.motor.runs.unlock, sent ? 1 : 0, `after ${after} ms`);
    assert.equal(result, sent ? 'done' : 'refused');
    assert.equal(at.resultsOf(id).length, 1);
  }
});

test('a lock that is busy is asked again; the challenge is new each time', async () => {
  await using at = await nukiBench();
  await at.settled();
  at.lock.faults.refuseWith = 0x45;
  const id = at.ask(UNLOCK);
  await at.clock.advance(1500);
  at.lock.faults.refuseWith = undefined;
  assert.equal((await at.result(id)).result, 'done');
  assert.equal(at.lock.motor.runs.unlock, 1);
  at.lock.faults.refuseWith = 0x45;
  const busy = await at.do({ kind: 'lock' });
  assert.equal(busy.result, 'failed');
  assert.match(busy.detail ?? '', /busy/);
});

test('every error code ends in exactly one result, and is said in words', async () => {
  for (const code of [
    0x20, 0x21, 0x23, 0x25, 0x27, 0x28, 0x41, 0x42, 0x43, 0x44, 0x46, 0x47, 0x49, 0x4c, 0x77,
  ]) {
    await using at = await nukiBench({ pin: null });
    await at.settled();
    at.lock.faults.refuseWith = code;
    const id = at.ask(UNLOCK);
    const result = await at.result(id);
    assert.equal(result.result, 'failed');
    assert.match(result.detail ?? '', new RegExp(`\\(${code.toString(16)}\\)`));
    await at.clock.advance(30_000);
    assert.equal(at.resultsOf(id).length, 1);
    assert.equal(at.lock.motor.runs.unlock, 0);
  }
});

test('a lock that forgot our key says so, and the fault goes once it knows us again', async () => {
  await using at = await nukiBench();
  await at.settled();
  const [kept] = [...at.lock.authorizations];
  at.lock.authorizations.clear();
  const result = await at.do(UNLOCK);
  assert.equal(result.result, 'failed');
  assert.match(result.detail ?? '', /pair again/);
  assert.deepEqual(
    at.of('fault').map(({ fault, state }) => `${fault} ${state}`),
    ['refusing raised'],
  );
  if (kept !== undefined) at.lock.authorizations.set(...kept);
  assert.equal((await at.do(UNLOCK)).result, 'done');
  assert.equal(at.of('fault').at(-1)?.state, 'cleared');
});

test('a wrong security PIN is asked once, not until the lock shuts us out', async () => {
  await using at = await nukiBench({ pin: '9999', watch: false });
  await at.clock.advance(86_400_000);
  const asked = at.lock.heard.filter((command) => command === 0x31 || command === 0x21);
  assert.equal(asked.length, 1);
  assert.equal((await at.do(UNLOCK)).result, 'done', 'an unlock needs no PIN');
  const put = await at.do({ kind: 'put-code', entry: 'g1', digits: '345678', name: 'Guest' });
  assert.equal(put.result, 'refused');
  assert.match(put.detail ?? '', /wrong security PIN/);
});

test('a clock that runs wrong is a fault, is set, and is read back', async () => {
  await using at = await nukiBench();
  await at.settled();
  at.lock.moveClock(-300_000);
  await at.clock.advance(1_900_000);
  const faults = at.of('fault').filter(({ fault }) => fault === 'clock-drift');
  assert.deepEqual(
    faults.map(({ state }) => state),
    ['raised', 'cleared'],
  );
  assert.match(faults[0]?.detail ?? '', /-\d+ s from UTC/);
  assert.ok(Math.abs(at.lock.clock - at.clock.now()) < 2000);
});

test('what is done by hand is heard from the beacon, not only at the next poll', async () => {
  await using at = await nukiBench();
  await at.settled();
  at.lock.verbs['turn']?.run({ to: 'unlocked' });
  await at.clock.advance(30_000);
  assert.equal(at.of('lock-state').at(-1)?.state, 'unlocked');
  assert.ok(
    at.of('device-log').some(({ action, detail }) => action === 'unlock' && /by hand/.test(detail)),
  );
  at.lock.verbs['door']?.run({ open: true });
  await at.clock.advance(30_000);
  assert.deepEqual(
    at.of('door-contact').map(({ isOpen }) => isOpen),
    [true],
  );
});

test('the log is told once, in its order, and goes on where it was', async () => {
  await using at = await nukiBench();
  for (let turn = 0; turn < 45; turn += 1) {
    at.lock.verbs['turn']?.run({ to: turn % 2 === 0 ? 'unlocked' : 'locked' });
  }
  await at.settled();
  const first = at.of('device-log').map(({ index }) => index);
  assert.deepEqual(
    first,
    Array.from({ length: 20 }, (_, index) => 26 + index),
  );
  for (let turn = 0; turn < 50; turn += 1)
    at.lock.verbs['turn']?.run({ to: turn % 2 === 0 ? 'unlocked' : 'locked' });
  await at.clock.advance(1_900_000);
  const all = at.of('device-log').map(({ index }) => index);
  assert.deepEqual(
    all,
    Array.from({ length: 70 }, (_, index) => 26 + index),
  );
});

test('batteries: a slope and what is left of them, not only a percentage', async () => {
  await using at = await nukiBench({ pin: null, watch: false, options: { pollMs: 21_600_000 } });
  for (let day = 0; day < 12; day += 1) {
    at.lock.battery = 60 - day * 3;
    await at.clock.advance(86_400_000);
  }
  const low = at.of('fault').find(({ fault }) => fault === 'battery');
  assert.match(low?.detail ?? '', /% a week, about \d+ days left/);
  at.lock.battery = 100;
  await at.clock.advance(86_400_000);
  assert.equal(at.of('fault').at(-1)?.state, 'cleared');
});

test('a keypad whose batteries run low is a fault until they are changed', async () => {
  await using at = await nukiBench({ watch: false });
  await at.settled();
  for (const [isLow, state] of [
    [true, 'raised'],
    [false, 'cleared'],
  ] as const) {
    at.lock.keypadIsLow = isLow;
    await at.do({ kind: 'read-state' });
    const told = at.of('fault').filter(({ fault }) => fault === 'battery');
    assert.equal(told.at(-1)?.state, state);
    if (isLow) assert.match(told.at(-1)?.detail ?? '', /keypad battery critical/);
  }
});

/** Cuts the link at the n-th operation of the connection that carries an unlock, taken by the lock or not. */
for (const taken of [false, true]) {
  test(`the link is cut at every step of an unlock, the step ${taken ? 'taken' : 'not taken'}: one result, never two runs`, async () => {
    const seen = new Set<string>();
    for (let packet = 0; packet < 9; packet += 1) {
      await using at = await nukiBench({ seed: 10 + packet });
      await at.settled();
      at.air.setFaults(at.lock.address, { cutAt: { packet, taken } });
      const id = at.ask(UNLOCK);
      await at.clock.advance(400);
      at.air.setFaults(at.lock.address, {});
      const { result, sent } = await at.result(id);
      await at.clock.advance(120_000);
      assert.equal(at.resultsOf(id).length, 1, `step ${packet}`);
      const { unlock } = at.lock.motor.runs;
      assert.ok(unlock <= 1, `step ${packet}: the motor ran ${unlock} times`);
      if (result === 'done') assert.equal(unlock, 1, `step ${packet}: done without a run`);
      if (result === 'refused') assert.equal(unlock, 0, `step ${packet}: refused, but it ran`);
      if (result === 'failed') assert.equal(unlock, 0, `step ${packet}: failed, but it ran`);
      seen.add(`${result} ${sent}`);
    }
    assert.ok(seen.has('done true'), [...seen].join());
  });
}

test('a lock that moves and vanishes is looked for, never asked to move again', async () => {
  await using at = await nukiBench();
  await at.settled();
  at.lock.faults.dropWhenMoving = true;
  const result = await at.do(UNLOCK);
  assert.equal(result.result, 'done');
  assert.match(result.detail ?? '', /seen unlocked/);
  assert.equal(at.lock.motor.runs.unlock, 1);
});

test('a lock that vanishes for good after the command leaves it unknown', async () => {
  await using at = await nukiBench();
  await at.settled();
  at.lock.faults.dropWhenMoving = true;
  const id = at.ask(UNLOCK);
  await at.clock.runUntil(() => at.lock.motor.runs.unlock === 1, 5000);
  at.air.setFaults(at.lock.address, { away: true });
  const result = await at.result(id);
  assert.equal(result.result, 'unknown');
  assert.equal(result.sent, true);
  at.air.setFaults(at.lock.address, {});
  await at.clock.advance(3_600_000);
  assert.equal(at.lock.motor.runs.unlock, 1);
  assert.equal(at.resultsOf(id).length, 1);
});

test('a lock that never says it is done is judged by its state', async () => {
  await using at = await nukiBench();
  await at.settled();
  at.lock.faults.withholdCompletion = true;
  const result = await at.do(UNLOCK);
  assert.equal(result.result, 'done');
  assert.equal(at.lock.motor.runs.unlock, 1);
});

test('a mute lock is offline after a while, and an unlock of it is refused unsent', async () => {
  await using at = await nukiBench();
  await at.settled();
  at.lock.faults.mute = true;
  const result = await at.do(UNLOCK);
  assert.equal(result.result, 'refused');
  await at.do(UNLOCK);
  assert.equal(at.of('offline').length, 1);
});

test('any faults of the air, in any order: an unlock is one result and at most one run', async () => {
  const runs = process.env['LATCHKEY_LONG'] === '1' ? 400 : 40;
  for (let seed = 1; seed <= runs; seed += 1) {
    const random = seededRandom(seed);
    const chance = (of: number) => random.fraction() < of;
    await using at = await nukiBench({ seed, options: { unlatch: chance(0.5) } });
    await at.clock.advance(Math.floor(random.fraction() * 15_000));
    const ids = [];
    for (let turn = 0; turn < 3; turn += 1) {
      at.lock.faults.mute = chance(0.1);
      at.lock.faults.dropWhenMoving = chance(0.2);
      at.lock.faults.withholdCompletion = chance(0.2);
      at.air.setFaults(at.lock.address, {
        away: chance(0.15),
        ...(chance(0.3)
          ? { cutAt: { packet: Math.floor(random.fraction() * 8), taken: chance(0.5) } }
          : {}),
        ...(chance(0.1) ? { silentFrom: Math.floor(random.fraction() * 6) } : {}),
        replyDelay: chance(0.2) ? 700 : 0,
        duplicate: chance(0.2),
      });
      at.lock.motor.turn(1);
      ids.push(at.ask(UNLOCK));
      await at.clock.advance(Math.floor(random.fraction() * 20_000));
    }
    at.lock.faults.mute = false;
    at.air.setFaults(at.lock.address, {});
    await at.clock.advance(200_000);
    const { unlock, unlatch } = at.lock.motor.runs;
    const results = ids.map((id) => at.resultsOf(id));
    for (const each of results) assert.equal(each.length, 1, `seed ${seed}`);
    const sent = results.flat().filter((each) => each.sent).length;
    assert.ok(unlock + unlatch <= sent, `seed ${seed}: ${unlock + unlatch} runs, ${sent} sent`);
  }
});
