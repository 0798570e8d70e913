/**
 * BlueZ over D-Bus: bluetoothd keeps the adapter, we ask. Needs no capability, only a bus policy that lets the service
 * user talk to `org.bluez`.
 */
import {
  type Adapter,
  type GattCharacteristic as BluezCharacteristic,
  createBluetooth,
  type Device,
} from 'node-ble';
import { LinkError } from '../../../drivers/contract/errors.ts';
import type { Advertisement, GattCharacteristic } from '../../../drivers/contract/link.ts';
import type { RadioBackend } from './messages.ts';
import {
  fullUuid,
  type RadioStack,
  type StackLink,
  type StackLinkListener,
  type StackListener,
} from './stack.ts';

/** BlueZ negotiates the MTU by itself and tells it nowhere that node-ble shows; it splits long writes itself too. */
const ASSUMED_MTU = 247;
const LOOK_EVERY_MS = 500;
/** After a failed connect `ServicesResolved` may come before the objects are there. */
const OBJECTS_WITHIN_MS = 2000;

export async function bluezStack(
  backend: Extract<RadioBackend, { kind: 'bluez' }>,
  listener: StackListener,
): Promise<RadioStack> {
  if (backend.busAddress !== undefined) process.env['DBUS_SYSTEM_BUS_ADDRESS'] = backend.busAddress;
  return new BluezStack(backend.adapter, listener);
}

class BluezStack implements RadioStack {
  readonly #session = createBluetooth();
  readonly #name: string;
  readonly #listener: StackListener;
  readonly #connecting = new Map<string, (error: LinkError) => void>();
  #adapter: Adapter | undefined;
  #looking: NodeJS.Timeout | undefined;
  #watching: NodeJS.Timeout | undefined;

  constructor(name: string, listener: StackListener) {
    this.#name = name;
    this.#listener = listener;
  }

  async start(): Promise<void> {
    const adapter = await this.#session.bluetooth.getAdapter(this.#name);
    if (!(await adapter.isPowered())) {
      throw new LinkError('missing', `${this.#name} is not powered: bluetoothctl power on`);
    }
    this.#adapter = adapter;
    this.#watching = setInterval(() => void this.#watch(adapter), 1000);
  }

  async #watch(adapter: Adapter): Promise<void> {
    const why = await adapter.isPowered().then(
      (powered) => (powered ? undefined : 'the adapter is powered off'),
      (error: unknown) => `bluetoothd does not answer: ${String(error)}`,
    );
    if (why === undefined || this.#watching === undefined) return;
    clearInterval(this.#watching);
    this.#watching = undefined;
    this.#listener.adapterLost(why);
  }

  async scan(on: boolean): Promise<void> {
    const adapter = this.#mustBeStarted();
    clearInterval(this.#looking);
    this.#looking = undefined;
    if (on) {
      if (!(await adapter.isDiscovering())) await adapter.startDiscovery();
      this.#looking = setInterval(() => void this.#look(adapter), LOOK_EVERY_MS);
      await this.#look(adapter);
    } else if (await adapter.isDiscovering()) await adapter.stopDiscovery();
  }

  /** BlueZ keeps objects of what it heard; a device without RSSI was not heard in this discovery. */
  async #look(adapter: Adapter): Promise<void> {
    for (const address of await adapter.devices().catch(() => [])) {
      try {
        this.#listener.heard(await advertisement(address, await adapter.getDevice(address)));
      } catch {
        // It went away between the list and the look, or has no RSSI; the next look tells.
      }
    }
  }

  async connect(
    address: string,
    _addressType: 'public' | 'random',
    listener: StackLinkListener,
  ): Promise<StackLink> {
    const adapter = this.#mustBeStarted();
    const cancelled = Promise.withResolvers<never>();
    cancelled.promise.catch(() => undefined);
    let link: BluezLink | undefined;
    this.#connecting.set(address, (error) => {
      link?.giveUp();
      cancelled.reject(error);
    });
    try {
      const device = await Promise.race([this.#known(adapter, address), cancelled.promise]);
      link = new BluezLink(device, listener);
      await Promise.race([link.begin(), cancelled.promise]);
      return link;
    } finally {
      this.#connecting.delete(address);
    }
  }

  /** An object for the address exists once it was heard: looked for with a discovery of our own if need be. */
  async #known(adapter: Adapter, address: string): Promise<Device> {
    const found = await adapter.getDevice(address.toUpperCase()).catch(() => undefined);
    if (found !== undefined) return found;
    const wasLooking = await adapter.isDiscovering();
    if (!wasLooking) await adapter.startDiscovery();
    try {
      return await adapter.waitDevice(address.toUpperCase(), 30_000, LOOK_EVERY_MS);
    } finally {
      if (!wasLooking) await adapter.stopDiscovery().catch(() => undefined);
    }
  }

  cancelConnect(address: string): void {
    this.#connecting.get(address)?.(new LinkError('closed', 'connection cancelled'));
    // `Disconnect` is also how BlueZ is told to give up connecting.
    const device = this.#adapter?.getDevice(address.toUpperCase());
    device?.then((found) => found.disconnect()).catch(() => undefined);
  }

