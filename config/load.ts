/** File -> `Config`, or every fault at once: path, value found, what would do. */
import { z } from 'zod';
import { catalogue } from '../drivers/catalogue.ts';
import { ConfigError } from '../drivers/contract/errors.ts';
import type { DriverEntry } from '../drivers/contract/machine.ts';
import type { Draft, NamedSection } from './draft.ts';
import { FaultList, shown, unknownRemedy } from './fault-list.ts';
import { checkHardware } from './hardware-checks.ts';
import {
  busSchema,
  type DeviceConfig,
  deviceCommon,
  type InputConfig,
  inputSchema,
} from './hardware-schema.ts';
import { checkPlaces } from './place-checks.ts';
import { accessLevelSchema, accessPointSchema, keySchema } from './place-schema.ts';
import { NO_REMOTE_DEVICES, type RemoteDevices, withRemoteDevices } from './remote-devices.ts';
import { type Config, sections } from './schema.ts';
import { readConfigText } from './text.ts';
import { name, nearest, openId } from './values.ts';
import { readYaml } from './yaml.ts';

export interface LoadOptions {
  /** For the `${NAME}`s in the file. */
  readonly variables?: ReadonlyMap<string, string>;
  /** That the text is of, as faults name it. */
  readonly file?: string;
  /** What was changed by signed commands, laid over the file. */
  readonly remote?: RemoteDevices;
  /** Drivers by name; all that there are by default. */
  readonly drivers?: ReadonlyMap<string, DriverEntry>;
}

/** @throws ConfigError */
export function loadConfig(file: string, options: LoadOptions = {}): Config {
  return parseConfig(readConfigText(file), { ...options, file });
}

/** @throws ConfigError */
export function parseConfig(text: string, options: LoadOptions = {}): Config {
  const yaml = readYaml(text, options.variables ?? new Map());
  const faults = new FaultList(yaml);
  if (yaml.value === undefined && !faults.isEmpty) throw new ConfigError(faults.all, options.file);
  if (!isObject(yaml.value)) {
    faults.add([], shown(yaml.value, []), 'settings: start from config/example.yaml');
    throw new ConfigError(faults.all, options.file);
  }
  const root = withRemoteDevices(yaml.value, options.remote ?? NO_REMOTE_DEVICES);
  const reading = new Reading(root, faults, options.drivers ?? catalogue);
  const config = reading.config();
  if (config === undefined) throw new ConfigError(faults.all, options.file);
  return config;
}

/** One pass over the sections; each is read for itself, so that a fault in one hides none in another. */
class Reading {
  readonly #root: Readonly<Record<string, unknown>>;
  readonly #faults: FaultList;
  readonly #drivers: ReadonlyMap<string, DriverEntry>;

  constructor(
    root: Readonly<Record<string, unknown>>,
    faults: FaultList,
    drivers: ReadonlyMap<string, DriverEntry>,
  ) {
    this.#root = root;
    this.#faults = faults;
    this.#drivers = drivers;
  }

