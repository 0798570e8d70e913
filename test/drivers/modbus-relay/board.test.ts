import assert from 'node:assert/strict';
import { test } from 'node:test';
import { actuationId, deviceId } from '../../../drivers/contract/device.ts';
import { uptime } from '../../../drivers/contract/time.ts';
import { modbusRelay } from '../../../drivers/modbus-relay/driver.ts';
import { modbusRelayOptions } from '../../../drivers/modbus-relay/options.ts';
import { SimulatedLockBoard } from '../../../simulator/devices/lock-board.ts';
import { simulatedModbusRelay } from '../../../simulator/devices/modbus-relay.ts';
import { wiredBus } from '../wired-bus.ts';

const box = { options: {}, build: simulatedModbusRelay };

test('a relay that its input would drive is disarmed before anything else, and told', async () => {
  const wired = await wiredBus(modbusRelay, { box });
  wired.hand('box', 'set-mode', { relay: 3, mode: 1 });
  await wired.clock.advance(2000);
  assert.deepEqual(
    wired.of('fault').map(({ fault, state, detail }) => [fault, state, detail]),
    [
      ['linkage-mode', 'raised', 'relays driven by their inputs: 3'],
      ['linkage-mode', 'cleared', 'the board is set up as it should be'],
    ],
  );
  assert.equal(wired.of('online').length, 1);
  wired.hand('box', 'force-door', { slot: 3 });
  wired.hand('box', 'close-door', { slot: 3 });
  await wired.clock.advance(1000);
  const board = wired.bus.devices.get('box');
  assert.ok(board instanceof SimulatedLockBoard);
  assert.equal(board.box.pulsesOf(3), 0, 'the door moved and nothing fired');
});

test('a board that cannot be disarmed is never used', async () => {
  const wired = await wiredBus(modbusRelay, { box });
  wired.hand('box', 'set-mode', { relay: 3, mode: 1 });
  wired.hand('box', 'stick-modes');
  await wired.clock.advance(3000);
  assert.deepEqual(wired.of('online'), []);
  assert.equal(wired.of('fault').at(-1)?.state, 'raised');
  const result = await wired.result(wired.openSlot('box', 1));
  assert.deepEqual([result.result, result.sent], ['refused', false]);
});

test('a board that is busy for a moment stays in use; one that goes on refusing is given up, and told', async () => {
  for (const at of [0, 2000]) {
    const wired = await wiredBus(modbusRelay, { box });
    await wired.clock.advance(at);
    wired.hand('box', 'refuse', { code: 6, count: 2 });
    await wired.clock.advance(2000);
    assert.deepEqual([wired.of('offline'), wired.of('fault')], [[], []]);
    assert.equal(wired.of('online').length, 1);
    assert.equal((await wired.result(wired.openSlot('box', 2))).result, 'done');
    wired.hand('box', 'refuse', { code: 4, count: 1e6 });
    await wired.clock.advance(2000);
    assert.deepEqual(
      wired.of('fault').map(({ fault, state, detail }) => [fault, state, detail]),
      [['refusing', 'raised', 'function 2, address 0: it failed']],
    );
    assert.equal(wired.of('offline').length, 1);
    wired.hand('box', 'refuse', { code: 4, count: 0 });
    await wired.clock.advance(10_000);
    assert.equal(wired.of('online').length, 2);
    assert.equal(wired.of('fault').at(-1)?.state, 'cleared');
  }
});

test('an opening that a busy board refuses has failed, and is not asked for again', async () => {
  const wired = await wiredBus(modbusRelay, { box });
  await wired.clock.advance(2000);
  const id = wired.openSlot('box', 2);
  wired.hand('box', 'refuse', { code: 6 });
  const { result, detail } = await wired.result(id);
  assert.deepEqual([result, detail], ['failed', 'function 5, address 513: it is busy']);
  await wired.clock.advance(5000);
  const board = wired.bus.devices.get('box');
  assert.ok(board instanceof SimulatedLockBoard);
  assert.equal(board.box.pulsesOf(2), 0);
});

