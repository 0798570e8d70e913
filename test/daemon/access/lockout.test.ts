import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { KeypadLockout } from '../../../daemon/access/ledger.ts';
import { afterFailure, afterSuccess, LONG_CODE, waitLeft } from '../../../daemon/access/lockout.ts';
import { instant, uptime } from '../../../drivers/contract/time.ts';
import {
  DAY,
  DOOR_KEYPAD,
  grantOf,
  HOUR,
  KEYPAD,
  LOCK,
  MINUTE,
  POLICIES,
  pin,
  reasonOf,
  typesOf,
  World,
} from './world.ts';

const POLICY = POLICIES.lockout;

/** Failures that still count: what the next one would add to. */
function failuresNow(
  row: KeypadLockout | undefined,
  digits: number,
  now: Parameters<typeof afterFailure>[2],
  policy: typeof POLICY,
): number {
  const after = afterFailure(row, digits, now, instant(0), policy).row;
  return (digits >= LONG_CODE ? after.longFailures : after.failures) - 1;
}

/** A keypad, a clock that may be restarted, and somebody who guesses. */
class Guessing {
  row: KeypadLockout | undefined;
  up = 0;
  startedAt = 0;
  boot = 1;

  get now() {
    return { boot: `b${this.boot}`, uptime: uptime(this.up), startedAt: uptime(this.startedAt) };
  }

  wait(digits = 6): number {
    return waitLeft(this.row, digits, this.now, POLICY);
  }

  fail(digits = 6): ReturnType<typeof afterFailure> {
    const failure = afterFailure(
      this.row,
      digits,
      this.now,
      instant(this.up + this.boot * DAY),
      POLICY,
    );
    this.row = failure.row;
    return failure;
  }

  succeed(digits = 6): void {
    this.row = afterSuccess(this.row, digits, this.now, instant(this.up), POLICY);
  }

  powerCycle(): void {
    this.boot += 1;
    this.up = 7_000;
    this.startedAt = 7_000;
  }
}

test('five failures are free, then each costs twice the wait before, to an hour', () => {
  const keypad = new Guessing();
  const waits = Array.from({ length: 14 }, () => keypad.fail().wait / MINUTE);
  assert.deepEqual(waits, [0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60]);
  assert.equal(keypad.wait(), HOUR);
  assert.equal(keypad.fail().isFullWait, true);
});

test('only the longest wait is told with a remedy', () => {
  const keypad = new Guessing();
  const full = Array.from({ length: 12 }, () => keypad.fail().isFullWait);
  assert.deepEqual(full.indexOf(true), 11);
});

test('the counter decays by one an hour, and what was passed towards the next is not lost', () => {
  const keypad = new Guessing();
  for (let n = 0; n < 4; n++) keypad.fail();
  keypad.up += 59 * MINUTE;
  keypad.fail();
  assert.equal(failuresNow(keypad.row, 6, keypad.now, POLICY), 5);
  keypad.up += MINUTE;
  assert.equal(failuresNow(keypad.row, 6, keypad.now, POLICY), 4);
  keypad.up += HOUR;
  assert.equal(failuresNow(keypad.row, 6, keypad.now, POLICY), 3);
  keypad.up += 10 * HOUR;
  assert.equal(failuresNow(keypad.row, 6, keypad.now, POLICY), 0);
  keypad.fail();
  keypad.up += HOUR - 1;
  assert.equal(failuresNow(keypad.row, 6, keypad.now, POLICY), 1);
});

test('a success halves the counter and does not clear it', () => {
  const keypad = new Guessing();
  keypad.succeed();
  assert.equal(keypad.row, undefined);
  for (let n = 0; n < 5; n++) keypad.fail();
  keypad.succeed();
  assert.equal(failuresNow(keypad.row, 6, keypad.now, POLICY), 2);
  keypad.succeed();
  assert.equal(failuresNow(keypad.row, 6, keypad.now, POLICY), 1);
});

test('codes of nine digits and more have their own counter', () => {
  const keypad = new Guessing();
  for (let n = 0; n < 12; n++) keypad.fail(8);
  assert.equal(keypad.wait(8), HOUR);
  assert.equal(keypad.wait(9), 0);
  for (let n = 0; n < 6; n++) keypad.fail(9);
  assert.equal(keypad.wait(9), MINUTE);
  assert.equal(keypad.wait(16), MINUTE);
  assert.equal(keypad.wait(6), HOUR);
  keypad.succeed(9);
  assert.equal(failuresNow(keypad.row, 9, keypad.now, POLICY), 3);
  assert.equal(failuresNow(keypad.row, 8, keypad.now, POLICY), 12);
});

test('the wait runs on the monotonic clock and goes on after power loss from what was left', () => {
  const keypad = new Guessing();
  for (let n = 0; n < 9; n++) keypad.fail();
  assert.equal(keypad.wait(), 8 * MINUTE);
  keypad.up += 3 * MINUTE;
  assert.equal(keypad.wait(), 5 * MINUTE);
  keypad.powerCycle();
  assert.equal(keypad.wait(), 8 * MINUTE);
  keypad.up += 7 * MINUTE;
  assert.equal(keypad.wait(), MINUTE);
  keypad.up += MINUTE;
  assert.equal(keypad.wait(), 0);
});

test('guessing is told at ten failures an hour and at twenty a day, once each', () => {
  const keypad = new Guessing();
  const told: string[] = [];
  for (let n = 1; n <= 30; n++) {
    for (const within of keypad.fail().guessing) told.push(`${n} ${within}`);
    keypad.up += 5 * MINUTE;
  }
  assert.deepEqual(told, ['10 hour', '20 day']);
});

