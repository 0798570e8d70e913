/**
 * Devices added and taken away by signed commands (`device.add`, `device.remove`): the whole config is read again with
 * the change in it, as at a start, before anything is changed. They stand at no access point: who may be let in where,
 * and by which reader, is the installer's to say, so that a key for operations opens nothing and widens nothing (P5).
 */
import {
  NO_REMOTE_DEVICES,
  REMOTE_DEVICES_MOST,
  type RemoteDevices,
  readRemoteDevices,
  remoteDevicesText,
} from '../../config/remote-devices.ts';
import { remoteDevicesFile } from '../../config/remote-devices-file.ts';
import type { Config } from '../../config/schema.ts';
import { ConfigError } from '../../drivers/contract/errors.ts';
import type { JsonObject } from '../access/entry.ts';
import type { ActionFault } from '../cloud/site-actions.ts';
import { storeDurably } from '../store/durable-file.ts';

export interface RemoteDevicesParts {
  /** The store's; `:memory:` keeps nothing. */
  readonly directory: string;
  /** The config as it is without any of them. */
  readonly read: Config;
  /** The config with these devices. @throws ConfigError */
  readonly reconfigured: (remote: RemoteDevices) => Config;
  /** Runs the devices of this config, and no others. */
  readonly run: (config: Config) => Promise<void>;
}

export type DeviceChange =
  /** On the disk; `body` is for the journal, `undefined` where nothing changed. `applied` runs it. */
  | { readonly body: JsonObject | undefined; readonly apply: () => Promise<void> }
  | { readonly fault: ActionFault; readonly data: JsonObject };

/** Faults told in one reply. */
const FAULTS_TOLD = 8;

export class RemoteDeviceDesk {
  readonly #parts: RemoteDevicesParts;
  #remote: RemoteDevices;
  #config: Config;
  #applied: Promise<void> = Promise.resolve();
  /** Why what was changed from afar is left out: the file alone is right, and the two together are not. */
  readonly ignored: ConfigError | undefined;

  /** @throws ConfigError */
  constructor(parts: RemoteDevicesParts) {
    this.#parts = parts;
    this.#remote = this.#isKept ? readRemoteDevices(parts.directory) : NO_REMOTE_DEVICES;
    this.#config = parts.read;
    if (this.#remote === NO_REMOTE_DEVICES) return;
    try {
      this.#config = parts.reconfigured(this.#remote);
    } catch (problem) {
      if (!(problem instanceof ConfigError)) throw problem;
      this.ignored = problem;
      this.#remote = NO_REMOTE_DEVICES;
    }
  }

  /** The config to run now. */
  get config(): Config {
    return this.#config;
  }

  /**
   * `wire` is the bus, where the site has none of the name in `settings`. A repetition changes nothing.
   * @throws StorageError
   */
  add(device: string, settings: JsonObject, wire: JsonObject | undefined): DeviceChange {
    const { devices, buses } = this.#remote;
    const bus = typeof settings['bus'] === 'string' ? settings['bus'] : '';
    const now = this.config;
    if (sameJson(devices[device], settings)) {
      return { body: undefined, apply: () => this.#run() };
    }
    if (now.devices[device] !== undefined) {
      return { fault: 'conflict', data: { detail: `there is a device ${device}` } };
    }
    if (wire !== undefined && now.buses[bus] !== undefined) {
      return { fault: 'conflict', data: { detail: `there is a bus ${bus}` } };
    }
    if (Object.keys(devices).length >= REMOTE_DEVICES_MOST) {
      return { fault: 'limit-exceeded', data: { most: REMOTE_DEVICES_MOST } };
    }
    const next = {
      ...this.#remote,
      devices: { ...devices, [device]: settings },
      buses: wire === undefined ? buses : { ...buses, [bus]: wire },
    };
    return this.#change(next, 'bad-request', { added: device, driver: settings['driver'] ?? '' });
  }

  /**
   * What an access point or an input needs stays: `conflict`. A repetition changes nothing.
   * @throws StorageError
   */
  remove(device: string): DeviceChange {
    const { devices, buses, removed } = this.#remote;
    if (this.config.devices[device] === undefined) {
      if (removed.includes(device)) return { body: undefined, apply: () => this.#run() };
      return { fault: 'not-found', data: {} };
    }
    const { [device]: _gone, ...rest } = devices;
    const used = new Set(Object.values(rest).map(({ bus }) => bus));
    const next = {
      ...this.#remote,
      devices: rest,
      buses: Object.fromEntries(Object.entries(buses).filter(([name]) => used.has(name))),
      removed: [...removed.filter((name) => name !== device), device].slice(-512),
    };
    return this.#change(next, 'conflict', { removed: device });
  }

  #change(next: RemoteDevices, otherwise: ActionFault, body: JsonObject): DeviceChange {
    let config: Config;
    try {
      config = this.#parts.reconfigured(next);
    } catch (problem) {
      if (!(problem instanceof ConfigError)) throw problem;
      const faults = problem.faults
        .slice(0, FAULTS_TOLD)
        .map(({ path, found, remedy }) => ({ path, found: found.slice(0, 128), remedy }));
      return { fault: otherwise, data: { faults } };
    }
    if (this.#isKept)
      storeDurably(remoteDevicesFile(this.#parts.directory), remoteDevicesText(next));
    this.#remote = next;
    this.#config = config;
    return { body, apply: () => this.#run() };
  }

  /** One change after another; each runs what is the last word by then, whatever came of the one before. */
  #run(): Promise<void> {
    const run = () => this.#parts.run(this.config);
    this.#applied = this.#applied.then(run, run);
    return this.#applied;
  }

  get #isKept(): boolean {
    return this.#parts.directory !== ':memory:';
  }
}

function sameJson(one: unknown, other: unknown): boolean {
  return one !== undefined && JSON.stringify(sorted(one)) === JSON.stringify(sorted(other));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, inner]) => [name, sorted(inner)]),
  );
}
