/** The discipline of the bus itself, with inputs that no simulated board would give. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import {
  type Actuation,
  actuationId,
  type DeviceEvent,
  deviceId,
  slotNumber,
} from '../../drivers/contract/device.ts';
import type { Driver, Input, Machine, Step } from '../../drivers/contract/machine.ts';
import { uptime } from '../../drivers/contract/time.ts';
import { kerongCu16 } from '../../drivers/kerong/driver.ts';
import { statusReply } from '../../drivers/kerong/frame.ts';
import { lockBoard8a } from '../../drivers/lock-board-8a/driver.ts';
import { modbusRelay } from '../../drivers/modbus-relay/driver.ts';
import { winnsen } from '../../drivers/winnsen/driver.ts';
import { xor8 } from '../../drivers/wire/checksum.ts';
import { crc16Modbus } from '../../drivers/wire/crc16.ts';
import { joinBytes } from '../../drivers/wire/hex.ts';
import { simulatedKerongCu16 } from '../../simulator/devices/kerong-cu16.ts';
import { SimulatedLockBoard } from '../../simulator/devices/lock-board.ts';
import { seededRandom } from '../../simulator/random.ts';
import { knownOptions } from './known-options.ts';
import { wiredBus } from './wired-bus.ts';

function machineOf(entry: Driver, options: object): Machine<unknown> {
  const devices = ['one', 'two'].map((name, index) => ({
    id: deviceId(name),
    options: knownOptions(entry, { ...options, address: index + 1 }),
  }));
  return entry.machine(devices, {
    baudRate: entry.defaultBaudRate,
    latencyMs: 0,
    echo: false,
    random: seededRandom(1),
    secrets: new Map(),
  });
}

interface Wire {
  readonly entry: Driver;
  readonly options: object;
  readonly isOpening: (request: Uint8Array) => boolean;
  /** What a board says to a request, all doors shut or all open. */
  readonly reply: (request: Uint8Array, isOpen: boolean) => Uint8Array;
}

const WIRES: readonly Wire[] = [
  {
    entry: kerongCu16,
    options: {},
    isOpening: (bytes) => bytes[2] === 0x31,
    reply(request, isOpen) {
      const hooks = Array.from({ length: 16 }, () => !isOpen);
      return statusReply('cu16', (request[1] ?? 0) >> 4, hooks, hooks);
    },
  },
  {
    entry: lockBoard8a,
    options: {},
    isOpening: (bytes) => bytes[0] === 0x8a,
    reply(request, isOpen) {
      if (request[0] === 0x8a) return request;
      const bits = isOpen ? 0 : 0xff;
      const body = Uint8Array.of(0x80, request[1] ?? 0, bits, bits, bits, 0x33);
      return joinBytes(body, Uint8Array.of(xor8(body)));
    },
  },
  {
    entry: modbusRelay,
    options: {},
    isOpening: (bytes) => bytes[1] === 0x05 && bytes[2] === 0x02,
    reply(request, isOpen) {
      const [unit = 0, fn = 0] = request;
      if (fn === 0x05) return request;
      const data = fn === 0x03 ? new Uint8Array(16) : Uint8Array.of(isOpen ? 0 : 0xff);
      const body = joinBytes(Uint8Array.of(unit, fn, data.length), data);
      const crc = crc16Modbus(body);
      return joinBytes(body, Uint8Array.of(crc & 0xff, crc >> 8));
    },
  },
  {
    entry: winnsen,
    options: { acceptNoChecksum: true },
    isOpening: (bytes) => bytes[2] === 0x05,
    reply(request, isOpen) {
      const [, , fn, station = 0, lock = 0] = request;
      const bits = isOpen ? 0xff : 0;
      return fn === 0x05
        ? Uint8Array.of(0x90, 7, 0x85, station, lock, 1, 0x03)
        : Uint8Array.of(0x90, 7, 0x82, station, bits, bits, 0x03);
    },
  },
];

