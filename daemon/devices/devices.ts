/** All buses of the site: events go up, actuations come down, each bus for itself. */
import { isDeepStrictEqual } from 'node:util';
import type { Actuation, DeviceEvent, DeviceId } from '../../drivers/contract/device.ts';
import type { Driver } from '../../drivers/contract/machine.ts';
import type { Clock, Instant, Millis, Random, Uptime } from '../../drivers/contract/time.ts';
import { Actuator } from './actuator.ts';
import { type BusOpener, type DeviceLinkStatus, Supervisor } from './supervisor.ts';

/** Actuations under way may end before the links are closed (conventions 3.5). */
const STOP_WITHIN: Millis = 5000;

/** A lock on the air sleeps, and wakes now and then to be connected to. */
const CONNECTS_WITHIN: Millis = 10_000;

/** A bus of the config. */
export interface BusSetting {
  readonly name: string;
  /** Bits per second; the driver's factory speed where the config names none. */
  readonly baudRate?: number | undefined;
  /** What the way to the wire adds to each reply. */
  readonly latencyMs?: number | undefined;
  /** Our own bytes come back. */
  readonly echo?: boolean | undefined;
}

/** A device of the config; `options` as its driver's schema gave them. */
export interface DeviceSetting {
  readonly id: DeviceId;
  readonly driver: string;
  readonly bus: string;
  readonly options: unknown;
}

export interface DevicesParts {
  readonly buses: readonly BusSetting[];
  readonly devices: readonly DeviceSetting[];
  readonly catalogue: ReadonlyMap<string, Driver>;
  /** By the name of the bus. */
  readonly openers: ReadonlyMap<string, BusOpener>;
  readonly clock: Clock;
  readonly random: Random;
  /** How late it is, where that is known; the clock's word where it is left out. */
  readonly wall?: (() => Instant | undefined) | undefined;
  /** Whether fire holds this lock open. */
  readonly isHeldOpen?: ((device: DeviceId) => boolean) | undefined;
  readonly secrets: ReadonlyMap<string, Uint8Array>;
  onEvent(event: DeviceEvent, at: Uptime): void;
  /** Asked just before an actuation goes to the wire: is it still allowed? */
  beforeWire(actuation: Actuation): boolean;
  /** Who was at the end of each bus before this start. */
  readonly knownIdentities?: ReadonlyMap<string, string> | undefined;
  /** To be kept for the next start. */
  identified?(bus: string, identity: string): void;
  /** A driver broke; told to the operator's log. */
  broken?(bus: string, error: unknown): void;
}

export interface DeviceStatus extends DeviceLinkStatus {
  readonly bus: string;
  readonly driver: string;
  /** Path, address or peripheral of its bus. */
  readonly port: string;
  /** Actuations asked of its bus and not yet ended. */
  readonly queued: number;
}

export interface Devices {
  /** Keeps all buses open until the signal, then lets what is under way end, and closes them. */
  run(signal: AbortSignal): Promise<void>;
  /** Ends in exactly one `actuation-result` event; feedback in none. */
  actuate(actuation: Actuation): void;
  withdraw(which: (actuation: Actuation) => boolean): void;
  /** Accepts the other device that was found on a bus. */
  adopt(bus: string): void;
  has(device: DeviceId): boolean;
  status(): readonly DeviceStatus[];
  /** Sets up anew each bus whose devices are others now, and leaves all others alone. Resolves when they run. */
  rewire(next: Pick<DevicesParts, 'buses' | 'devices' | 'openers' | 'secrets'>): Promise<void>;
}

interface Bus {
  readonly name: string;
  readonly setting: BusSetting;
  readonly devices: readonly DeviceSetting[];
  readonly driver: string;
  /** Something on it can open. */
  readonly opens: boolean;
  readonly opener: BusOpener;
  readonly supervisor: Supervisor;
  readonly actuator: Actuator;
  readonly links: AbortController;
  /** Resolves when its link is closed; `undefined` before `run`. */
  ran: Promise<void> | undefined;
}