test('a relay left on by an earlier life is switched off at the start', async () => {
  const wired = await wiredBus(modbusRelay, { box });
  const board = wired.bus.devices.get('box');
  assert.ok(board instanceof SimulatedLockBoard);
  board.box.pulse(4, 3_600_000);
  await wired.clock.advance(2000);
  assert.equal(board.box.isPulsing(4), false);
});

test('a pulse is as long as asked for, within what the lock endures, and ends by itself', async () => {
  const wired = await wiredBus(modbusRelay, {
    box: { options: { pulseMostMs: 800 }, build: simulatedModbusRelay },
  });
  const board = wired.bus.devices.get('box');
  assert.ok(board instanceof SimulatedLockBoard);
  await wired.clock.advance(2000);
  for (const [asked, given] of [
    [250, 300],
    [60_000, 800],
  ] as const) {
    wired.openSlot('box', 5, 4000, asked);
    await wired.clock.runUntil(() => board.box.isPulsing(5), 4000);
    const begun = wired.clock.uptime();
    wired.bus.cut();
    await wired.clock.runUntil(() => !board.box.isPulsing(5), 5000);
    assert.ok(Math.abs(wired.clock.uptime() - begun - given) <= 20);
    wired.bus.mend();
    await wired.clock.advance(10_000);
  }
});

test('a slot without a contact is done by its acknowledgement alone, and unknown without one', async () => {
  const options = { slots: { 12: { relay: 2 } } };
  const wired = await wiredBus(modbusRelay, { box: { options, build: simulatedModbusRelay } });
  await wired.clock.advance(2000);
  const done = await wired.result(wired.openSlot('box', 12));
  assert.deepEqual([done.result, done.acknowledged, done.observed], ['done', true, false]);
  await wired.clock.advance(2000);
  wired.hand('box', 'mute');
  assert.equal((await wired.result(wired.openSlot('box', 12))).result, 'unknown');
  assert.equal((await wired.result(wired.openSlot('box', 2))).result, 'refused', 'no such slot');
});

test('wiring that contradicts itself or the board is refused, each fault with its place', () => {
  const faults = (options: object) => {
    const parsed = modbusRelayOptions.safeParse(options);
    return parsed.success ? [] : parsed.error.issues.map(({ path }) => path.join('.'));
  };
  assert.deepEqual(faults({}), []);
  assert.deepEqual(faults({ slots: { 1: { relay: 9 } } }), ['slots.1.relay']);
  assert.deepEqual(faults({ slots: { 1: { relay: 1, door: 9 } } }), ['slots.1.door']);
  assert.deepEqual(faults({ slots: { 1: { relay: 1 }, 2: { relay: 1 } } }), ['slots.2.relay']);
  assert.deepEqual(faults({ slots: { 1: { relay: 1, door: 2, presence: 2 } } }), [
    'slots.1.presence',
  ]);
  assert.deepEqual(faults({ slots: { 1: { relay: 1 } }, strike: { relay: 1 } }), ['strike.relay']);
  assert.deepEqual(faults({ strike: { relay: 1, contact: 9 } }), ['strike.contact']);
  assert.deepEqual(faults({ address: 0 }), ['address']);
  // It could not be typed where a slot is asked for.
  assert.deepEqual(faults({ slots: { 999: { relay: 1 } } }), []);
  assert.deepEqual(faults({ slots: { 1000: { relay: 1 } } }), ['slots.1000']);
});

test('a door strike at the board: unlocked for a time by its timer, locked at once, its contact told', async () => {
  const options = { strike: { relay: 2, contact: 3, holdMostMs: 5000 }, slots: {} };
  const wired = await wiredBus(modbusRelay, { door: { options, build: simulatedModbusRelay } });
  await wired.clock.advance(2000);
  assert.deepEqual(wired.of('slot-door'), []);
  assert.deepEqual(
    wired.of('door-contact').map(({ isOpen, first }) => [isOpen, first]),
    [[true, true]],
    'the contact of a shut door is active',
  );
  wired.hand('door', 'set-input', { input: 3 });
  await wired.clock.advance(1000);
  assert.deepEqual(wired.of('door-contact').at(-1)?.isOpen, false);
  const coil = () => JSON.stringify(wired.bus.devices.get('door')?.look()).includes('"coils":[2]');
  const ask = (kind: 'unlock' | 'lock', hold: number) => {
    const id = actuationId(wired.nextId());
    const expiresAt = uptime(wired.clock.uptime() + 2000);
    const common = { id, device: deviceId('door'), expiresAt };
    wired.running?.actuate(kind === 'lock' ? { ...common, kind } : { ...common, kind, hold });
    return wired.result(id);
  };
  const unlocked = await ask('unlock', 3000);
  assert.deepEqual([unlocked.result, unlocked.acknowledged], ['done', true]);
  assert.equal(coil(), true);
  await wired.clock.advance(3100);
  assert.equal(coil(), false);
  await ask('unlock', 60_000);
  assert.equal((await ask('lock', 0)).result, 'done');
  assert.equal(coil(), false);
});

