/** A simulated bus: several devices on one pair of wires, and a host's port at its end. */
import {
  type Clock,
  type Random,
  type Timer,
  type Uptime,
  uptime,
} from '../drivers/contract/time.ts';
import type { DeviceSurroundings, SimulatedDevice } from './device.ts';
import { joined, Lane, type LaneFaults } from './lane.ts';

export interface SimulatedBusOptions {
  readonly name: string;
  readonly clock: Clock;
  readonly random: Random;
  /** Speed at which bytes take their time on the wire; without it they take none. */
  readonly baudRate?: number;
}

/** The host's end of the bus: a pty, a TCP connection or a link within the process. */
export interface HostEnd {
  /** The host sent these bytes. */
  hear(bytes: Uint8Array): void;
  lineSpeed(baudRate: number): void;
  /** The port is gone; nothing is delivered to it any more. */
  disconnect(): void;
}

/** Start bit, eight data bits, stop bit. */
const BITS_PER_BYTE = 10;

interface Place {
  readonly device: SimulatedDevice;
  readonly toDevice: Lane;
  readonly toHost: Lane;
}

/** One transmission on the pair; whoever else speaks before it has ended mixes his bytes into it. */
interface Transmission {
  readonly by: string;
  bytes: Uint8Array;
  endsAt: Uptime;
  timer: Timer;
}

export class SimulatedBus {
  readonly name: string;
  /** The host hears its own bytes, as with an adapter whose receiver stays on. */
  echo = false;
  readonly toHost: Lane;
  readonly toDevices: Lane;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #places = new Map<string, Place>();
  #baudRate: number | undefined;
  #host: ((bytes: Uint8Array) => void) | undefined;
  #speaking: Transmission | undefined;
  #isCut = false;

  constructor(options: SimulatedBusOptions) {
    this.name = options.name;
    this.#clock = options.clock;
    this.#random = options.random;
    this.#baudRate = options.baudRate;
    this.toHost = new Lane(options.clock, options.random, (bytes) => this.#host?.(bytes));
    this.toDevices = new Lane(options.clock, options.random, (bytes) => {
      if (this.#isCut) return;
      for (const { toDevice } of this.#places.values()) toDevice.carry(bytes);
    });
  }

  get devices(): ReadonlyMap<string, SimulatedDevice> {
    return new Map([...this.#places].map(([name, { device }]) => [name, device]));
  }

  get isCut(): boolean {
    return this.#isCut;
  }

  /** Wires a device to the bus; two devices may well have one address. */
  attach(name: string, build: (around: DeviceSurroundings) => SimulatedDevice): SimulatedDevice {
    if (this.#places.has(name)) throw new RangeError(`bus ${this.name} has a device ${name}`);
    const toHost = new Lane(this.#clock, this.#random, (bytes) => this.#speak(name, bytes));
    const device = build({
      clock: this.#clock,
      random: this.#random,
      say: (bytes) => toHost.carry(bytes),
    });
    const toDevice = new Lane(this.#clock, this.#random, (bytes) => device.hear(bytes));
    this.#places.set(name, { device, toDevice, toHost });
    return device;
  }

  detach(name: string): void {
    this.#places.delete(name);
  }

  /** Faults on the stub of one device alone, or, without a name, on what all of them share. */
  setFaults(
    faults: Partial<LaneFaults>,
    on: { readonly device?: string; readonly direction?: 'to-host' | 'to-device' } = {},
  ): void {
    const place = on.device === undefined ? undefined : this.#places.get(on.device);
    if (on.device !== undefined && place === undefined) {
      throw new RangeError(`bus ${this.name} has no device ${on.device}`);
    }
    const lanes = {
      'to-host': place?.toHost ?? this.toHost,
      'to-device': place?.toDevice ?? this.toDevices,
    };
    for (const [direction, lane] of Object.entries(lanes)) {
      if (on.direction !== undefined && on.direction !== direction) continue;
      lane.faults = { ...lane.faults, ...faults };
    }
  }

  /** Cuts the pair between port and devices: the port stays open and hears nothing. */
  cut(): void {
    this.#isCut = true;
    this.#hush();
  }

  mend(): void {
    this.#isCut = false;
  }

  /** Takes a host's port; what was under way to a host before it is gone. */
  connect(deliver: (bytes: Uint8Array) => void): HostEnd {
    this.toHost.drop();
    this.#host = deliver;
    return {
      hear: (bytes) => this.#hear(bytes),
      lineSpeed: (baudRate) => {
        if (this.#baudRate !== undefined) this.#baudRate = baudRate;
        for (const { device } of this.#places.values()) device.lineSpeed?.(baudRate);
      },
      disconnect: () => {
        if (this.#host !== deliver) return;
        this.#host = undefined;
        this.toHost.drop();
        this.toDevices.drop();
        this.#hush();
        for (const { toHost } of this.#places.values()) toHost.drop();
      },
    };
  }

  /** What is just being said is not heard to its end. */
  #hush(): void {
    this.#speaking?.timer.cancel();
    this.#speaking = undefined;
  }

  #hear(bytes: Uint8Array): void {
    const wireTime = this.wireTime(bytes.length);
    if (this.echo) this.toHost.carry(bytes, wireTime);
    this.toDevices.carry(bytes, wireTime);
  }

  /** Milliseconds that so many bytes take on this bus. */
  wireTime(length: number): number {
    return this.#baudRate === undefined ? 0 : (length * BITS_PER_BYTE * 1000) / this.#baudRate;
  }

  #speak(by: string, bytes: Uint8Array): void {
    if (this.#isCut) return;
    const now = this.#clock.uptime();
    const wireTime = this.wireTime(bytes.length);
    const speaking = this.#speaking;
    if (speaking === undefined) {
      if (wireTime === 0) this.toHost.carry(bytes);
      else this.#transmit({ by, bytes, endsAt: uptime(now + wireTime) });
      return;
    }
    speaking.timer.cancel();
    if (speaking.by === by) {
      this.#transmit({
        by,
        bytes: joined(speaking.bytes, bytes),
        endsAt: uptime(speaking.endsAt + wireTime),
      });
    } else {
      const endsAt = uptime(Math.max(speaking.endsAt, now + wireTime));
      this.#transmit({ by, bytes: interleaved(speaking.bytes, bytes), endsAt });
    }
  }

  #transmit(next: Omit<Transmission, 'timer'>): void {
    const timer = this.#clock.wakeAt(next.endsAt, () => {
      this.#speaking = undefined;
      this.toHost.carry(next.bytes);
    });
    this.#speaking = { ...next, timer };
  }
}

/** Two senders at once: a byte of the one, a byte of the other, then the rest of the longer. */
function interleaved(first: Uint8Array, second: Uint8Array): Uint8Array {
  const mixed: number[] = [];
  for (let index = 0; index < Math.max(first.length, second.length); index += 1) {
    for (const source of [first, second]) {
      const byte = source[index];
      if (byte !== undefined) mixed.push(byte);
    }
  }
  return Uint8Array.from(mixed);
}
