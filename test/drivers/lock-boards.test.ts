/** What every lock board driver is held to, on its simulated board (serial-hardware 2.4 to 2.6). */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { actuationId, deviceId } from '../../drivers/contract/device.ts';
import type { Driver } from '../../drivers/contract/machine.ts';
import { kerongCu12, kerongCu16, kerongCu48, kerongCu48b } from '../../drivers/kerong/driver.ts';
import { lockBoard8a } from '../../drivers/lock-board-8a/driver.ts';
import { modbusRelay } from '../../drivers/modbus-relay/driver.ts';
import { winnsen } from '../../drivers/winnsen/driver.ts';
import type { SimulatedDevice } from '../../simulator/device.ts';
import { simulatedKerongCu12, simulatedKerongCu16 } from '../../simulator/devices/kerong-cu16.ts';
import { simulatedKerongCu48, simulatedKerongCu48b } from '../../simulator/devices/kerong-cu48.ts';
import { SimulatedLockBoard } from '../../simulator/devices/lock-board.ts';
import { simulatedLockBoard8a } from '../../simulator/devices/lock-board-8a.ts';
import { simulatedModbusRelay } from '../../simulator/devices/modbus-relay.ts';
import { simulatedWinnsen } from '../../simulator/devices/winnsen.ts';
import { knownOptions } from './known-options.ts';
import { type WiredBus, type WiredDevice, wiredBus } from './wired-bus.ts';

interface Subject {
  readonly entry: Driver;
  readonly build: NonNullable<WiredDevice['build']>;
  /** Without the address. */
  readonly options: object;
  readonly slots: number;
  readonly hasPresence: boolean;
  /** Its frames are those of another subject. */
  readonly isVariant?: true;
  /** Without one nothing can be promised under noise. */
  readonly hasChecksum?: false;
  /** Its contacts cannot be wired the other way round. */
  readonly hasPolarity?: false;
}

const SUBJECTS: readonly Subject[] = [
  {
    entry: kerongCu16,
    build: simulatedKerongCu16,
    options: {},
    slots: 16,
    hasPresence: true,
  },
  {
    entry: kerongCu12,
    build: simulatedKerongCu12,
    options: {},
    slots: 12,
    hasPresence: false,
    isVariant: true,
  },
  {
    entry: kerongCu48,
    build: simulatedKerongCu48,
    options: {},
    slots: 48,
    hasPresence: false,
    isVariant: true,
  },
  {
    entry: kerongCu48b,
    build: simulatedKerongCu48b,
    options: {},
    slots: 48,
    hasPresence: true,
  },
  {
    entry: lockBoard8a,
    build: simulatedLockBoard8a,
    options: { slots: 24 },
    slots: 24,
    hasPresence: false,
  },
  {
    entry: modbusRelay,
    build: simulatedModbusRelay,
    options: {
      pulseMostMs: 500,
      inputs: 16,
      slots: Object.fromEntries(
        Array.from({ length: 8 }, (_, index) => [
          index + 1,
          { relay: index + 1, door: index + 1, presence: index + 9 },
        ]),
      ),
    },
    slots: 8,
    hasPresence: true,
  },
  {
    entry: winnsen,
    build: simulatedWinnsen,
    options: { acceptNoChecksum: true },
    slots: 16,
    hasPresence: false,
    hasChecksum: false,
    hasPolarity: false,
  },
];

/** How many openings under noise, for each protocol once; the long run is for a release. */
const OPENINGS = process.env['LATCHKEY_LONG'] === '1' ? 5000 : 1000;
const OPENINGS_OF_VARIANT = 200;

function board(wired: WiredBus, name = 'box'): SimulatedLockBoard {
  const device: SimulatedDevice | undefined = wired.bus.devices.get(name);
  assert.ok(device instanceof SimulatedLockBoard);
  return device;
}

