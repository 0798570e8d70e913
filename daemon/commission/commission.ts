/**
 * The guided run, in the order in which an installer would do it by hand: find and name what is on the wires, open
 * each slot once, unlock each lock once, read a fob and a code at each reader.
 */
import type { Config } from '../../config/schema.ts';
import { type DeviceId, deviceId, type SlotNumber } from '../../drivers/contract/device.ts';
import { LinkError } from '../../drivers/contract/errors.ts';
import type { DriverEntry } from '../../drivers/contract/machine.ts';
import { type Clock, type Millis, pause, type Random } from '../../drivers/contract/time.ts';
import { wiresOf } from '../configured/openers.ts';
import type { BusOpener } from '../devices/supervisor.ts';
import { type Ask, Stopped } from './ask.ts';
import { Field } from './field.ts';
import { type Found, findOnBus, findReader } from './find.ts';
import { flipped, type Written } from './fragment.ts';
import { proveBox } from './prove-box.ts';
import type { Sense } from './prove-contact.ts';
import { proveLock } from './prove-lock.ts';
import { proveReader } from './prove-reader.ts';
import type { Proof, SheetDevice } from './sheet.ts';
import { goOn, seconds, type Work } from './work.ts';

/** Until a device that is there has said so. */
const UP_WITHIN: Millis = 9000;
/** Readings come in pairs; until each contact of a board has been read. */
const PICTURE_WITHIN: Millis = 2000;

export interface CommissionParts {
  readonly config: Config;
  readonly written: Written;
  readonly catalogue: ReadonlyMap<string, DriverEntry>;
  readonly secrets: ReadonlyMap<string, Uint8Array>;
  readonly ask: Ask;
  readonly clock: Clock;
  readonly random: Random;
  readonly signal: AbortSignal;
  readonly patience: Millis;
  /** Of all buses, those to be proven. */
  readonly buses: readonly string[];
  /** Look for devices on these. */
  readonly searched: readonly string[];
  /** Parts that readers lack, by device: `fob`, `pin`. */
  readonly without: ReadonlyMap<string, ReadonlySet<'fob' | 'pin'>>;
  /** Reads a config from its sections. @throws ConfigError */
  read(written: Written): Config;
  /** Opens what a config names. */
  openers(config: Config): ReadonlyMap<string, BusOpener>;
}

export interface Commissioned {
  readonly devices: readonly SheetDevice[];
  readonly proofs: readonly Proof[];
  /** The sections with what was found and learned. */
  readonly written: Written;
  readonly isComplete: boolean;
}

/** Ends early, with what was proven so far, once the signal is aborted or nobody answers. */
export async function commission(parts: CommissionParts): Promise<Commissioned> {
  const run = new Run(parts);
  try {
    await run.find();
    await run.prove();
    return run.outcome(true);
  } catch (error) {
    if (!(error instanceof Stopped)) throw error;
    return run.outcome(false);
  }
}

class Run {
  readonly #parts: CommissionParts;
  readonly #proofs: Proof[] = [];
  readonly #found = new Set<string>();
  readonly #learned = new Map<DeviceId, string[]>();
  readonly #turned = new Set<string>();
  #written: Written;
  #config: Config;
  #devices: readonly Omit<SheetDevice, 'learned' | 'found'>[] = [];

  constructor(parts: CommissionParts) {
    this.#parts = parts;
    this.#written = parts.written;
    this.#config = parts.config;
  }

