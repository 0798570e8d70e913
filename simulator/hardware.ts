/** The hardware of a site as its config describes it: simulated devices on ptys, TCP ports and FIFOs. */
import { mkdirSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import type { Clock, Random } from '../drivers/contract/time.ts';
import { ArgumentError, type Arguments, checkNames, yesOrNo } from './arguments.ts';
import { SimulatedBus } from './bus.ts';
import { type BusVerb, busVerbs } from './bus-verbs.ts';
import type { SimJson, SimulatedDevice, SimulatedKind } from './device.ts';
import { buildIntoSlot } from './devices/slot-reader.ts';
import { serveFifo } from './fifo.ts';
import type { BusPort } from './link.ts';
import { servePty } from './pty.ts';
import { Air } from './radio/air.ts';
import type { Peripheral } from './radio/peripheral.ts';
import { openRadioPort } from './radio/radio-port.ts';
import { StoppableClock } from './stoppable-clock.ts';
import { serveTcp } from './tcp.ts';

/** The part of a config that a simulator needs; the daemon reads the same file. */
export interface HardwareDescription {
  readonly buses: Readonly<Record<string, BusDescription>>;
  readonly devices: Readonly<Record<string, DeviceDescription>>;
  readonly accessPoints?: Readonly<Record<string, PlaceDescription>>;
}

/** One of `serial`, `tcp`, `input` or `ble`; an adapter of this machine (`hci0`, a dongle) is not simulated here. */
export interface BusDescription {
  readonly serial?: string | undefined;
  readonly tcp?: string | undefined;
  readonly input?: string | undefined;
  /** `tcp:HOST:PORT`: virtual controllers are there, and what is on the air around them. */
  readonly ble?: string | undefined;
  readonly baudRate?: number | undefined;
  readonly echo?: boolean | undefined;
}

export interface DeviceDescription {
  readonly driver: string;
  readonly bus: string;
  /** As the driver's schema parsed them. */
  readonly options: unknown;
}

/** Which readers are built into which slots of which box. */
export interface PlaceDescription {
  readonly box?: string | undefined;
  /** By the number of the slot. */
  readonly slotReaders: Readonly<Record<string, string>>;
}

export interface HardwareOptions {
  readonly description: HardwareDescription;
  /** Ports get their names in here; a serial path that lies elsewhere is served here by the name of its bus. */
  readonly directory: string;
  /** By the name of the driver. */
  readonly kinds: ReadonlyMap<string, SimulatedKind>;
  readonly clock: Clock;
  readonly random: Random;
}

/** A device that the simulator does not know how to be, or a bus it cannot be on. */
export interface Unsimulated {
  readonly name: string;
  readonly why: string;
}

interface Wired {
  readonly bus: SimulatedBus;
  readonly port: BusPort;
  readonly verbs: Readonly<Record<string, BusVerb>>;
}

export async function openHardware(options: HardwareOptions): Promise<Hardware> {
  const { description, random, kinds } = options;
  mkdirSync(options.directory, { recursive: true });
  const wired = new Map<string, Wired>();
  const unsimulated: Unsimulated[] = [];
  const airs = new Map<string, Air>();
  await using opening = new AsyncDisposableStack();
  const clock = opening.use(new StoppableClock(options.clock));
  for (const [name, setting] of Object.entries(description.buses)) {
    const baudRate = setting.baudRate;
    const bus = new SimulatedBus({
      name,
      clock,
      random,
      ...(baudRate === undefined ? {} : { baudRate }),
    });
    bus.echo = setting.echo ?? false;
    const air = new Air(clock, random);
    const port = await openPort(bus, air, setting, options.directory);
    if (port === undefined) {
      unsimulated.push({ name, why: 'its bus is an adapter of this machine' });
      continue;
    }
    opening.defer(() => port.close());
    wired.set(name, { bus, port, verbs: busVerbs(bus, port) });
    airs.set(name, air);
  }
  for (const [name, device] of Object.entries(description.devices)) {
    const on = wired.get(device.bus);
    const kind = kinds.get(device.driver);
    if (kind === undefined) {
      unsimulated.push({ name, why: `there is no simulated device for driver ${device.driver}` });
    } else {
      const simulated = on?.bus.attach(name, (around) => kind.build(name, device.options, around));
      if (simulated !== undefined && isPeripheral(simulated)) airs.get(device.bus)?.join(simulated);
    }
  }
  const hardware = new Hardware(wired, unsimulated, opening.move());
  for (const place of Object.values(description.accessPoints ?? {})) buildIn(hardware, place);
  return hardware;
}

function isPeripheral(device: SimulatedDevice): device is SimulatedDevice & Peripheral {
  return 'advertising' in device;
}

/** A reader inside a slot hears the fob that lies there. */
function buildIn(hardware: Hardware, { box, slotReaders }: PlaceDescription): void {
  const board = box === undefined ? undefined : hardware.device(box);
  if (board === undefined) return;
  for (const [slot, name] of Object.entries(slotReaders)) {
    const reader = hardware.device(name);
    if (reader !== undefined) buildIntoSlot(reader, board, Number(slot));
  }
}

export class Hardware implements AsyncDisposable {
  readonly unsimulated: readonly Unsimulated[];
  readonly #buses: ReadonlyMap<string, Wired>;
  readonly #ports: AsyncDisposableStack;

  constructor(
    buses: ReadonlyMap<string, Wired>,
    unsimulated: readonly Unsimulated[],
    ports: AsyncDisposableStack,
  ) {
    this.#buses = buses;
    this.unsimulated = unsimulated;
    this.#ports = ports;
  }

  get busNames(): readonly string[] {
    return [...this.#buses.keys()];
  }

  get deviceNames(): readonly string[] {
    return [...this.#buses.values()].flatMap(({ bus }) => [...bus.devices.keys()]);
  }

  bus(name: string): SimulatedBus | undefined {
    return this.#buses.get(name)?.bus;
  }

  /** Where the daemon finds a bus: the path or `host:port` for its config. */
  address(bus: string): string | undefined {
    return this.#buses.get(bus)?.port.address;
  }

  device(name: string): SimulatedDevice | undefined {
    for (const { bus } of this.#buses.values()) {
      const found = bus.devices.get(name);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  verbsOfDevice(name: string): Readonly<Record<string, BusVerb>> | undefined {
    const device = this.device(name);
    return device === undefined ? undefined : { power: powerVerb(device), ...device.verbs };
  }

  verbsOfBus(name: string): Readonly<Record<string, BusVerb>> | undefined {
    return this.#buses.get(name)?.verbs;
  }

  /** Does with the hands what a person would; throws `ArgumentError` with a sentence where that makes no sense. */
  async handle(device: string, verb: string, given: Arguments = {}): Promise<SimJson> {
    return act(this.verbsOfDevice(device), device, verb, given);
  }

  /** Does something to a wire. */
  async meddle(bus: string, verb: string, given: Arguments = {}): Promise<SimJson> {
    return act(this.verbsOfBus(bus), bus, verb, given);
  }

  lookAtBus(name: string): SimJson | undefined {
    const found = this.#buses.get(name);
    if (found === undefined) return undefined;
    const { bus, port } = found;
    return {
      address: port.address,
      isPlugged: port.isPlugged,
      isCut: bus.isCut,
      echo: bus.echo,
      toHost: { ...bus.toHost.faults, split: bus.toHost.faults.split ?? 0 },
      toDevices: { ...bus.toDevices.faults, split: bus.toDevices.faults.split ?? 0 },
      devices: [...bus.devices.keys()],
    };
  }

  /** A device that still had power would go on talking to itself: a fob that lies on a reader, say. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const { bus } of this.#buses.values()) {
      for (const device of bus.devices.values()) device.power(false);
    }
    await this.#ports.disposeAsync();
  }
}

async function act(
  verbs: Readonly<Record<string, BusVerb>> | undefined,
  name: string,
  verb: string,
  given: Arguments,
): Promise<SimJson> {
  if (verbs === undefined) throw new ArgumentError('name', `there is no ${name} here`);
  const found = Object.hasOwn(verbs, verb) ? verbs[verb] : undefined;
  if (found === undefined) {
    const all = Object.keys(verbs).join(', ');
    throw new ArgumentError('verb', `${name} cannot "${verb}"; it can: ${all}`);
  }
  checkNames(found, given);
  return found.run(given);
}

function powerVerb(device: SimulatedDevice): BusVerb {
  return {
    what: 'takes its power away, or gives it back',
    arguments: { on: 'true or false' },
    run(given) {
      device.power(yesOrNo(given, 'on'));
      return null;
    },
  };
}

async function openPort(
  bus: SimulatedBus,
  air: Air,
  setting: BusDescription,
  directory: string,
): Promise<BusPort | undefined> {
  if (setting.serial !== undefined) {
    return servePty(bus, { path: within(directory, setting.serial, bus.name) });
  }
  if (setting.input !== undefined) {
    return serveFifo(bus, { path: within(directory, setting.input, bus.name) });
  }
  if (setting.tcp !== undefined) return serveTcp(bus, { port: portOf(setting.tcp) });
  if (setting.ble?.startsWith('tcp:') === true) return openRadioPort(air, portOf(setting.ble));
  return undefined;
}

function portOf(address: string): number {
  return Number(address.slice(address.lastIndexOf(':') + 1));
}

/** A config of a real site names ports of this machine: those are left alone. */
function within(directory: string, path: string, bus: string): string {
  const inside = relative(resolve(directory), resolve(directory, path));
  const isInside = inside !== '' && !inside.startsWith('..');
  return isInside ? resolve(directory, path) : join(resolve(directory), bus);
}
