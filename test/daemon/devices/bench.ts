/** A few toy locks on buses of one clock, with the daemon's devices in front of them. */

import { type Devices, type DevicesParts, openDevices } from '../../../daemon/devices/devices.ts';
import type { BusOpener } from '../../../daemon/devices/supervisor.ts';
import {
  type Actuation,
  actuationId,
  type DeviceEvent,
  deviceId,
} from '../../../drivers/contract/device.ts';
import { type Clock, type Millis, type Uptime, uptime } from '../../../drivers/contract/time.ts';
import { SimulatedBus } from '../../../simulator/bus.ts';
import { SimulatedClock } from '../../../simulator/clock.ts';
import { SimulatedPort } from '../../../simulator/link.ts';
import { seededRandom } from '../../../simulator/random.ts';
import { ToyLock, toyDriver } from './toy.ts';

export interface Heard {
  readonly event: DeviceEvent;
  readonly at: Uptime;
}

/** What was heard of the devices, and how to ask something of them. */
export class Ear {
  readonly heard: Heard[] = [];
  #asked = 0;

  readonly onEvent = (event: DeviceEvent, at: Uptime): void => {
    this.heard.push({ event, at });
  };

  of(device: string): DeviceEvent[] {
    return this.heard.map(({ event }) => event).filter((event) => event.device === device);
  }

  kinds(device: string): string[] {
    return this.of(device).map(({ kind }) => kind);
  }

  results(device?: string): string[] {
    return this.heard.flatMap(({ event }) =>
      event.kind === 'actuation-result' && (device === undefined || event.device === device)
        ? [event.result]
        : [],
    );
  }

  unlock(clock: Clock, device: string, within: Millis = 60_000, hold: Millis = 500): Actuation {
    this.#asked += 1;
    return {
      kind: 'unlock',
      id: actuationId(`a-${this.#asked}`),
      device: deviceId(device),
      expiresAt: uptime(clock.uptime() + within),
      hold,
    };
  }
}

export interface Wired {
  readonly bus: SimulatedBus;
  readonly locks: readonly ToyLock[];
}

/** A bus with `count` locks named `<bus>-1` and so on. */
export function wire(name: string, count: number, clock: Clock, seed = 7): Wired {
  const bus = new SimulatedBus({ name, clock, random: seededRandom(seed) });
  const locks = Array.from({ length: count }, (_, index) => {
    const address = index + 1;
    const lock = bus.attach(
      `${name}-${address}`,
      (around) => new ToyLock(`${name}-${address}`, address, around),
    );
    if (!(lock instanceof ToyLock)) throw new TypeError('not a toy');
    return lock;
  });
  return { bus, locks };
}

export function settings(names: readonly string[], count: number) {
  return {
    buses: names.map((name) => ({ name })),
    devices: names.flatMap((bus) =>
      Array.from({ length: count }, (_, index) => ({
        id: deviceId(`${bus}-${index + 1}`),
        driver: 'toy',
        bus,
        options: { address: index + 1 },
      })),
    ),
    catalogue: new Map([['toy', toyDriver]]),
    secrets: new Map<string, Uint8Array>(),
  };
}

/** Two buses, `left` and `right`, two locks each, all on one simulated clock. */
export function toyBench(extra: Partial<DevicesParts> = {}, seed = 7) {
  const clock = new SimulatedClock();
  const ear = new Ear();
  const left = wire('left', 2, clock, seed);
  const right = wire('right', 2, clock, seed + 1);
  const ports = {
    left: new SimulatedPort(left.bus, clock),
    right: new SimulatedPort(right.bus, clock),
  };
  const stop = new AbortController();
  const devices: Devices = openDevices({
    ...settings(['left', 'right'], 2),
    openers: new Map<string, BusOpener>(Object.entries(ports)),
    clock,
    random: seededRandom(seed + 2),
    onEvent: ear.onEvent,
    beforeWire: () => true,
    ...extra,
  });
  const ended = devices.run(stop.signal);
  return {
    clock,
    ear,
    left,
    right,
    ports,
    devices,
    stop,
    ended,
    async [Symbol.asyncDispose]() {
      stop.abort();
      let over = false;
      void ended.then(() => {
        over = true;
      });
      await clock.runUntil(() => over, 60_000);
    },
  };
}
