/** What is wired at the simulated site: its buses, their ports, the devices on them, and what hands can do to these. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../config/schema.ts';
import type { BusOpener } from '../daemon/devices/supervisor.ts';
import { gattPeripheral } from '../daemon/platform/ble-link.ts';
import { catalogue } from '../drivers/catalogue.ts';
import { authorizationText } from '../drivers/nuki/credentials.ts';
import { toHex } from '../drivers/wire/hex.ts';
import { SimulatedBus } from '../simulator/bus.ts';
import type { SimulatedClock } from '../simulator/clock.ts';
import type { SimJson, SimulatedDevice } from '../simulator/device.ts';
import { simulatedKinds } from '../simulator/devices/catalogue.ts';
import { NukiLock } from '../simulator/devices/nuki-lock.ts';
import { buildIntoSlot } from '../simulator/devices/slot-reader.ts';
import { SimulatedPort } from '../simulator/link.ts';
import { Air } from '../simulator/radio/air.ts';
import { AirTransport } from '../simulator/radio/air-transport.ts';
import { seededRandom } from '../simulator/random.ts';

export interface Radio {
  readonly lock: NukiLock;
  readonly opener: BusOpener;
}

export interface HardwareParts {
  readonly clock: SimulatedClock;
  readonly seed: number;
  readonly config: Config;
  /** What hangs in the box. */
  readonly stock: readonly { readonly slot: number; readonly fob: string }[];
  readonly radio: Radio | undefined;
}

export class SiteHardware {
  readonly buses = new Map<string, SimulatedBus>();
  readonly ports = new Map<string, SimulatedPort>();
  readonly openers: Map<string, BusOpener>;
  readonly lock: NukiLock | undefined;
  readonly #parts: HardwareParts;

  constructor(parts: HardwareParts) {
    this.#parts = parts;
    this.lock = parts.radio?.lock;
    this.#build();
    const { radio } = parts;
    this.openers = new Map<string, BusOpener>([
      ...this.ports,
      ...(radio === undefined ? [] : [['radio/door', radio.opener] as const]),
    ]);
  }

  hand(device: string, verb: string, given: Readonly<Record<string, SimJson>> = {}): SimJson {
    const run = this.#device(device).verbs[verb];
    if (run === undefined) throw new Error(`${device} cannot ${verb}`);
    return run.run(given);
  }

  /** A device on a wire of its own, which no config names yet; a lock board where nothing else is said. */
  wireBoard(bus: string, device: string, driver = 'kerong-cu16', given: object = { address: 0 }) {
    const simulated = new SimulatedBus({
      ...{ name: bus, clock: this.#parts.clock, random: seededRandom(this.#parts.seed + 5) },
      baudRate: 19_200,
    });
    const port = new SimulatedPort(simulated, this.#parts.clock);
    const options = catalogue.get(driver)?.options.parse(given);
    const kind = simulatedKinds.get(driver);
    if (kind === undefined) throw new Error(`nothing simulates ${driver}`);
    simulated.attach(device, (around) => kind.build(device, options, around));
    this.buses.set(bus, simulated);
    this.ports.set(bus, port);
    this.openers.set(bus, port);
  }

  pulses(slot: number): number {
    return this.#slots()[slot]?.pulses ?? 0;
  }

  get pulseCount(): number {
    return Object.values(this.#slots()).reduce((sum, { pulses }) => sum + pulses, 0);
  }

  /** Whether the strike of a relay board has power. */
  isReleased(board: string): boolean {
    const look = this.#device(board).look();
    if (look === null || typeof look !== 'object' || !('coils' in look))
      throw new Error(`${board} has no relays`);
    return Array.isArray(look['coils']) && look['coils'].length > 0;
  }

  openSlots(): readonly number[] {
    return Object.entries(this.#slots())
      .filter(([, { door }]) => door === 'open')
      .map(([slot]) => Number(slot));
  }

  #device(name: string): SimulatedDevice {
    const found = [...this.buses.values()]
      .map((bus) => bus.devices.get(name))
      .find((each) => each !== undefined);
    if (found === undefined) throw new Error(`there is no ${name}`);
    return found;
  }

  #slots(): Readonly<Record<string, { readonly door: string; readonly pulses: number }>> {
    const look = this.buses.get('box-bus')?.devices.get('box')?.look();
    if (look === null || typeof look !== 'object' || !('slots' in look))
      throw new Error('there is a box');
    return look['slots'] as unknown as Readonly<Record<string, { door: string; pulses: number }>>;
  }

  #build(): void {
    const { clock, seed, config, stock } = this.#parts;
    const random = seededRandom(seed);
    for (const [name, setting] of Object.entries(config.buses)) {
      if (setting.ble !== undefined) continue; // the air has no wire
      const baudRate = setting.baudRate;
      const bus = new SimulatedBus({
        name,
        clock,
        random,
        ...(baudRate === undefined ? {} : { baudRate }),
      });
      this.buses.set(name, bus);
      this.ports.set(name, new SimulatedPort(bus, clock));
    }
    for (const [name, { driver, bus, options }] of Object.entries(config.devices)) {
      if (config.buses[bus]?.ble !== undefined) continue;
      const kind = simulatedKinds.get(driver);
      if (kind === undefined) throw new Error(`nothing simulates ${driver}`);
      this.buses.get(bus)?.attach(name, (around) => kind.build(name, options, around));
    }
    const board = this.buses.get('box-bus')?.devices.get('box');
    const reader = this.buses.get('slot-7-bus')?.devices.get('slot-7');
    if (board !== undefined && reader !== undefined) buildIntoSlot(reader, board, 7);
    for (const { slot, fob } of stock) {
      this.hand('box', 'stock', { slot, fob });
    }
  }
}

/** A lock on the air, authorised in the folder of credentials as `door` of the config has it. */
export function lockOnTheAir(clock: SimulatedClock, seed: number, directory: string): Radio {
  const random = seededRandom(seed + 77);
  const air = new Air(clock, random);
  const lock = new NukiLock({ name: 'door', clock, random });
  air.join(lock);
  const key = random.bytes(32);
  const text = authorizationText(lock.authorize(key, 'Latchkey'), toHex(key), '00'.repeat(16));
  mkdirSync(join(directory, 'credentials'), { mode: 0o700 });
  writeFileSync(join(directory, 'credentials', 'lock'), text, { mode: 0o600 });
  writeFileSync(join(directory, 'credentials', 'lock-pin'), '1234', { mode: 0o600 });
  const { address } = lock;
  const transport = new AirTransport(air);
  return { lock, opener: gattPeripheral({ transport, address, addressType: 'random' }) };
}