  config(): Config | undefined {
    this.#unknownSections();
    const site = this.#section('site', sections.site);
    const store = this.#section('store', sections.store);
    const secrets = this.#section('secrets', sections.secrets);
    const cloud = this.#section('cloud', sections.cloud);
    const homeAssistant = this.#section('homeAssistant', sections.homeAssistant);
    const vendors = this.#section('vendors', sections.vendors);
    const api = this.#section('api', sections.api);
    const log = this.#section('log', sections.log);
    const draft: Draft = {
      drivers: this.#drivers,
      buses: this.#entries('buses', (value, at) => this.#faults.parse(busSchema, value, at)),
      devices: this.#entries('devices', (value, at) => this.#device(value, at)),
      accessPoints: this.#entries('accessPoints', (value, at) =>
        this.#faults.parse(accessPointSchema, value, at),
      ),
      keys: this.#entries('keys', (value, at) => this.#faults.parse(keySchema, value, at)),
      accessLevels: this.#entries('accessLevels', (value, at) =>
        this.#faults.parse(accessLevelSchema, value, at),
      ),
      inputs: this.#inputs(),
      named: (section) => new Set(Object.keys(this.#map(section))),
    };
    checkHardware(draft, this.#faults);
    checkPlaces(draft, this.#faults);
    if (!this.#faults.isEmpty) return undefined;
    if (!site || !store || !secrets || !vendors || !api || !log) return undefined;
    return {
      site,
      store,
      secrets,
      inputs: [...draft.inputs.values()],
      cloud,
      homeAssistant,
      vendors,
      api,
      log,
      buses: Object.fromEntries(draft.buses),
      devices: Object.fromEntries(draft.devices),
      accessPoints: Object.fromEntries(draft.accessPoints),
      keys: Object.fromEntries(draft.keys),
      accessLevels: Object.fromEntries(
        [...draft.accessLevels].map(([level, targets]) => [level, [...targets]]),
      ),
    };
  }

  #unknownSections(): void {
    const known = Object.keys(sections);
    for (const key of Object.keys(this.#root)) {
      if (known.includes(key)) continue;
      this.#faults.add([key], `"${key.slice(0, 60)}"`, unknownRemedy(key, known));
    }
  }

  #section<T>(section: keyof typeof sections, schema: z.ZodType<T>): T | undefined {
    return this.#faults.parse(schema, this.#root[section] ?? undefined, [section]);
  }

  /** A section of names with something below each. */
  #entries<T>(
    section: NamedSection,
    read: (value: unknown, at: readonly [string, string]) => T | undefined,
  ): Map<string, T> {
    const found = new Map<string, T>();
    const most = MOST[section];
    const map = this.#map(section);
    const ids = Object.keys(map);
    if (ids.length > most) this.#faults.add([section], `${ids.length} of them`, `at most ${most}`);
    for (const id of ids.slice(0, most)) {
      const checked = (section === 'keys' ? openId : name).safeParse(id);
      if (!checked.success) {
        const remedy = checked.error.issues[0]?.message ?? 'another name';
        this.#faults.add([section, id], `the name "${id.slice(0, 60)}"`, remedy);
        continue;
      }
      const value = read(map[id] ?? {}, [section, id]);
      if (value !== undefined) found.set(id, value);
    }
    return found;
  }

  #inputs(): ReadonlyMap<number, InputConfig> {
    const found = new Map<number, InputConfig>();
    const list = this.#section('inputs', INPUT_LIST) ?? [];
    for (const [index, value] of list.entries()) {
      const input = this.#faults.parse(inputSchema, value, ['inputs', index]);
      if (input !== undefined) found.set(index, input);
    }
    return found;
  }

  #map(section: NamedSection): Readonly<Record<string, unknown>> {
    const value = this.#root[section] ?? {};
    if (isObject(value)) return value;
    this.#faults.add([section], shown(value, [section]), 'names with settings, indented below it');
    return {};
  }

  #device(value: unknown, at: readonly [string, string]): DeviceConfig | undefined {
    const common = this.#faults.parse(z.object(deviceCommon.shape), value, at);
    if (common === undefined || !isObject(value)) return undefined;
    const { driver, bus, ...options } = value;
    const entry = this.#drivers.get(common.driver);
    if (entry === undefined) {
      this.#faults.add(
        [...at, 'driver'],
        `"${driver}"`,
        driverRemedy(common.driver, this.#drivers),
      );
      return undefined;
    }
    const read = this.#faults.parse(entry.options, options, at);
    return read === undefined ? undefined : { driver: entry.name, bus: String(bus), options: read };
  }
}

const INPUT_LIST = z.array(z.unknown()).max(256).default([]);

const MOST: Readonly<Record<NamedSection, number>> = {
  buses: 64,
  devices: 512,
  accessPoints: 128,
  keys: 10_000,
  accessLevels: 256,
};

function driverRemedy(driver: string, drivers: ReadonlyMap<string, DriverEntry>): string {
  const near = nearest(driver, drivers.keys());
  return near === undefined
    ? `one of ${[...drivers.keys()].join(', ')}`
    : `there is no such driver; did you mean ${near}?`;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
