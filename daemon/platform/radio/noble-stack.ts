/**
 * noble on HCI: kernel socket (raw or user channel), UART dongle, or H4 over TCP. Lives in the radio process alone: a
 * short controller event ends it, a lost reply hangs any of its promises, and it reports no ATT error.
 */
import { createRequire } from 'node:module';
import { setTimeout } from 'node:timers/promises';
import type { Characteristic, Noble, Peripheral } from '@stoprocent/noble';
import { LinkError } from '../../../drivers/contract/errors.ts';
import type { Advertisement, GattCharacteristic } from '../../../drivers/contract/link.ts';
import { HciTcpSocket } from './hci-tcp-socket.ts';
import { LET_GO_WITHIN, type RadioBackend } from './messages.ts';
import {
  fullUuid,
  type RadioStack,
  reasonText,
  type StackLink,
  type StackLinkListener,
  type StackListener,
} from './stack.ts';
import { forgetStrangers } from './strangers.ts';

/**
 * 30 to 50 ms interval, no latency, 5 s supervision (units 1.25 ms and 10 ms): noble's own 420 ms drops weak links. An
 * MTU below 517 makes noble take the peer's larger answer for its own.
 */
const CONNECTION = { minInterval: 24, maxInterval: 40, latency: 0, timeout: 500, mtu: 517 };
const SMALLEST_MTU = 23;

/** The driver table is a mutable export, read when noble is first loaded: a name is added to it before that. */
function addTcpDriver(): void {
  const sockets: unknown = createRequire(import.meta.url)('@stoprocent/bluetooth-hci-socket');
  if (!hasDrivers(sockets)) throw new TypeError('bluetooth-hci-socket has no loadDriver');
  const { loadDriver } = sockets;
  sockets.loadDriver = (name) => (name === 'tcp' ? HciTcpSocket : loadDriver(name));
}

interface Drivers {
  loadDriver: (name: string) => unknown;
}

function hasDrivers(module: unknown): module is Drivers {
  if (typeof module !== 'function' && typeof module !== 'object') return false;
  return module !== null && 'loadDriver' in module && typeof module.loadDriver === 'function';
}

function bindings(backend: Exclude<RadioBackend, { kind: 'bluez' }>) {
  switch (backend.kind) {
    case 'hci':
      return { hciDriver: 'native', deviceId: backend.adapter, userChannel: backend.userChannel };
    case 'uart':
      return {
        hciDriver: 'uart',
        bindParams: { uart: { port: backend.path, baudRate: backend.baudRate } },
      };
    case 'tcp':
      return { hciDriver: 'tcp', bindParams: { host: backend.host, port: backend.port } };
  }
}

export async function nobleStack(
  backend: Exclude<RadioBackend, { kind: 'bluez' }>,
  listener: StackListener,
): Promise<RadioStack> {
  addTcpDriver();
  // Loaded late: what it does at import must come after the driver table was extended.
  const { withBindings } = await import('@stoprocent/noble');
  return new NobleStack(withBindings('hci', bindings(backend)), listener);
}

class NobleStack implements RadioStack {
  readonly #noble: Noble;
  readonly #listener: StackListener;
  /** Connects under way; called, one ends at once. */
  readonly #pending = new Map<string, (error: Error) => void>();
  /** Connected, but not begun: the MTU is still to come. */
  readonly #beginning = new Map<string, Peripheral>();
  /** Given up before they had begun, and not yet disconnected. */
  readonly #leaving = new Map<string, Promise<void>>();
  /** The service that was last used of each peripheral of the config: it is looked for first the next time. */
  readonly #lastUsed = new Map<string, string>();
  #isPowered = false;

  constructor(noble: Noble, listener: StackListener) {
    this.#noble = noble;
    this.#listener = listener;
  }

