import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kerongCu16 } from '../../../drivers/kerong/driver.ts';
import { simulatedKerongCu16 } from '../../../simulator/devices/kerong-cu16.ts';
import { SimulatedLockBoard } from '../../../simulator/devices/lock-board.ts';
import { type WiredBus, wiredBus } from '../wired-bus.ts';

const box = { options: { address: 0 }, build: simulatedKerongCu16 };

function boardOf(wired: WiredBus, name = 'box'): SimulatedLockBoard {
  const device = wired.bus.devices.get(name);
  assert.ok(device instanceof SimulatedLockBoard);
  return device;
}

test('the first picture is a state of every slot, later ones are changes', async () => {
  const wired = await wiredBus(kerongCu16, { box });
  wired.hand('box', 'stock', { slot: 2 });
  await wired.clock.advance(1000);
  assert.equal(wired.of('online').length, 1);
  assert.equal(wired.of('slot-door').length, 16);
  assert.ok(wired.of('slot-door').every(({ first, isOpen }) => first && !isOpen));
  assert.deepEqual(
    wired.of('slot-presence').flatMap(({ slot, present }) => (present ? [slot] : [])),
    [2],
  );
  wired.hand('box', 'force-door', { slot: 7 });
  await wired.clock.advance(1000);
  const [change] = wired.of('slot-door').slice(16);
  assert.deepEqual(
    { ...change },
    { device: 'box', kind: 'slot-door', slot: 7, isOpen: true, first: false },
  );
});

test('an opening is sent once and is done when the door was seen open twice', async () => {
  const wired = await wiredBus(kerongCu16, { box });
  await wired.clock.advance(1000);
  const id = wired.openSlot('box', 16);
  const result = await wired.result(id);
  assert.deepEqual(
    { result: result.result, sent: result.sent, observed: result.observed },
    { result: 'done', sent: true, observed: true },
  );
  assert.equal(boardOf(wired).box.pulsesOf(16), 1);
  await wired.clock.advance(5000);
  assert.equal(wired.resultsOf(id).length, 1);
  assert.equal(boardOf(wired).box.pulsesOf(16), 1);
});

test('a door that sticks is failed, and its solenoid is not pulsed again', async () => {
  const wired = await wiredBus(kerongCu16, { box });
  await wired.clock.advance(1000);
  wired.hand('box', 'jam', { slot: 3 });
  const result = await wired.result(wired.openSlot('box', 3));
  assert.equal(result.result, 'failed');
  await wired.clock.advance(10_000);
  assert.equal(boardOf(wired).box.pulsesOf(3), 1);
});

test('a request that is lost on the wire is failed, not sent again', async () => {
  const wired = await wiredBus(kerongCu16, { box });
  await wired.clock.advance(1000);
  wired.hand('box', 'busy', {});
  const id = wired.openSlot('box', 3);
  await wired.clock.advance(100);
  wired.hand('box', 'busy', { on: false });
  assert.equal((await wired.result(id)).result, 'failed');
  assert.equal(boardOf(wired).box.pulsesOf(3), 0);
});

test('a board that falls silent after the pulse leaves the result unknown, and goes offline', async () => {
  const wired = await wiredBus(kerongCu16, { box });
  await wired.clock.advance(1000);
  const id = wired.openSlot('box', 3);
  await wired.clock.advance(50);
  wired.hand('box', 'mute', {});
  const result = await wired.result(id);
  assert.equal(result.result, 'unknown');
  assert.equal(result.sent, true);
  await wired.clock.advance(5000);
  assert.equal(wired.of('offline').length, 1);
  assert.deepEqual(
    wired.of('fault').map(({ fault, state }) => [fault, state]),
    [['silent', 'raised']],
  );
  assert.equal((await wired.result(wired.openSlot('box', 3))).result, 'refused');
  wired.hand('box', 'mute', { on: false });
  wired.events.length = 0;
  await wired.clock.advance(9000);
  assert.deepEqual(
    wired.of('fault').map(({ fault, state }) => [fault, state]),
    [['silent', 'cleared']],
  );
  assert.equal(wired.of('online').length, 1);
  assert.equal(wired.of('slot-door').length, 16);
  assert.ok(wired.of('slot-door').every(({ first }) => first));
  assert.equal(boardOf(wired).box.pulsesOf(3), 1);
});