test('ten failures are an hour’s only if they are less than an hour apart', () => {
  for (const [length, told] of [
    [HOUR - 1, 1],
    [HOUR, 0],
  ] as const) {
    const keypad = new Guessing();
    keypad.fail();
    keypad.up += length;
    const last = Array.from({ length: 9 }, () => keypad.fail().guessing.length);
    assert.equal(last.at(-1), told);
  }
});

test('a row without what was passed towards the next decay begins at none', () => {
  const asOf = { boot: 'b1', uptime: 0, at: instant(0) };
  const row: KeypadLockout = { failures: 2, waitLeft: 5, longFailures: 3, recent: [], asOf };
  const at = (up: number) => ({ boot: 'b1', uptime: uptime(up), startedAt: uptime(0) });
  assert.deepEqual(
    [failuresNow(row, 6, at(HOUR - 1), POLICY), failuresNow(row, 9, at(HOUR - 1), POLICY)],
    [2, 3],
  );
  assert.deepEqual(
    [failuresNow(row, 6, at(HOUR), POLICY), failuresNow(row, 9, at(HOUR), POLICY)],
    [1, 2],
  );
  assert.deepEqual([waitLeft(row, 6, at(4), POLICY), waitLeft(row, 9, at(4), POLICY)], [1, 0]);
});

/** Somebody at the keypad all day, trying as soon as it listens. */
function guessesIn(length: number, between: (keypad: Guessing) => void = () => {}): number[] {
  const keypad = new Guessing();
  const days: number[] = [];
  let clock = 0;
  while (clock < length) {
    const wait = keypad.wait();
    if (wait > 0) {
      keypad.up += wait;
      clock += wait;
      continue;
    }
    keypad.fail();
    const day = Math.floor(clock / DAY);
    days[day] = (days[day] ?? 0) + 1;
    clock += 1_000;
    keypad.up += 1_000;
    between(keypad);
  }
  return days;
}

test('about 34 guesses on the first day and 24 on later ones', () => {
  const [first = 0, ...later] = guessesIn(7 * DAY);
  assert.ok(first <= 36, `${first} on the first day`);
  assert.ok(
    later.slice(0, 6).every((count) => count <= 25),
    `${later} later`,
  );
});

test('a power cycle after each guess gives no more of them', () => {
  const [first = 0] = guessesIn(DAY, (keypad) => keypad.powerCycle());
  assert.ok(first <= 36, `${first} on the first day`);
});

test('no sequence of waiting, failing and power cycles shortens a wait', () => {
  const step = fc.oneof(
    fc.constant('fail' as const),
    fc.constant('power' as const),
    fc.integer({ min: 0, max: 90 * MINUTE }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const cycled = new Guessing();
      const steady = new Guessing();
      for (const each of steps) {
        if (each === 'power') cycled.powerCycle();
        else if (each === 'fail') {
          cycled.fail();
          steady.fail();
        } else {
          cycled.up += each;
          steady.up += each;
        }
        assert.ok(cycled.wait() >= steady.wait());
      }
    }),
  );
});

test('at the keypad: alarms, remedy, and entries while locked are neither looked up nor counted', () => {
  const world = new World();
  world.put(grantOf({ targets: [{ kind: 'lock', id: LOCK }], credentials: [pin('123456')] }));
  let last: readonly string[] = [];
  for (let n = 1; n <= 13; n++) {
    const entries = world.code('999999', DOOR_KEYPAD);
    last = typesOf(entries);
    const [, locked] = entries;
    if (n > 5) assert.equal(locked?.type, 'security.locked_out');
    const isFull = locked?.body['waitMs'] === HOUR;
    assert.deepEqual(locked?.body['remedy'], isFull ? ['keypad.reset', 'slot.open'] : undefined);
    assert.equal(isFull, n === 13);
    if (n < 13) world.advance(Number(locked?.body['waitMs'] ?? 0));
  }
  assert.deepEqual(last, ['access.denied', 'security.locked_out']);
  const row = world.ledger.get('keypad', DOOR_KEYPAD);
  assert.equal(reasonOf(world.code('123456', DOOR_KEYPAD)), 'locked-out');
  assert.equal(reasonOf(world.code('999999', DOOR_KEYPAD)), 'locked-out');
  assert.deepEqual(world.ledger.get('keypad', DOOR_KEYPAD), row);
  const event = { kind: 'code-entered', device: DOOR_KEYPAD, digits: '123456' } as const;
  assert.deepEqual(world.know(event).matches, []);
  assert.equal(reasonOf(world.code('123456', KEYPAD)), 'wrong-access-point');

  assert.equal(
    world.command({ kind: 'keypad.reset', device: KEYPAD, by: 'manager' }).refused,
    undefined,
  );
  assert.equal(reasonOf(world.code('123456', DOOR_KEYPAD)), 'locked-out');
  world.command({ kind: 'keypad.reset', device: DOOR_KEYPAD, by: 'manager' });
  assert.equal(reasonOf(world.code('123456', DOOR_KEYPAD)), 'granted');
});

test('a lockout survives a restart', () => {
  const world = new World();
  world.put(grantOf({ targets: [{ kind: 'lock', id: LOCK }] }));
  for (let n = 0; n < 8; n++) {
    world.code('999999', DOOR_KEYPAD);
    world.advance(n < 5 ? 0 : 2 ** (n - 5) * MINUTE - (n === 7 ? MINUTE : 0));
  }
  world.restart(DAY);
  assert.equal(reasonOf(world.code('123456', DOOR_KEYPAD)), 'locked-out');
  world.advance(4 * MINUTE);
  assert.equal(reasonOf(world.code('123456', DOOR_KEYPAD)), 'granted');
});