  stop(): void {
    clearInterval(this.#looking);
    clearInterval(this.#watching);
    this.#watching = undefined;
    this.#session.destroy();
  }

  #mustBeStarted(): Adapter {
    if (this.#adapter === undefined) throw new LinkError('missing', 'the adapter is not started');
    return this.#adapter;
  }
}

class BluezLink implements StackLink {
  readonly mtu = ASSUMED_MTU;
  readonly #device: Device;
  readonly #listener: StackLinkListener;
  readonly #characteristics = new Map<string, BluezCharacteristic>();
  #open = false;
  #isGivenUp = false;

  constructor(device: Device, listener: StackLinkListener) {
    this.#device = device;
    this.#listener = listener;
  }

  async begin(): Promise<void> {
    this.#device.on('disconnect', () => {
      if (!this.#open) return;
      this.#open = false;
      release(this.#device);
      this.#listener.closed(undefined, 'disconnected');
    });
    await this.#device.connect();
    if (this.#isGivenUp) {
      await this.#device.disconnect();
      throw new LinkError('closed', 'nobody waits for this link any more');
    }
    this.#open = true;
    try {
      await this.#discover();
    } catch (error) {
      // Nobody would own the connection, and nobody else could have it.
      await this.disconnect().catch(() => undefined);
      throw error;
    }
  }

  /** A connection that is made all the same is ended at once. */
  giveUp(): void {
    this.#isGivenUp = true;
    if (this.#open) this.disconnect().catch(() => undefined);
  }

  async read(from: GattCharacteristic): Promise<Uint8Array> {
    return new Uint8Array(await this.#characteristic(from).readValue());
  }

  async write(to: GattCharacteristic, value: Uint8Array, withResponse: boolean): Promise<void> {
    const characteristic = this.#characteristic(to);
    if (withResponse) await characteristic.writeValueWithResponse(Buffer.from(value));
    else await characteristic.writeValueWithoutResponse(Buffer.from(value));
  }

  async subscribe(to: GattCharacteristic): Promise<void> {
    const characteristic = this.#characteristic(to);
    if (characteristic.listenerCount('valuechanged') > 0) return;
    characteristic.on('valuechanged', (value) => {
      if (this.#open) this.#listener.notified(to, new Uint8Array(value));
    });
    await characteristic.startNotifications();
  }

  async disconnect(): Promise<void> {
    this.#open = false;
    await this.#device.disconnect();
  }

  async #discover(): Promise<void> {
    const end = performance.now() + OBJECTS_WITHIN_MS;
    for (;;) {
      const server = await this.#device.gatt();
      for (const uuid of await server.services()) {
        const service = await server.getPrimaryService(uuid);
        for (const name of await service.characteristics()) {
          const characteristic = await service.getCharacteristic(name);
          this.#characteristics.set(`${fullUuid(uuid)}/${fullUuid(name)}`, characteristic);
        }
      }
      if (this.#characteristics.size > 0 || performance.now() > end) return;
      await new Promise((again) => setTimeout(again, 100));
    }
  }

  #characteristic(wanted: GattCharacteristic): BluezCharacteristic {
    if (!this.#open) throw new LinkError('closed', 'the link is closed');
    const key = `${fullUuid(wanted.service)}/${fullUuid(wanted.characteristic)}`;
    const found = this.#characteristics.get(key);
    if (found === undefined) {
      throw new LinkError('missing', `no characteristic ${wanted.characteristic}`);
    }
    return found;
  }
}

/** node-ble lets go of its bus signals only where it disconnected itself. */
function release(device: Device): void {
  const helper = 'helper' in device ? device.helper : undefined;
  if (typeof helper !== 'object' || helper === null || !('removeListeners' in helper)) return;
  if (typeof helper.removeListeners === 'function') helper.removeListeners();
}

async function advertisement(address: string, device: Device): Promise<Advertisement> {
  const rssi = Number(await device.getRSSI());
  const [name, type, manufacturer, service] = await Promise.all([
    device.getName().catch(() => undefined),
    device.getAddressType().catch(() => 'random'),
    device.getManufacturerData().catch(() => ({})),
    device.getServiceData().catch(() => ({})),
  ]);
  return {
    address: address.toLowerCase(),
    addressType: type === 'public' ? 'public' : 'random',
    name,
    services: [],
    serviceData: new Map(
      Object.entries(service).map(([uuid, value]) => [fullUuid(uuid), bytes(value)]),
    ),
    manufacturerData: manufacturerBytes(manufacturer),
    rssi,
    connectable: true,
  };
}

/** As on the air: company id, low byte first, then its data. */
function manufacturerBytes(data: Readonly<Record<string, unknown>>): Uint8Array | undefined {
  for (const [company, value] of Object.entries(data)) {
    const id = Number(company);
    return Uint8Array.of(id & 0xff, id >>> 8, ...bytes(value));
  }
  return undefined;
}

function bytes(value: unknown): Uint8Array {
  return value instanceof Uint8Array ? new Uint8Array(value) : new Uint8Array(0);
}
