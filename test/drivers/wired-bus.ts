/** A driver's machine on a simulated bus with its simulated devices, on one clock and one seed. */
import {
  type Actuation,
  actuationId,
  type DeviceEvent,
  deviceId,
  slotNumber,
} from '../../drivers/contract/device.ts';
import type { Driver } from '../../drivers/contract/machine.ts';
import { type Millis, uptime } from '../../drivers/contract/time.ts';
import { type RunningMachine, runMachine } from '../../drivers/run-machine.ts';
import { SimulatedBus } from '../../simulator/bus.ts';
import { SimulatedClock } from '../../simulator/clock.ts';
import type { DeviceSurroundings, SimJson, SimulatedDevice } from '../../simulator/device.ts';
import { SimulatedPort } from '../../simulator/link.ts';
import { seededRandom } from '../../simulator/random.ts';
import { knownOptions } from './known-options.ts';

export interface WiredDevice {
  /** As in the config, without driver and bus. */
  readonly options: object;
  /** Left out: nothing answers to this device. */
  build?(name: string, options: unknown, around: DeviceSurroundings): SimulatedDevice;
}

type EventOf<Kind extends DeviceEvent['kind']> = DeviceEvent & { readonly kind: Kind };

export async function wiredBus(
  entry: Driver,
  devices: Readonly<Record<string, WiredDevice>>,
  settings: {
    readonly seed?: number;
    /** As the config says it. */
    readonly echo?: boolean;
    readonly adapterEchoes?: boolean;
    readonly latencyMs?: Millis;
    readonly isHeldOpen?: () => boolean;
  } = {},
): Promise<WiredBus> {
  const clock = new SimulatedClock();
  const random = seededRandom(settings.seed ?? 1);
  const bus = new SimulatedBus({ name: 'bus', clock, random, baudRate: entry.defaultBaudRate });
  bus.echo = settings.adapterEchoes ?? false;
  const parsed = Object.entries(devices).map(([name, { options, build }]) => {
    const known = knownOptions(entry, options);
    if (build !== undefined) bus.attach(name, (around) => build(name, known, around));
    return { id: deviceId(name), options: known };
  });
  const wired = new WiredBus(clock, bus);
  const machine = () =>
    entry.machine(parsed, {
      baudRate: entry.defaultBaudRate,
      latencyMs: settings.latencyMs ?? 0,
      echo: settings.echo ?? false,
      random,
      secrets: new Map(),
      isHeldOpen: settings.isHeldOpen ?? (() => false),
    });
  await wired.open(machine);
  return wired;
}

export class WiredBus {
  readonly clock: SimulatedClock;
  readonly bus: SimulatedBus;
  readonly port: SimulatedPort;
  readonly events: { readonly event: DeviceEvent; readonly at: number }[] = [];
  running: RunningMachine | undefined;
  #machine: (() => ReturnType<Driver['machine']>) | undefined;
  #next = 1;

  constructor(clock: SimulatedClock, bus: SimulatedBus) {
    this.clock = clock;
    this.bus = bus;
    this.port = new SimulatedPort(bus, clock);
  }

  async open(machine = this.#machine): Promise<void> {
    if (machine === undefined) throw new Error('never opened before');
    this.#machine = machine;
    this.running = await runMachine({
      machine: machine(),
      port: { open: (listener, signal) => this.port.open(listener, signal) },
      clock: this.clock,
      onEvent: (event, at) => this.events.push({ event, at }),
      signal: new AbortController().signal,
    });
  }

  of<Kind extends DeviceEvent['kind']>(kind: Kind, device?: string): readonly EventOf<Kind>[] {
    return this.events
      .map(({ event }) => event)
      .filter((event): event is EventOf<Kind> => event.kind === kind)
      .filter((event) => device === undefined || event.device === device);
  }

  hand(device: string, verb: string, given: Readonly<Record<string, SimJson>> = {}): SimJson {
    const found = this.bus.devices.get(device)?.verbs[verb];
    if (found === undefined) throw new Error(`${device} cannot ${verb}`);
    return found.run(given);
  }

  /** Asks for an opening and says its id; `within` until it expires. */
  openSlot(device: string, slot: number, within: Millis = 2000, hold: Millis = 500): string {
    const id = this.nextId();
    this.running?.actuate({
      id: actuationId(id),
      device: deviceId(device),
      expiresAt: uptime(this.clock.uptime() + within),
      kind: 'open-slot',
      slot: slotNumber(slot),
      hold,
    });
    return id;
  }

  actuate(actuation: Omit<Actuation & { kind: 'read-state' }, 'id' | 'expiresAt'>): string {
    const id = this.nextId();
    const expiresAt = uptime(this.clock.uptime() + 2000);
    this.running?.actuate({ ...actuation, id: actuationId(id), expiresAt });
    return id;
  }

  nextId(): string {
    const id = `a${this.#next}`;
    this.#next += 1;
    return id;
  }

  resultsOf(id: string): readonly EventOf<'actuation-result'>[] {
    return this.of('actuation-result').filter(({ actuation }) => actuation === id);
  }

  /** Lets time pass until the opening has ended. */
  async result(id: string, within: Millis = 10_000): Promise<EventOf<'actuation-result'>> {
    await this.clock.runUntil(() => this.resultsOf(id).length > 0, within);
    const [first] = this.resultsOf(id);
    if (first === undefined) throw new Error('no result');
    return first;
  }

  statisticsOf(device: string) {
    const found = this.running?.statistics().get(deviceId(device));
    if (found === undefined) throw new Error(`no statistics of ${device}`);
    return found;
  }
}