for (const subject of SUBJECTS) {
  const { entry, build, options, slots, hasPresence } = subject;
  const at = (address: number, more: object = {}): WiredDevice => ({
    options: { ...options, address, ...more },
    build,
  });
  const started = async (
    devices: Readonly<Record<string, WiredDevice>> = { box: at(1) },
    settings: Parameters<typeof wiredBus>[2] = {},
  ) => {
    const wired = await wiredBus(entry, devices, settings);
    await wired.clock.advance(1500);
    return wired;
  };

  /** Only for boards with presence sensors. */
  const sensed = (name: string, run: () => Promise<void>) => {
    if (hasPresence) test(name, run);
  };

  describe(entry.name, () => {
    test('the first picture shows every slot as a state, later ones changes', async () => {
      const wired = await wiredBus(entry, { box: at(1) });
      if (hasPresence) wired.hand('box', 'stock', { slot: 2 });
      await wired.clock.advance(1500);
      assert.deepEqual(
        wired.of('online').map(({ device }) => device),
        ['box'],
      );
      const doors = wired.of('slot-door');
      assert.equal(doors.length, slots);
      assert.ok(doors.every(({ first, isOpen }) => first && !isOpen));
      const occupied = wired.of('slot-presence').filter(({ present }) => present);
      assert.deepEqual(
        occupied.map(({ slot, first }) => [slot, first]),
        hasPresence ? [[2, true]] : [],
      );
      wired.events.length = 0;
      wired.hand('box', 'force-door', { slot: slots });
      await wired.clock.advance(1500);
      assert.deepEqual(
        wired.of('slot-door').map(({ slot, isOpen, first }) => [slot, isOpen, first]),
        [[slots, true, false]],
      );
    });

    test('each slot opens its own door, once, and the opening is seen', async () => {
      const wired = await started();
      for (const slot of [1, 2, Math.ceil(slots / 2), slots]) {
        const result = await wired.result(wired.openSlot('box', slot));
        assert.deepEqual([result.result, result.sent, result.observed], ['done', true, true]);
        await wired.clock.advance(3000);
      }
      for (let slot = 1; slot <= slots; slot += 1) {
        const expected = [1, 2, Math.ceil(slots / 2), slots].includes(slot) ? 1 : 0;
        assert.equal(board(wired).box.pulsesOf(slot), expected, `slot ${slot}`);
      }
    });

    sensed('a key taken and brought back is seen to go and to come', async () => {
      const wired = await started();
      wired.hand('box', 'stock', { slot: 4 });
      await wired.clock.advance(1500);
      await wired.result(wired.openSlot('box', 4));
      wired.events.length = 0;
      await wired.clock.advance(1000);
      wired.hand('box', 'take-key', { slot: 4 });
      await wired.clock.advance(1000);
      wired.hand('box', 'close-door', { slot: 4 });
      await wired.clock.advance(1000);
      const seen = wired.events.flatMap(({ event }) =>
        event.kind === 'slot-door'
          ? [`door ${event.isOpen}`]
          : event.kind === 'slot-presence'
            ? [`key ${event.present}`]
            : [],
      );
      assert.deepEqual(seen, ['key false', 'door false']);
    });

    test('a slot that the board has not is refused, and nothing is pulsed', async () => {
      const wired = await started();
      for (const slot of [slots + 1, slots + 2, 256, 4096]) {
        const result = await wired.result(wired.openSlot('box', slot));
        assert.deepEqual([result.result, result.sent], ['refused', false]);
      }
      await wired.clock.advance(5000);
      for (let slot = 1; slot <= slots; slot += 1) {
        assert.equal(board(wired).box.pulsesOf(slot), 0);
      }
    });

    test('a door that sticks is failed and is not pulsed again', async () => {
      const wired = await started();
      wired.hand('box', 'jam', { slot: 3 });
      const result = await wired.result(wired.openSlot('box', 3));
      assert.deepEqual([result.result, result.observed], ['failed', true]);
      await wired.clock.advance(10_000);
      assert.equal(board(wired).box.pulsesOf(3), 1);
    });

    test('a lying contact makes the result wrong only as far as anybody could know', async () => {
      const wired = await started();
      wired.hand('box', 'jam', { slot: 3 });
      wired.hand('box', 'lie', { slot: 3 });
      await wired.clock.advance(1000);
      assert.equal(wired.of('slot-door').at(-1)?.isOpen, true, 'the lie is told as it is seen');
      const result = await wired.result(wired.openSlot('box', 3));
      assert.equal(result.result, 'done');
      assert.equal(board(wired).box.pulsesOf(3), 1);
    });

    test('a board that is deaf after the pulse is waited for', async () => {
      const wired = await started();
      wired.hand('box', 'deaf', { ms: 600 });
      const result = await wired.result(wired.openSlot('box', 2));
      assert.deepEqual([result.result, result.observed], ['done', true]);
      assert.equal(board(wired).box.pulsesOf(2), 1);
      assert.deepEqual(wired.of('offline'), []);
    });

    test('a board that hangs after the pulse leaves it unknown, is offline, and comes back whole', async () => {
      const wired = await started();
      const id = wired.openSlot('box', 3);
      await wired.clock.runUntil(() => board(wired).box.pulsesOf(3) === 1, 1000);
      wired.hand('box', 'mute');
      assert.equal((await wired.result(id)).result, 'unknown');
      await wired.clock.advance(6000);
      assert.equal(wired.of('offline').length, 1);
      assert.deepEqual(
        wired.of('fault').map(({ fault, state }) => [fault, state]),
        [['silent', 'raised']],
      );
      assert.equal((await wired.result(wired.openSlot('box', 3))).result, 'refused');
      wired.events.length = 0;
      wired.hand('box', 'mute', { on: false });
      await wired.clock.advance(10_000);
      assert.equal(wired.of('online').length, 1);
      assert.equal(wired.of('slot-door').filter(({ first }) => first).length, slots);
      assert.equal(board(wired).box.pulsesOf(3), 1);
    });

    test('an opening that would come too late is refused and never reaches the wire', async () => {
      const wired = await wiredBus(entry, { box: { options: { ...options, address: 1 } } });
      const id = wired.openSlot('box', 1, 400);
      const result = await wired.result(id);
      assert.deepEqual([result.result, result.sent], ['refused', false]);
      const running = await started();
      const first = running.openSlot('box', 1);
      const second = running.openSlot('box', 2, 300);
      assert.equal(
        (await running.result(second)).result,
        'refused',
        'the first keeps the board busy',
      );
      assert.equal((await running.result(first)).result, 'done');
      await running.clock.advance(5000);
      assert.equal(board(running).box.pulsesOf(2), 0);
    });

    test('what is withdrawn before its turn never moves; on the wire it is too late', async () => {
      const wired = await started();
      const first = wired.openSlot('box', 1);
      const second = wired.openSlot('box', 2);
      await wired.clock.advance(20);
      wired.running?.withdraw(actuationId(first));
      wired.running?.withdraw(actuationId(second));
      assert.equal((await wired.result(second)).result, 'refused');
      assert.equal((await wired.result(first)).result, 'done');
      await wired.clock.advance(5000);
      assert.equal(board(wired).box.pulsesOf(2), 0);
    });

    test('openings of one board are kept apart, and none is lost', async () => {
      const wired = await started({ box: at(1) });
      const ids = [1, 2, 3, 4].map((slot) => wired.openSlot('box', slot, 20_000));
      for (const id of ids) assert.equal((await wired.result(id, 20_000)).result, 'done');
      const look = board(wired).look();
      assert.match(
        JSON.stringify(look),
        /"mostPulsingAtOnce":1[,}]/,
        'never two solenoids at once',
      );
    });

    test('unplugged with openings under way: sent is unknown, waiting is refused, none comes later', async () => {
      const wired = await started();
      const first = wired.openSlot('box', 1);
      const second = wired.openSlot('box', 2);
      await wired.clock.runUntil(() => board(wired).box.pulsesOf(1) === 1, 1000);
      await wired.port.unplug();
      assert.equal((await wired.result(first)).result, 'unknown');
      assert.equal((await wired.result(second)).result, 'refused');
      assert.equal(wired.of('offline').length, 1);
      await wired.port.plug();
      await wired.open();
      await wired.clock.advance(10_000);
      assert.equal(board(wired).box.pulsesOf(1), 1);
      assert.equal(board(wired).box.pulsesOf(2), 0);
      assert.equal(wired.of('online').length, 2);
    });

    test('our own bytes coming back are taken off, configured or found out', async () => {
      for (const echo of [true, false]) {
        const wired = await wiredBus(entry, { box: at(1) }, { echo, adapterEchoes: true });
        await wired.clock.advance(2000);
        assert.equal(wired.of('online').length, 1);
        const result = await wired.result(wired.openSlot('box', 2));
        assert.equal(result.result, 'done');
        assert.deepEqual(wired.of('fault'), []);
        assert.equal(wired.statisticsOf('box').noiseBytes, 0);
        wired.hand('box', 'mute');
        wired.hand('box', 'busy');
        const dead = await wired.result(wired.openSlot('box', 3));
        assert.equal(dead.result, 'unknown', 'an echo alone is no success');
        assert.equal(dead.acknowledged, false);
      }
    });

    test('an echo that does not come, or comes changed, is a collision', async () => {
      const wired = await wiredBus(entry, { box: at(1) }, { echo: true });
      await wired.clock.advance(15_000);
      assert.deepEqual(
        wired
          .of('fault')
          .filter(({ fault }) => fault === 'echo-mismatch')
          .map(({ fault, state }) => [fault, state]),
        [['echo-mismatch', 'raised']],
      );
      assert.equal(
        (await wired.result(wired.openSlot('box', 2))).result,
        'done',
        'it works all the same',
      );
    });

    test('a dead board does not slow the others, and openings go before readings', async () => {
      const wired = await started({
        one: at(1),
        dead: { options: { ...options, address: 2 } },
        three: at(3),
      });
      await wired.clock.advance(10_000);
      wired.events.length = 0;
      const before = wired.statisticsOf('one').polls;
      await wired.clock.advance(10_000);
      const polls = wired.statisticsOf('one').polls - before;
      assert.ok(polls > 20, `${polls} readings of a live board in 10 s`);
      const started_ = wired.clock.uptime();
      const id = wired.openSlot('three', 2);
      assert.equal((await wired.result(id)).result, 'done');
      assert.ok(wired.clock.uptime() - started_ < 1200);
      assert.equal(wired.of('offline').length, 0);
      assert.ok(wired.statisticsOf('dead').timeouts > 0);
    });

    test('two boards at one address are suspected, not just called dead', async () => {
      const wired = await started({ one: at(1), two: at(2) });
      wired.bus.attach('intruder', (around) => {
        const known = knownOptions(entry, { ...options, address: 2 });
        return build('intruder', known, around);
      });
      await wired.clock.advance(15_000);
      const faults = wired.of('fault').filter(({ state }) => state === 'raised');
      assert.deepEqual(
        faults.map(({ device, fault }) => [device, fault]),
        [['two', 'address-clash']],
      );
      wired.bus.detach('intruder');
      await wired.clock.advance(30_000);
      assert.equal(wired.of('fault').at(-1)?.state, 'cleared');
    });

    test('a slow gateway that merges and cuts what it carries changes nothing but the time', async () => {
      for (const faults of [
        { delay: 40, split: 3 },
        { delay: 20, merge: 30 },
      ]) {
        const wired = await wiredBus(entry, { box: at(1), other: at(2) }, { latencyMs: 200 });
        wired.bus.setFaults(faults);
        await wired.clock.advance(3000);
        assert.equal(wired.of('online').length, 2);
        assert.equal((await wired.result(wired.openSlot('box', 2))).result, 'done');
        await wired.clock.advance(10_000);
        assert.deepEqual([...wired.of('offline'), ...wired.of('fault')], []);
        assert.equal(board(wired).box.pulsesOf(2), 1);
      }
    });

    test('somebody else who asks on the bus is reported, and forgotten after a quiet minute', async () => {
      const wired = await started();
      const requests: Uint8Array[] = [];
      wired.bus.attach('ear', () => ({
        name: 'ear',
        kind: 'ear',
        hear: (bytes) => requests.push(bytes.slice()),
        power: () => {},
        verbs: {},
        look: () => null,
      }));
      await wired.clock.advance(1000);
      const [request] = requests;
      assert.ok(request);
      for (let count = 0; count < 2; count += 1) {
        await wired.clock.runUntil(() => requests.splice(0).length > 0, 5000);
        await wired.clock.advance(60);
        wired.bus.toHost.carry(request);
      }
      await wired.clock.advance(600);
      assert.deepEqual(
        wired.of('fault').map(({ fault, state }) => [fault, state]),
        [['foreign-master', 'raised']],
      );
      await wired.clock.advance(61_000);
      assert.equal(wired.of('fault').at(-1)?.state, 'cleared');
    });

    test('replies that are late, doubled or of another board never make a wrong result', async () => {
      const wired = await started({ box: at(1) });
      wired.hand('box', 'reply-late', { ms: 700, count: 40 });
      await wired.clock.advance(2000);
      wired.hand('box', 'jam', { slot: 5 });
      const stuck = wired.openSlot('box', 5, 9000);
      const fine = wired.openSlot('box', 6, 9000);
      const stuckResult = await wired.result(stuck, 20_000);
      const fineResult = await wired.result(fine, 20_000);
      assert.notEqual(stuckResult.result, 'done');
      assert.notEqual(fineResult.result, 'failed');
      wired.hand('box', 'reply-late', { ms: 0 });
      await wired.clock.advance(20_000);
      wired.hand('box', 'reply-twice');
      assert.equal((await wired.result(wired.openSlot('box', 7))).result, 'done');
      assert.ok(board(wired).box.pulsesOf(5) <= 1 && board(wired).box.pulsesOf(6) <= 1);
    });

    const polarised = subject.hasPolarity === false ? () => {} : test;
    polarised('inverted contacts are read as they are wired', async () => {
      const polarity = hasPresence
        ? { door: 'inverted', presence: 'inverted' }
        : { door: 'inverted' };
      const wired = await started({ box: at(1, { polarity }) });
      assert.ok(wired.of('slot-door').every(({ isOpen }) => !isOpen));
      assert.ok(wired.of('slot-presence').every(({ present }) => !present));
      assert.equal((await wired.result(wired.openSlot('box', 2))).result, 'done');
    });

    sensed('a flapping sensor is not told as long as no two readings agree', async () => {
      const wired = await started();
      wired.events.length = 0;
      wired.hand('box', 'flap', { slot: 2 });
      await wired.clock.advance(5000);
      assert.deepEqual(wired.of('slot-presence'), []);
      const id = wired.actuate({ kind: 'read-state', device: deviceId('box') });
      const result = await wired.result(id);
      assert.equal(result.result, 'unknown', 'no steady picture to report');
    });

    test('asked for its state, it tells every slot again as a state', async () => {
      const wired = await started();
      wired.events.length = 0;
      const id = wired.actuate({ kind: 'read-state', device: deviceId('box') });
      const result = await wired.result(id);
      assert.deepEqual([result.result, result.observed], ['done', true]);
      assert.equal(wired.of('slot-door').filter(({ first }) => first).length, slots);
    });

    test('what else a daemon may ask of it is refused, feedback is ignored', async () => {
      const wired = await started();
      const ask = { device: deviceId('box'), expiresAt: wired.clock.uptime() } as const;
      wired.running?.actuate({ ...ask, id: actuationId('i'), kind: 'identify' });
      wired.running?.actuate({ ...ask, id: actuationId('l'), kind: 'lock' });
      wired.running?.actuate({ ...ask, id: actuationId('f'), kind: 'feedback', signal: 'granted' });
      await wired.clock.settle();
      assert.deepEqual(
        wired.of('actuation-result').map(({ actuation, result }) => [actuation, result]),
        [
          ['i', 'refused'],
          ['l', 'refused'],
        ],
      );
    });

    test('the same inputs at the same times give the same steps', async () => {
      const told = async () => {
        const wired = await started();
        wired.bus.setFaults({ garble: 0.1 });
        for (let slot = 1; slot <= 4; slot += 1) wired.openSlot('box', slot, 9000);
        await wired.clock.advance(10_000);
        return wired.events;
      };
      assert.deepEqual(await told(), await told());
    });

    const noisy = subject.hasChecksum === false ? () => {} : test;
    const openings = subject.isVariant ? OPENINGS_OF_VARIANT : OPENINGS;
    noisy(
      `${openings} openings under noise: at most one pulse each, and no result is wrong`,
      async () => {
        const wired = await wiredBus(entry, { box: at(1, { slotRestMs: 0 }) }, { seed: 41 });
        wired.bus.setFaults({
          garble: 0.02,
          lose: 0.005,
          truncate: 0.005,
          noise: 0.02,
          stray: 0.02,
        });
        await wired.clock.advance(3000);
        const counts = { done: 0, failed: 0, unknown: 0, refused: 0 };
        for (let index = 0; index < openings; index += 1) {
          const slot = 1 + (index % slots);
          const before = board(wired).box.pulsesOf(slot);
          const id = wired.openSlot('box', slot, 3000);
          const { result, sent } = await wired.result(id, 20_000);
          const pulses = board(wired).box.pulsesOf(slot) - before;
          assert.ok(pulses <= 1, `${pulses} pulses for one request`);
          const isOpen = !board(wired).box.isLatched(slot);
          if (result === 'done') assert.ok(isOpen && pulses === 1, 'done, but was not');
          if (result === 'failed') assert.ok(!isOpen, 'failed, but is open');
          if (result === 'refused') assert.ok(!sent && pulses === 0, 'refused, but moved');
          counts[result] += 1;
          await wired.clock.advance(600);
          if (isOpen) wired.hand('box', 'close-door', { slot });
          await wired.clock.advance(700);
          assert.equal(wired.resultsOf(id).length, 1, 'exactly one result');
          wired.events.length = 0;
        }
        assert.ok(counts.done > openings * 0.9, JSON.stringify(counts));
        const total = Array.from({ length: slots }, (_, index) =>
          board(wired).box.pulsesOf(index + 1),
        );
        assert.ok(total.reduce((sum, each) => sum + each, 0) <= openings);
      },
    );
  });
}