  outcome(isComplete: boolean): Commissioned {
    return {
      devices: this.#devices.map((each) => ({
        ...each,
        found: this.#found.has(each.device),
        learned: this.#learned.get(deviceId(each.device)) ?? [],
      })),
      proofs: this.#proofs,
      written: this.#written,
      isComplete,
    };
  }

  async find(): Promise<void> {
    const { searched, ask } = this.#parts;
    for (const bus of searched) {
      goOn(this.#parts);
      ask.head(`What is on bus ${bus}`);
      for (const found of await this.#look(bus)) await this.#take(bus, found);
    }
  }

  async #look(bus: string): Promise<readonly Found[]> {
    const { ask, patience, catalogue, clock, random, signal } = this.#parts;
    const opener = this.#parts.openers(this.#config).get(bus);
    if (opener === undefined || opener.kind === 'gatt' || opener.kind === 'input') return [];
    const { baudRate, latencyMs = 0 } = this.#config.buses[bus] ?? {};
    const facts = { catalogue, opener, baudRate, latencyMs, clock, random, signal };
    const busy = ask.busy(`asking on bus ${bus}`);
    try {
      const found = await findOnBus({ ...facts, say: (text) => busy.say(text) });
      busy.done(found.length === 0 ? 'nobody answers' : `${found.length} answer`, found.length > 0);
      if (found.length > 0) return found;
      goOn(this.#parts);
      const has = Object.values(this.#config.devices).some((each) => each.bus === bus);
      if (has) return [];
      const listening = ask.busy(
        `A reader that only speaks? Hold a fob to it (${seconds(patience)})`,
      );
      const reader = await findReader(facts, patience);
      listening.done(reader?.driver ?? 'nothing was heard', reader !== undefined);
      return reader === undefined ? [] : [reader];
    } catch (error) {
      if (!(error instanceof LinkError)) throw error;
      busy.done(error.message, false);
      return [];
    }
  }

  /** Gives what was found a name, and a place in the config. */
  async #take(bus: string, { driver, baudRate, options }: Found): Promise<void> {
    const { ask, catalogue } = this.#parts;
    const { devices, buses } = this.#written;
    const here = Object.values(this.#config.devices).filter((each) => each.bus === bus);
    const address = options['address'];
    if (here.some((each) => addressOf(each.options) === address && each.driver === driver)) return;
    const what = address === undefined ? driver : `${driver} at address ${address}`;
    if (here.some((each) => each.driver !== driver)) {
      ask.tell(`${what} answers on bus ${bus}, whose devices are of another kind: left out`);
      return;
    }
    const taken = new Set(Object.keys(devices));
    const id = await ask.text(`Name for ${what}`, freeName(driver, taken), (text) => {
      if (!/^[a-z0-9-]{1,32}$/.test(text)) return '1 to 32 of a-z, 0-9 and "-"';
      return taken.has(text) ? 'another device has this name' : undefined;
    });
    const entry = catalogue.get(driver);
    const most = entry?.slots?.(entry.options.parse(options)).length ?? 0;
    const wired = driver === 'modbus-relay' ? 0 : most;
    const slots =
      wired === 0
        ? {}
        : {
            slots: Number(
              await ask.text(`How many slots of ${id} are wired?`, String(wired), (text) =>
                /^[1-9]\d?$/.test(text) && Number(text) <= wired ? undefined : `1 to ${wired}`,
              ),
            ),
          };
    this.#found.add(id);
    // The speed behind a gateway is the gateway's own.
    const isGateway = buses[bus]?.['tcp'] !== undefined;
    const wire = { ...buses[bus], ...(isGateway ? {} : { baudRate }) };
    this.#written = {
      ...this.#written,
      buses: { ...buses, [bus]: wire },
      devices: { ...devices, [id]: { driver, bus, ...options, ...slots } },
    };
    this.#config = this.#parts.read(this.#written);
  }

  async prove(): Promise<void> {
    const { buses, catalogue, secrets, clock, random, signal } = this.#parts;
    const all = wiresOf(this.#config);
    const devices = all.devices.filter(({ bus }) => buses.includes(bus.split('/')[0] ?? bus));
    if (devices.length === 0) return;
    const field = new Field({
      buses: all.buses,
      devices,
      catalogue,
      openers: this.#parts.openers(this.#config),
      clock,
      random,
      secrets,
    });
    const ended = new AbortController();
    const running = field.run(AbortSignal.any([signal, ended.signal]));
    const look = () => {
      this.#devices = devices.map(({ id, driver }) => stateOf(id, driver, field));
    };
    try {
      const { ask, patience } = this.#parts;
      const record = (proof: Proof) => this.#proofs.push(proof);
      const work: Work = { field, ask, clock, signal, patience, record };
      await this.#awaitAll(devices, work);
      look();
      for (const { id, driver, options } of devices) {
        await this.#proveDevice(id, catalogue.get(driver), options, work);
        if (!signal.aborted) look();
      }
    } finally {
      ended.abort();
      await running;
    }
  }

  async #awaitAll(devices: readonly { readonly id: DeviceId }[], work: Work): Promise<void> {
    const { field, ask, clock, signal } = work;
    ask.head('Devices');
    const busy = ask.busy(`waiting for ${devices.length} devices`);
    const end = clock.uptime() + UP_WITHIN;
    const missing = () => devices.filter(({ id }) => !field.isUp(id)).map(({ id }) => id);
    const isOver = () =>
      clock.uptime() >= end || missing().every((id) => field.hasFailed(id)) || signal.aborted;
    while (missing().length > 0 && !isOver()) {
      busy.say(`waiting for ${missing().join(', ')}`);
      await pause(clock, 200, signal);
    }
    const absent = missing();
    busy.done(
      absent.length === 0 ? 'all devices answer' : `no answer from ${absent.join(', ')}`,
      absent.length === 0,
    );
    goOn(work);
  }

  async #proveDevice(
    device: DeviceId,
    entry: DriverEntry | undefined,
    options: unknown,
    work: Work,
  ): Promise<void> {
    goOn(work);
    if (entry === undefined) return;
    const { slots, presence, lock, cards, codes } = entry.abilities(options);
    const { ask, field } = work;
    ask.head(`${device} (${entry.name})`);
    if (slots) {
      const used = this.#slotsOf(device, entry.slots?.(options) ?? []);
      await this.#untilRead(device, work, () =>
        used.some((slot) => field.isDoorOpen(device, slot) !== undefined),
      );
      const box = { device, slots: used, hasPresence: presence };
      const learned = await proveBox(box, work);
      this.#learn(device, 'door', learned.door);
      this.#learn(device, 'presence', learned.presence);
    }
    if (lock) {
      await this.#untilRead(device, work, () => field.isContactOpen(device) !== undefined);
      this.#learn(device, 'door', await proveLock(device, work));
    }
    if (cards || codes) {
      const without = this.#parts.without.get(device) ?? new Set();
      await proveReader({ device, cards, codes, without }, work);
    }
  }

  /** A change can only be told from a state that is known; where no contact is wired, none comes. */
  async #untilRead(device: DeviceId, work: Work, isRead: () => boolean): Promise<void> {
    const { field, clock, signal } = work;
    const end = clock.uptime() + PICTURE_WITHIN;
    while (field.isUp(device) && !isRead() && clock.uptime() < end && !signal.aborted) {
      await pause(clock, 50, signal);
    }
  }

  /** Those that the site uses: a slot that is out of use is neither opened nor counted. */
  #slotsOf(device: DeviceId, all: readonly SlotNumber[]): readonly SlotNumber[] {
    const places = Object.values(this.#config.accessPoints).filter(({ box }) => box === device);
    if (places.length === 0) return all;
    return all.filter((slot) =>
      places.some(
        ({ slots, disabledSlots }) =>
          (slots === undefined || slots.includes(slot)) && !disabledSlots.includes(slot),
      ),
    );
  }

  #learn(device: DeviceId, what: 'door' | 'presence', sense: Sense | undefined): void {
    // Slots and strike of one board share a setting: it is turned once.
    if (sense !== 'inverted' || this.#turned.has(`${device} ${what}`)) return;
    this.#turned.add(`${device} ${what}`);
    const before = this.#written.devices[device];
    const after = before === undefined ? undefined : flipped(before, what);
    const told = this.#learned.get(device) ?? [];
    this.#learned.set(device, told);
    if (after === undefined) {
      told.push(`the ${what} bit is inverted, and its driver has no setting for that`);
      return;
    }
    told.push(`the ${what} bit is inverted, and the config fragment says so`);
    this.#written = {
      ...this.#written,
      devices: { ...this.#written.devices, [device]: after },
    };
  }
}

