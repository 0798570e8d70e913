import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openDevices } from '../../../daemon/devices/devices.ts';
import { Supervisor } from '../../../daemon/devices/supervisor.ts';
import { gattPeripheral } from '../../../daemon/platform/ble-link.ts';
import { catalogue } from '../../../drivers/catalogue.ts';
import {
  actuationId,
  type DeviceEvent,
  deviceId,
  FIRE_HOLD,
} from '../../../drivers/contract/device.ts';
import { LinkError } from '../../../drivers/contract/errors.ts';
import { uptime } from '../../../drivers/contract/time.ts';
import { authorizationText } from '../../../drivers/nuki/credentials.ts';
import { nukiOptions } from '../../../drivers/nuki/options.ts';
import { toHex } from '../../../drivers/wire/hex.ts';
import { SimulatedClock } from '../../../simulator/clock.ts';
import { NukiLock } from '../../../simulator/devices/nuki-lock.ts';
import { Air } from '../../../simulator/radio/air.ts';
import { AirTransport } from '../../../simulator/radio/air-transport.ts';
import { seededRandom } from '../../../simulator/random.ts';

/** A Nuki lock at the front door, and the daemon's devices before it. */
async function frontDoor() {
  const clock = new SimulatedClock();
  const random = seededRandom(1);
  const air = new Air(clock, random);
  const lock = new NukiLock({ name: 'front', clock, random });
  air.join(lock);
  const key = random.bytes(32);
  const id = deviceId('front');
  const events: DeviceEvent[] = [];
  const text = authorizationText(lock.authorize(key, 'x'), toHex(key), '00'.repeat(16));
  const devices = openDevices({
    buses: [{ name: 'radio/front' }],
    devices: [
      {
        id,
        driver: 'nuki-smart-lock',
        bus: 'radio/front',
        options: nukiOptions.parse({ address: lock.address, authorization: 'credential:a' }),
      },
    ],
    catalogue,
    openers: new Map([
      [
        'radio/front',
        gattPeripheral({
          transport: new AirTransport(air),
          address: lock.address,
          addressType: 'random',
        }),
      ],
    ]),
    clock,
    random,
    secrets: new Map([['credential:a', new TextEncoder().encode(text)]]),
    onEvent: (event) => events.push(event),
    beforeWire: () => true,
  });
  const stop = new AbortController();
  const running = devices.run(stop.signal);
  await clock.advance(20_000);
  return {
    ...{ clock, air, lock, devices, events },
    asked: (name: string) => ({
      id: actuationId(name),
      device: id,
      expiresAt: uptime(clock.uptime() + 15_000),
    }),
    results: () =>
      events.flatMap((event) =>
        event.kind === 'actuation-result' ? [`${event.actuation} ${event.result}`] : [],
      ),
    async [Symbol.asyncDispose]() {
      stop.abort();
      await clock.advance(10_000);
      await running;
    },
  };
}

test('a Nuki lock behind the supervisor: on demand, online over closed links, opened once', async () => {
  await using at = await frontDoor();
  const { clock, lock, events } = at;
  assert.equal(at.devices.status()[0]?.link, 'up');
  assert.equal(at.air.isBusy(lock), false);
  at.devices.actuate({ ...at.asked('a'), kind: 'unlock', hold: 1000 });
  await clock.advance(30_000);
  assert.equal(lock.motor.runs.unlock, 1);
  assert.deepEqual(at.results(), ['a done']);
  lock.verbs['turn']?.run({ to: 'locked' });
  await clock.advance(30_000);
  assert.equal(events.filter((e) => e.kind === 'lock-state').at(-1)?.state, 'locked');
  assert.equal(events.filter((e) => e.kind === 'offline').length, 0);
});

test('P14: what its driver was given before a release for fire, and had not sent, shuts no lock after it', async () => {
  await using at = await frontDoor();
  at.devices.actuate({ ...at.asked('a'), kind: 'lock' });
  await at.clock.advance(50);
  at.devices.actuate({ ...at.asked('f'), kind: 'unlock', hold: FIRE_HOLD, urgent: true });
  await at.clock.advance(30_000);
  assert.deepEqual(at.results(), ['a refused', 'f done']);
  assert.equal(at.lock.motor.runs.unlock, 1);
  assert.equal(at.events.filter((e) => e.kind === 'lock-state').at(-1)?.state, 'unlocked');
});

test('a driver that breaks again and again leaves nobody behind who watches the air', async () => {
  const clock = new SimulatedClock();
  const device = deviceId('broken');
  let watching = 0;
  let broke = 0;
  const stop = new AbortController();
  const supervisor = new Supervisor({
    bus: 'radio/broken',
    devices: [device],
    machine: {
      begin: (now) => ({ state: 0, send: [], events: [], wakeAt: uptime(now + 10) }),
      step: () => {
        throw new Error('broken');
      },
      statistics: () => new Map(),
    },
    opener: {
      kind: 'gatt',
      name: 'broken',
      open: () => Promise.reject(new LinkError('missing', 'nobody')),
      watch(_, signal) {
        watching += 1;
        signal.addEventListener('abort', () => {
          watching -= 1;
        });
      },
    },
    clock,
    random: seededRandom(1),
    onEvent: () => {},
    identified: () => {},
    broken: () => {
      broke += 1;
    },
  });
  const ran = supervisor.run(stop.signal);
  await clock.advance(300_000);
  assert.ok(broke > 5);
  assert.ok(watching <= 1, `${watching} watch`);
  stop.abort();
  await clock.settle();
  await ran;
});