  start(): Promise<void> {
    return new Promise((resolve) => {
      this.#noble.on('discover', (peripheral) => {
        this.#listener.heard(advertisement(peripheral));
      });
      // A failed connect to a peripheral that was never heard ends in a warning and nothing else.
      this.#noble.on('warning', (message: string) => {
        const id = /unknown peripheral (\w+) connected/.exec(message)?.[1];
        if (id !== undefined) this.#pending.get(id)?.(new Error(reasonText(0x3e)));
      });
      this.#noble.on('stateChange', (state) => {
        if (state === 'poweredOn') {
          this.#isPowered = true;
          resolve();
        } else if (this.#isPowered) {
          this.#isPowered = false;
          this.#listener.adapterLost(`the adapter is ${state}`);
        }
      });
    });
  }

  async scan(on: boolean): Promise<void> {
    forgetStrangers(this.#noble, new Set([...this.#pending.keys(), ...this.#beginning.keys()]));
    if (on) await this.#noble.startScanningAsync([], true);
    else await this.#noble.stopScanningAsync();
  }

  async connect(
    address: string,
    addressType: 'public' | 'random',
    listener: StackLinkListener,
  ): Promise<StackLink> {
    const id = address.replaceAll(':', '');
    const link = new NobleLink(listener, {
      service: this.#lastUsed.get(id),
      uses: (service) => this.#lastUsed.set(id, service),
    });
    const gone = (reason: number | string) => link.gone(reason);
    const ended = Promise.withResolvers<never>();
    ended.promise.catch(() => undefined); // told to whoever waits below
    this.#pending.set(id, ended.reject);
    try {
      await Promise.race([this.#leaving.get(id), ended.promise]);
      // Before connecting: a 3e can beat the promise.
      this.#noble.once(`disconnect:${id}`, gone);
      const parameters = { addressType, ...CONNECTION };
      const connected = this.#noble.connectAsync(id, parameters);
      const peripheral = await Promise.race([connected, ended.promise]);
      if (peripheral.state !== 'connected') {
        throw new LinkError('failed', `${address}: ${link.why ?? reasonText(0x3e)}`);
      }
      this.#beginning.set(id, peripheral);
      await Promise.race([link.begin(peripheral), ended.promise]);
      return link;
    } catch (error) {
      this.#noble.removeListener(`disconnect:${id}`, gone);
      throw error;
    } finally {
      this.#pending.delete(id);
      this.#beginning.delete(id);
    }
  }

  cancelConnect(address: string): void {
    const id = address.replaceAll(':', '');
    const peripheral = this.#beginning.get(id);
    // What has been heard of last may be gone, and its end may take long: nobody else waits for that.
    if (peripheral !== undefined) this.#leave(id, peripheral);
    else if (!this.#leaving.has(id)) this.#noble.cancelConnect(id);
    this.#pending.get(id)?.(new LinkError('timed-out', `${address} was given up`));
  }

  #leave(id: string, peripheral: Peripheral): void {
    const over = new AbortController();
    const late = setTimeout(LET_GO_WITHIN, undefined, { signal: over.signal });
    const left = Promise.race([peripheral.disconnectAsync(), late])
      .catch(() => undefined) // it is gone either way
      .finally(() => {
        over.abort();
        this.#leaving.delete(id);
      });
    this.#leaving.set(id, left);
  }

  stop(): void {
    this.#isPowered = false;
    this.#noble.stop();
  }
}

/** What a peripheral was used for on earlier links. */
interface Habit {
  readonly service: string | undefined;
  uses(service: string): void;
}

class NobleLink implements StackLink {
  mtu = SMALLEST_MTU;
  /** Why the link ended, if it has. */
  why: string | undefined;
  readonly #listener: StackLinkListener;
  readonly #characteristics = new Map<string, Characteristic>();
  readonly #discovered = new Set<string>();
  readonly #habit: Habit;
  #discovering: Promise<void> = Promise.resolve();
  #peripheral: Peripheral | undefined;
  #begun = false;

  constructor(listener: StackLinkListener, habit: Habit) {
    this.#listener = listener;
    this.#habit = habit;
  }

  /** Waits for the MTU, which noble exchanges first on every link and does not wait for itself. */
  async begin(peripheral: Peripheral): Promise<void> {
    this.#peripheral = peripheral;
    const known = peripheral.mtu ?? (await this.#exchangedMtu(peripheral));
    this.mtu = known;
    if (this.why !== undefined) throw new LinkError('failed', this.why);
    this.#begun = true;
    // While the daemon hears that the link is there, and says what it wants of it.
    if (this.#habit.service !== undefined) {
      this.#discover(this.#habit.service).catch(() => undefined); // asked for again by who needs it
    }
  }

  gone(reason: number | string): void {
    this.why = reasonText(reason);
    this.#characteristics.clear();
    if (this.#begun) {
      this.#listener.closed(typeof reason === 'number' ? reason : undefined, this.why);
    }
  }

  async read(from: GattCharacteristic): Promise<Uint8Array> {
    const characteristic = await this.#characteristic(from);
    return new Uint8Array(await characteristic.readAsync());
  }

  async write(to: GattCharacteristic, value: Uint8Array, withResponse: boolean): Promise<void> {
    const characteristic = await this.#characteristic(to);
    await characteristic.writeAsync(Buffer.from(value), !withResponse);
  }

  async subscribe(to: GattCharacteristic): Promise<void> {
    const characteristic = await this.#characteristic(to);
    if (characteristic.listenerCount('data') === 0) {
      characteristic.on('data', (value, isNotification) => {
        if (isNotification) this.#listener.notified(to, new Uint8Array(value));
      });
    }
    await characteristic.subscribeAsync();
  }

  async disconnect(): Promise<void> {
    if (this.why !== undefined) return;
    this.#begun = false;
    await this.#peripheral?.disconnectAsync();
  }

  #exchangedMtu(peripheral: Peripheral): Promise<number> {
    return new Promise((resolve, reject) => {
      peripheral.once('mtu', (mtu: number) => resolve(mtu));
      peripheral.once('disconnect', (reason) => {
        reject(new LinkError('failed', reasonText(reason)));
      });
    });
  }

  /** Handles are not kept over links, so each link discovers what it uses, by exact service. */
  async #characteristic(wanted: GattCharacteristic): Promise<Characteristic> {
    if (this.why !== undefined) throw new LinkError('closed', this.why);
    await this.#discover(wanted.service);
    const key = `${fullUuid(wanted.service)}/${fullUuid(wanted.characteristic)}`;
    const characteristic = this.#characteristics.get(key);
    if (characteristic === undefined) {
      throw new LinkError('missing', `no characteristic ${wanted.characteristic}`);
    }
    this.#habit.uses(wanted.service);
    return characteristic;
  }

  /** One at a time, each service once a link. */
  #discover(service: string): Promise<void> {
    const before = this.#discovering.catch(() => undefined); // told to who asked for it
    this.#discovering = before.then(async () => {
      const peripheral = this.#peripheral;
      if (this.#discovered.has(service) || peripheral === undefined) return;
      const found = await peripheral.discoverSomeServicesAndCharacteristicsAsync([service], []);
      this.#discovered.add(service);
      for (const characteristic of found.characteristics) {
        const key = `${fullUuid(service)}/${fullUuid(characteristic.uuid)}`;
        this.#characteristics.set(key, characteristic);
      }
    });
    return this.#discovering;
  }
}

function advertisement(peripheral: Peripheral): Advertisement {
  const { localName, serviceData, manufacturerData, serviceUuids } = peripheral.advertisement;
  return {
    address: peripheral.address.toLowerCase(),
    addressType: peripheral.addressType === 'public' ? 'public' : 'random',
    name: localName === undefined || localName === '' ? undefined : localName,
    services: serviceUuids ?? [],
    serviceData: new Map(
      (serviceData ?? []).map(({ uuid, data }) => [uuid, new Uint8Array(data)] as const),
    ),
    manufacturerData: manufacturerData ? new Uint8Array(manufacturerData) : undefined,
    rssi: peripheral.rssi,
    // A number on controllers with extended advertising.
    connectable: Boolean(peripheral.connectable),
  };
}