type Move =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'repeat' }
  | { readonly kind: 'reply'; readonly isOpen: boolean }
  | { readonly kind: 'sent' }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'open'; readonly device: string; readonly slot: number; readonly for: number }
  | { readonly kind: 'withdraw'; readonly which: number };

const moves: fc.Arbitrary<Move> = fc.oneof(
  { weight: 8, arbitrary: fc.constant({ kind: 'sent' } as const) },
  {
    weight: 12,
    arbitrary: fc.boolean().map((isOpen) => ({ kind: 'reply', isOpen }) as const),
  },
  {
    weight: 6,
    arbitrary: fc.integer({ min: 0, max: 600 }).map((ms) => ({ kind: 'wait', ms }) as const),
  },
  {
    weight: 3,
    arbitrary: fc.uint8Array({ maxLength: 20 }).map((bytes) => ({ kind: 'bytes', bytes }) as const),
  },
  // What was sent comes back, as an echo or as a reply that equals it.
  { weight: 2, arbitrary: fc.constant({ kind: 'repeat' } as const) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('open' as const),
      device: fc.constantFrom('one', 'two'),
      slot: fc.integer({ min: 1, max: 20 }),
      for: fc.integer({ min: 0, max: 3000 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.nat(10).map((which) => ({ kind: 'withdraw', which }) as const),
  },
);

test('whatever comes in, each opening is sent at most once and ends exactly once', () => {
  let moved = 0;
  for (const { entry, options, isOpening, reply } of WIRES) {
    fc.assert(
      fc.property(fc.array(moves, { minLength: 20, maxLength: 120 }), (played) => {
        const machine = machineOf(entry, options);
        let now = uptime(1000);
        let step: Step<unknown> = machine.begin(now);
        const events: DeviceEvent[] = [];
        const sent: { readonly bytes: Uint8Array; readonly at: number }[] = [];
        const asked: Actuation[] = [];
        const give = (input: Input) => {
          step = machine.step(step.state, input, now);
          events.push(...step.events);
          for (const each of step.send) if (each.kind === 'bytes') sent.push({ ...each, at: now });
          assert.ok(step.send.length <= 1, 'one request at a time');
          assert.ok(step.wakeAt === undefined || step.wakeAt >= now);
        };
        const wait = (ms: number) => {
          const end = now + ms;
          for (let wakes = 0; step.wakeAt !== undefined && step.wakeAt <= end; wakes += 1) {
            assert.ok(wakes < 500, 'woken again and again without getting on');
            now = uptime(Math.max(now, step.wakeAt));
            give({ kind: 'wake' });
          }
          now = uptime(end);
        };
        give({ kind: 'link-up' });
        for (const move of played) {
          if (move.kind === 'bytes') give(move);
          else if (move.kind === 'sent') give({ kind: 'sent' });
          else if (move.kind === 'wait') wait(move.ms);
          else if (move.kind === 'repeat' || move.kind === 'reply') {
            const last = sent.at(-1)?.bytes ?? new Uint8Array(0);
            give({
              kind: 'bytes',
              bytes: move.kind === 'repeat' ? last : reply(last, move.isOpen),
            });
          } else if (move.kind === 'open') {
            const actuation: Actuation = {
              id: actuationId(`a${asked.length}`),
              device: deviceId(move.device),
              expiresAt: uptime(now + move.for),
              kind: 'open-slot',
              slot: slotNumber(move.slot),
              hold: 500,
            };
            asked.push(actuation);
            give({ kind: 'actuation', actuation });
          } else give({ kind: 'withdraw', actuation: actuationId(`a${move.which}`) });
        }
        wait(20_000);
        give({ kind: 'link-down' });
        const results = events.flatMap((event) =>
          event.kind === 'actuation-result' ? [event.actuation] : [],
        );
        assert.deepEqual(results.toSorted(), asked.map(({ id }) => id).toSorted());
        const openings = sent.filter(({ bytes }) => isOpening(bytes));
        moved += openings.length;
        const claimed = events.filter((event) => event.kind === 'actuation-result' && event.sent);
        assert.equal(openings.length, claimed.length, 'sent is what was sent');
        for (const { at } of openings) {
          assert.ok(
            asked.some(({ expiresAt }) => at < expiresAt),
            'none after its time',
          );
        }
        assert.equal(step.send.length, 0);
      }),
      { numRuns: 300 },
    );
  }
  assert.ok(moved > 100, `${moved} openings were sent at all`);
});

test('nothing is moved before it is known whether the adapter gives our own bytes back', () => {
  for (const { entry, options, isOpening, reply } of WIRES) {
    for (const echoes of [false, true]) {
      const machine = machineOf(entry, options);
      let now = uptime(1000);
      let step = machine.begin(now);
      let answered = 0;
      const give = (input: Input) => {
        step = machine.step(step.state, input, now);
        const [send] = step.send;
        return send?.kind === 'bytes' ? send.bytes : undefined;
      };
      let request = give({ kind: 'link-up' });
      const actuation: Actuation = {
        id: actuationId('a'),
        device: deviceId('one'),
        expiresAt: uptime(now + 5000),
        kind: 'open-slot',
        slot: slotNumber(1),
        hold: 500,
      };
      request = give({ kind: 'actuation', actuation }) ?? request;
      for (let turn = 0; turn < 50 && !isOpening(request ?? new Uint8Array(0)); turn += 1) {
        if (request === undefined) {
          now = uptime(Math.max(now, step.wakeAt ?? now));
          request = give({ kind: 'wake' });
          continue;
        }
        const said = reply(request, false);
        give({ kind: 'sent' });
        answered += 1;
        request = give({ kind: 'bytes', bytes: echoes ? joinBytes(request, said) : said });
      }
      assert.ok(request !== undefined && isOpening(request), `${entry.name} opens in the end`);
      assert.ok(answered >= (echoes ? 1 : 3), `${entry.name} after ${answered} readings`);
      assert.ok(now - 1000 < 1500, `${entry.name} not long after`);
    }
  }
});

test('a board has its whole time from the last byte of its request, though that is told before it has left', () => {
  for (const { entry, options } of WIRES) {
    const patience = (toldAfter: number) => {
      const machine = machineOf(entry, options);
      const now = uptime(1000);
      const begun = machine.step(machine.begin(now).state, { kind: 'link-up' }, now);
      assert.equal(begun.send.length, 1, entry.name);
      const left = uptime(now + 30);
      return machine.step(begun.state, { kind: 'sent', at: left }, uptime(now + toldAfter)).wakeAt;
    };
    assert.equal(patience(0), patience(30), entry.name);
    assert.ok((patience(0) ?? 0) > 1030 + 50, entry.name);
  }
});

test('after a time-out nothing is sent into a reply that is still coming, but a babbler is not waited for', () => {
  for (const [babble, silence] of [
    [50, 20],
    [1000, 0],
  ] as const) {
    const machine = machineOf(kerongCu16, {});
    let now = uptime(1000);
    let step = machine.begin(now);
    const sentAt: number[] = [];
    const give = (input: Input) => {
      step = machine.step(step.state, input, now);
      if (step.send.length > 0) sentAt.push(now);
    };
    give({ kind: 'link-up' });
    give({ kind: 'sent' });
    now = uptime(step.wakeAt ?? now);
    give({ kind: 'wake' });
    const timedOut = now;
    assert.equal(sentAt.length, 1, 'not at once');
    while (now < timedOut + babble && sentAt.length === 1) {
      now = uptime(now + 5);
      give({ kind: 'bytes', bytes: Uint8Array.of(0x55) });
    }
    while (sentAt.length === 1) {
      now = uptime(step.wakeAt ?? assert.fail('it goes on'));
      give({ kind: 'wake' });
    }
    const waited = (sentAt[1] ?? 0) - timedOut;
    if (silence > 0) assert.equal(waited, babble + silence);
    else assert.ok(waited >= 300 && waited <= 330, `${waited} ms`);
  }
});

test('a reading from before the pulse says nothing about it, however late it comes', async () => {
  const wired = await wiredBus(kerongCu16, {
    box: { options: { address: 0, debounce: 1, pollMs: 5000 }, build: simulatedKerongCu16 },
  });
  await wired.clock.advance(4900);
  wired.hand('box', 'force-door', { slot: 5 });
  wired.hand('box', 'reply-late', { ms: 700, count: 2 });
  const polls = wired.statisticsOf('box').polls;
  await wired.clock.runUntil(() => wired.statisticsOf('box').polls === polls + 2, 2000);
  // Two replies that show the door open are under way.
  await wired.clock.advance(20);
  wired.hand('box', 'close-door', { slot: 5 });
  wired.hand('box', 'jam', { slot: 5 });
  // The first look after the pulse is not heard, so that a late reply is taken for its answer.
  wired.hand('box', 'deaf', { ms: 450 });
  const result = await wired.result(wired.openSlot('box', 5));
  assert.deepEqual([result.result, result.observed], ['failed', true]);
  assert.ok(
    wired.of('slot-door').some(({ isOpen }) => isOpen),
    'the late replies came',
  );
});

test('four boards on one bus under noise, unplugged now and then: no opening twice, no result wrong', async () => {
  const box = (address: number) => ({
    options: { address, slotRestMs: 0 },
    build: simulatedKerongCu16,
  });
  const wired = await wiredBus(
    kerongCu16,
    { a: box(0), b: box(1), c: box(2), d: box(9) },
    { seed: 5 },
  );
  const random = seededRandom(99);
  wired.bus.setFaults({ garble: 0.02, lose: 0.01, noise: 0.05, stray: 0.02 });
  await wired.clock.advance(3000);
  const asked = new Map<string, { readonly device: string; readonly slot: number }>();
  for (let round = 0; round < 120; round += 1) {
    for (const device of ['a', 'b', 'c', 'd']) {
      const slot = 1 + Math.floor(random.fraction() * 16);
      asked.set(wired.openSlot(device, slot, 2000), { device, slot });
    }
    if (random.fraction() < 0.1) {
      await wired.clock.advance(random.fraction() * 700);
      await wired.port.unplug();
      await wired.clock.settle();
      await wired.port.plug();
      await wired.open();
    }
    await wired.clock.advance(4500);
    for (const name of ['a', 'b', 'c', 'd']) {
      for (let slot = 1; slot <= 16; slot += 1) wired.hand(name, 'close-door', { slot });
    }
    await wired.clock.advance(1000);
  }
  await wired.clock.advance(5000);
  const pulses = new Map<string, number>();
  for (const [id, { device, slot }] of asked) {
    const results = wired.resultsOf(id);
    assert.equal(results.length, 1, `${id} ends once`);
    const place = `${device}:${slot}`;
    if (results[0]?.sent) pulses.set(place, (pulses.get(place) ?? 0) + 1);
  }
  for (const name of ['a', 'b', 'c', 'd']) {
    const board = wired.bus.devices.get(name);
    assert.ok(board instanceof SimulatedLockBoard);
    for (let slot = 1; slot <= 16; slot += 1) {
      const sent = pulses.get(`${name}:${slot}`) ?? 0;
      assert.ok(board.box.pulsesOf(slot) <= sent, `${name} ${slot} moved more often than sent`);
    }
  }
  const done = wired.of('actuation-result').filter(({ result }) => result === 'done').length;
  assert.ok(done > asked.size * 0.8, `${done} of ${asked.size} done`);
});
