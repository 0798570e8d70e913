import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pinRotatedEntry, pinRotation } from '../../../daemon/access/pin-rotation.ts';
import { deviceId } from '../../../drivers/contract/device.ts';
import { DOOR_KEYPAD, grantOf, LOCK, pin, pinOf, reasonOf, World } from './world.ts';

const before = grantOf({ credentials: [pin('111222')], targets: [{ kind: 'lock', id: LOCK }] });
const after = { ...before, rev: 2, credentials: [pin('333444')] };
const nuki = deviceId('nuki');

test('once stored, the new code is valid and the old one dead at every reader of the box itself', () => {
  const world = new World();
  const isCarried = (index: ReturnType<typeof pinOf>) =>
    world.lookup().byCredential(index).length > 0;
  world.put(before);
  assert.deepEqual(pinRotation(before, after, [], isCarried), {
    newValid: false,
    oldDead: false,
    waiting: [],
  });
  world.put(after);
  assert.deepEqual(pinRotation(before, after, [], isCarried), {
    newValid: true,
    oldDead: true,
    waiting: [],
  });
  assert.equal(reasonOf(world.code('333444', DOOR_KEYPAD)), 'granted');
  assert.equal(reasonOf(world.code('111222', DOOR_KEYPAD)), 'unknown-credential');
});

test('a lock with a code memory is waited for, make before break', () => {
  const isCarried = (index: ReturnType<typeof pinOf>) => index === pinOf('333444');
  const told = (holds: 'new' | 'old' | 'both' | 'none' | 'unknown') => {
    const found = pinRotation(before, after, [{ device: nuki, holds }], isCarried);
    return [found?.newValid, found?.oldDead, found?.waiting.length];
  };
  assert.deepEqual(told('old'), [false, false, 1]);
  assert.deepEqual(told('both'), [true, false, 1]);
  assert.deepEqual(told('new'), [true, true, 0]);
  assert.deepEqual(told('none'), [false, true, 1]);
  assert.deepEqual(told('unknown'), [false, false, 1]);
});

test('an old code that another grant still carries is not dead', () => {
  assert.equal(pinRotation(before, after, [], () => true)?.oldDead, false);
});

test('nothing is rotated where no code was replaced', () => {
  const grown = { ...before, credentials: [...before.credentials, pin('333444')] };
  for (const [from, to] of [
    [before, before],
    [before, grown],
    [grown, before],
  ] as const) {
    assert.equal(
      pinRotation(from, to, [], () => true),
      undefined,
    );
  }
});

test('the two events', () => {
  const entry = pinRotatedEntry(after, 'old-dead', [{ device: nuki, holds: 'new' }]);
  assert.deepEqual(entry, {
    type: 'grant.pin_rotated',
    sub: 'anna',
    body: { grant: before.id, rev: 2, proves: 'old-dead', devices: ['nuki'] },
  });
});