/** Builds every bus that has devices; opens nothing before `run`. The config has been checked: faults are ours. */
export function openDevices(parts: DevicesParts): Devices {
  const buses = new Map<string, Bus>();
  const home = new Map<DeviceId, Bus>();
  let stopping: AbortSignal | undefined;

  const build = (from: DevicesParts, names: ReadonlySet<string>) => {
    for (const setting of from.buses.filter(({ name }) => names.has(name))) {
      const devices = from.devices.filter((device) => device.bus === setting.name);
      if (devices.length === 0) continue;
      const built = bus(setting, devices, from);
      buses.set(setting.name, built);
      for (const { id } of devices) home.set(id, built);
      if (stopping !== undefined) start(built);
    }
    for (const { id, bus: name } of from.devices) {
      if (!home.has(id)) throw new RangeError(`device ${id} is on no bus ${name}`);
    }
  };
  const start = (each: Bus) => {
    each.ran = each.supervisor.run(each.links.signal);
  };
  /** What waits is refused, what is under way may end; then its devices are gone. */
  const end = async (each: Bus) => {
    await each.actuator.stop(STOP_WITHIN);
    each.links.abort();
    await each.ran;
  };
  build(parts, new Set(parts.buses.map(({ name }) => name)));
  return {
    async run(signal) {
      stopping = signal;
      // Locks before readers: of one that has not answered yet, the first who asks is told that it is offline.
      const all = [...buses.values()];
      for (const each of all.filter(({ opens }) => opens)) start(each);
      for (const each of all.filter(({ opens }) => !opens)) start(each);
      await aborted(signal);
      await Promise.all([...buses.values()].map(end));
    },
    async rewire(next) {
      const whole = { ...parts, ...next };
      const names = new Set([...buses.keys(), ...next.buses.map(({ name }) => name)]);
      const changed = [...names].filter((name) => !isSame(buses.get(name), next, name));
      for (const name of changed) {
        const old = buses.get(name);
        if (old === undefined) continue;
        await end(old);
        buses.delete(name);
        const at = parts.clock.uptime();
        for (const { id } of old.devices) {
          home.delete(id);
          const why = 'its bus is set up anew';
          parts.onEvent({ kind: 'offline', device: id, why }, at);
        }
      }
      if (stopping?.aborted !== true) build(whole, new Set(changed));
    },
    actuate(actuation) {
      const found = home.get(actuation.device);
      if (found !== undefined) found.actuator.enqueue(actuation);
      else if (actuation.kind !== 'feedback') parts.onEvent(gone(actuation), parts.clock.uptime());
    },
    withdraw(which) {
      for (const { actuator } of buses.values()) actuator.withdraw(which);
    },
    adopt(name) {
      const found = buses.get(name);
      if (found === undefined) throw new RangeError(`there is no bus ${name}`);
      found.supervisor.adopt();
    },
    has: (device) => home.has(device),
    status: () => [...buses.values()].flatMap(busStatus),
  };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** Whether it has the devices that it had, set up as they were: one may have gone and another come under its name. */
function isSame(
  old: Bus | undefined,
  next: Pick<DevicesParts, 'buses' | 'devices' | 'openers'>,
  name: string,
): boolean {
  const here = next.devices.filter((device) => device.bus === name);
  if (old === undefined) return here.length === 0;
  return (
    here.length === old.devices.length &&
    here.every((device) => old.devices.some((before) => isDeepStrictEqual(before, device))) &&
    isDeepStrictEqual(
      old.setting,
      next.buses.find((bus) => bus.name === name),
    ) &&
    old.opener.name === next.openers.get(name)?.name
  );
}

/** Asked while it was there, and taken away before its turn: whoever asked cannot know. */
function gone({ id, device }: Actuation): DeviceEvent {
  return {
    kind: 'actuation-result',
    device,
    actuation: id,
    result: 'refused',
    sent: false,
    acknowledged: false,
    observed: false,
    detail: `there is no device ${device} now`,
  };
}

function bus(setting: BusSetting, devices: readonly DeviceSetting[], parts: DevicesParts): Bus {
  const [{ driver } = { driver: '' }] = devices;
  const entry = parts.catalogue.get(driver);
  const opener = parts.openers.get(setting.name);
  if (entry === undefined) throw new RangeError(`there is no driver ${driver}`);
  if (opener === undefined) throw new RangeError(`bus ${setting.name} has no opener`);
  if (devices.some((device) => device.driver !== driver)) {
    throw new RangeError(`bus ${setting.name} has devices of more than one driver`);
  }
  const { clock, random } = parts;
  const actuator: Actuator = new Actuator({
    clock,
    connects: opener.kind === 'gatt' ? CONNECTS_WITHIN : 0,
    beforeWire: (actuation) => parts.beforeWire(actuation),
    hand: (actuation) => supervisor.actuate(actuation),
    takeBack: (id) => supervisor.withdraw(id),
    onResult: (event) => parts.onEvent(event, clock.uptime()),
  });
  const supervisor: Supervisor = new Supervisor({
    bus: setting.name,
    devices: devices.map(({ id }) => id),
    machine: entry.machine(devices, {
      baudRate: setting.baudRate ?? entry.defaultBaudRate,
      latencyMs: setting.latencyMs ?? 0,
      echo: setting.echo ?? false,
      random,
      secrets: parts.secrets,
      wall: parts.wall ?? (() => clock.now()),
      isHeldOpen: parts.isHeldOpen ?? (() => false),
    }),
    opener,
    clock,
    random,
    knownIdentity: parts.knownIdentities?.get(setting.name),
    onEvent: (event, at) => {
      if (event.kind === 'actuation-result') actuator.hear(event);
      else parts.onEvent(event, at);
    },
    identified: (name, identity) => parts.identified?.(name, identity),
    broken: (name, error) => parts.broken?.(name, error),
  });
  const links = new AbortController();
  return {
    name: setting.name,
    setting,
    devices,
    driver,
    opens: devices.some(({ options }) => {
      const { lock, slots } = entry.abilities(options);
      return lock || slots;
    }),
    opener,
    supervisor,
    actuator,
    links,
    ran: undefined,
  };
}

function busStatus({ name, driver, opener, supervisor, actuator }: Bus): DeviceStatus[] {
  return supervisor.status().map((status) => ({
    ...status,
    bus: name,
    driver,
    port: opener.name,
    queued: actuator.length,
  }));
}