test('inputs that belong to no slot are told by their number, an exit button within half a second', async () => {
  const options = { slots: { 1: { relay: 1, door: 1 } } };
  const wired = await wiredBus(modbusRelay, { box: { options, build: simulatedModbusRelay } });
  await wired.clock.advance(2000);
  assert.deepEqual(
    wired.of('input').map(({ input, first }) => [input, first]),
    [2, 3, 4, 5, 6, 7, 8].map((input) => [input, true]),
  );
  wired.events.length = 0;
  const begun = wired.clock.uptime();
  wired.hand('box', 'set-input', { input: 4 });
  await wired.clock.runUntil(() => wired.of('input').length > 0, 2000);
  assert.deepEqual(
    wired.of('input').map(({ input, active, first }) => [input, active, first]),
    [[4, true, false]],
  );
  assert.ok(wired.clock.uptime() - begun < 500);
});

const STRIKE = {
  options: { strike: { relay: 2, contact: 3 }, slots: { 1: { relay: 1 } }, pulseMostMs: 5000 },
  build: simulatedModbusRelay,
};
const isOn = (wired: Awaited<ReturnType<typeof wiredBus>>, relay: number) =>
  JSON.stringify(wired.bus.devices.get('door')?.look())
    .match(/"coils":\[([^\]]*)\]/)?.[1]
    ?.split(',')
    .includes(`${relay}`);

function unlock(wired: Awaited<ReturnType<typeof wiredBus>>, urgent: boolean): string {
  const id = wired.nextId();
  wired.running?.actuate({
    ...{ id: actuationId(id), device: deviceId('door'), kind: 'unlock', hold: 25_000 },
    ...{ expiresAt: uptime(wired.clock.uptime() + 2000), urgent },
  });
  return id;
}

test('fire (P14): a board that comes back is set up without shutting the strike, and with it shut otherwise', async () => {
  for (const isHeldOpen of [true, false]) {
    const wired = await wiredBus(modbusRelay, { door: STRIKE }, { isHeldOpen: () => isHeldOpen });
    await wired.clock.advance(1000);
    wired.openSlot('door', 1, 2000, 5000);
    unlock(wired, true);
    await wired.clock.runUntil(() => isOn(wired, 2) === true && isOn(wired, 1) === true, 6000);
    await wired.port.unplug();
    await wired.port.plug();
    await wired.open();
    let fell = false;
    for (let step = 0; step < 100; step += 1) {
      await wired.clock.advance(10);
      fell ||= isOn(wired, 2) === false;
    }
    assert.equal(wired.of('online').length, 2);
    assert.equal(fell, !isHeldOpen);
    assert.equal(isOn(wired, 1), false, 'what is no door is switched off all the same');
  }
});

test('fire (P14): a release waits for no supply to recover and for no place in the queue', async () => {
  const wired = await wiredBus(modbusRelay, { door: STRIKE });
  await wired.clock.advance(1000);
  wired.openSlot('door', 1, 2000, 5000);
  await wired.clock.advance(100);
  for (let asked = 0; asked < 8; asked += 1) wired.openSlot('door', 1, 60_000);
  const [late, urgent] = [unlock(wired, false), unlock(wired, true)];
  await wired.clock.advance(200);
  assert.equal(isOn(wired, 2), true);
  assert.deepEqual(
    wired.resultsOf(urgent).map(({ result }) => result),
    ['done'],
  );
  assert.deepEqual(
    wired.resultsOf(late).map(({ result }) => result),
    ['refused'],
  );
});