function stateOf(
  device: DeviceId,
  driver: string,
  field: Field,
): Omit<SheetDevice, 'learned' | 'found'> {
  const status = field.status(device);
  const hardware = field.hardware(device);
  const link = status?.link ?? 'port-missing';
  const why = status?.detail ?? '';
  return {
    device,
    driver,
    bus: status?.bus ?? '',
    port: status?.port ?? '',
    identity: status?.identity ?? '',
    ...(hardware === undefined
      ? {}
      : {
          hardware: {
            model: hardware.model,
            serial: hardware.serial,
            firmware: hardware.firmware,
          },
        }),
    state: why === '' ? link : `${link}, ${why}`,
  };
}

function addressOf(options: unknown): unknown {
  return typeof options === 'object' && options !== null && 'address' in options
    ? options.address
    : undefined;
}

const SHORT: Readonly<Record<string, string>> = { osdp: 'reader', 'wiegand-serial': 'keypad' };

function freeName(driver: string, taken: ReadonlySet<string>): string {
  const stem = SHORT[driver] ?? (/kerong|board|relay/.test(driver) ? 'box' : 'fobs');
  for (let number = 1; ; number += 1) {
    const name = number === 1 ? stem : `${stem}-${number}`;
    if (!taken.has(name)) return name;
  }
}
