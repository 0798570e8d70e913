/**
 * The part of bluetoothd that node-ble uses, on a bus of our own: one adapter, and the simulated peripherals behind
 * it with their faults.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import dbus, { type MessageBus } from 'dbus-next';
import type { Central, Peripheral, PeripheralFaults } from '../../../simulator/radio/peripheral.ts';

const { Interface } = dbus.interface;
const { Variant, DBusError } = dbus;
type ServedInterface = InstanceType<typeof Interface>;
const ADAPTER = '/org/bluez/hci0';

export const DBUS_DAEMON = '/usr/bin/dbus-daemon';

export function hasDbus(): boolean {
  return existsSync(DBUS_DAEMON);
}

class AgentManager extends Interface {
  constructor() {
    super('org.bluez.AgentManager1');
  }

  RequestDefaultAgent(): void {}
}
AgentManager.configureMembers({
  methods: { RequestDefaultAgent: { inSignature: '', outSignature: '' } },
});

class Adapter extends Interface {
  Address = '00:00:00:00:00:02';
  Name = 'fake';
  Alias = 'fake';
  Powered = true;
  Discovering = false;
  readonly #scanned: () => void;

  constructor(scanned: () => void) {
    super('org.bluez.Adapter1');
    this.#scanned = scanned;
  }

  SetDiscoveryFilter(_filter: unknown): void {}

  StartDiscovery(): void {
    this.Discovering = true;
    this.#scanned();
  }

  StopDiscovery(): void {
    this.Discovering = false;
  }
}
Adapter.configureMembers({
  properties: {
    Address: { signature: 's', access: 'read' },
    Name: { signature: 's', access: 'read' },
    Alias: { signature: 's', access: 'read' },
    Powered: { signature: 'b', access: 'read' },
    Discovering: { signature: 'b', access: 'read' },
  },
  methods: {
    SetDiscoveryFilter: { inSignature: 'a{sv}', outSignature: '' },
    StartDiscovery: { inSignature: '', outSignature: '' },
    StopDiscovery: { inSignature: '', outSignature: '' },
  },
});

class Service extends Interface {
  Primary = true;
  readonly #uuid: string;
  readonly #isBroken: () => boolean;

  constructor(uuid: string, isBroken: () => boolean) {
    super('org.bluez.GattService1');
    this.#uuid = uuid;
    this.#isBroken = isBroken;
  }

  get UUID(): string {
    if (this.#isBroken()) throw new DBusError('org.bluez.Error.Failed', 'not ready');
    return this.#uuid;
  }
}
Service.configureMembers({
  properties: {
    UUID: { signature: 's', access: 'read' },
    Primary: { signature: 'b', access: 'read' },
  },
});

interface Wire {
  readonly peripheral: Peripheral;
  central(): Central | undefined;
  faults(): PeripheralFaults;
}

class Characteristic extends Interface {
  UUID: string;
  Flags: string[];
  Value: Buffer = Buffer.alloc(0);
  Notifying = false;
  readonly uuid: string;
  readonly #wire: Wire;
  #told = Promise.resolve();

  constructor(uuid: string, flags: readonly string[], wire: Wire) {
    super('org.bluez.GattCharacteristic1');
    this.uuid = uuid;
    this.UUID = dashed(uuid);
    this.Flags = [...flags];
    this.#wire = wire;
  }

  async ReadValue(_options: unknown): Promise<Buffer> {
    return Buffer.from(this.#wire.peripheral.read(await this.#reached(), this.uuid));
  }

  async WriteValue(value: readonly number[], _options: unknown): Promise<void> {
    const central = await this.#reached();
    const { writeError } = this.#wire.faults();
    const error =
      writeError ?? this.#wire.peripheral.written(central, this.uuid, Uint8Array.from(value));
    if (error !== undefined) throw new DBusError('org.bluez.Error.Failed', `ATT error ${error}`);
  }

  StartNotify(): void {
    this.Notifying = true;
  }

  StopNotify(): void {
    this.Notifying = false;
  }

  tell(value: Uint8Array): void {
    if (!this.Notifying) return;
    // One after the other, as bluetoothd does.
    this.#told = this.#told.then(() => {
      this.Value = Buffer.from(value);
      Interface.emitPropertiesChanged(this, { Value: this.Value }, []);
    });
  }

  async #reached(): Promise<Central> {
    if (this.#wire.faults().silentFrom !== undefined) await new Promise<never>(() => undefined);
    const central = this.#wire.central();
    if (central === undefined) throw new DBusError('org.bluez.Error.NotConnected', 'not connected');
    return central;
  }
}
Characteristic.configureMembers({
  properties: {
    UUID: { signature: 's', access: 'read' },
    Flags: { signature: 'as', access: 'read' },
    Value: { signature: 'ay', access: 'read' },
    Notifying: { signature: 'b', access: 'read' },
  },
  methods: {
    ReadValue: { inSignature: 'a{sv}', outSignature: 'ay' },
    WriteValue: { inSignature: 'aya{sv}', outSignature: '' },
    StartNotify: { inSignature: '', outSignature: '' },
    StopNotify: { inSignature: '', outSignature: '' },
  },
});

class Device extends Interface {
  Address: string;
  AddressType: string;
  /** Tells nothing of its services. */
  isBroken = false;
  Connected = false;
  Paired = false;
  ServicesResolved = false;
  readonly #bus: MessageBus;
  readonly #wire: Wire;
  readonly #path: string;
  #central: Central | undefined;
  #characteristics: Characteristic[] = [];
  #exported: (readonly [path: string, what: ServedInterface])[] = [];
  #giveUp: ((error: Error) => void) | undefined;

  constructor(
    bus: MessageBus,
    path: string,
    peripheral: Peripheral,
    faults: () => PeripheralFaults,
  ) {
    super('org.bluez.Device1');
    this.#bus = bus;
    this.#path = path;
    this.#wire = { peripheral, faults, central: () => this.#central };
    this.Address = peripheral.address.toUpperCase();
    this.AddressType = peripheral.addressType;
  }

  get Name(): string {
    return 'ECHO-1';
  }

  get Alias(): string {
    return 'ECHO-1';
  }

  get RSSI(): number {
    return -55;
  }

  get ManufacturerData(): Record<number, unknown> {
    return { 76: new Variant('ay', Buffer.from([7, 8])) };
  }

  get ServiceData(): Record<string, unknown> {
    return {};
  }

  async Connect(): Promise<void> {
    if (this.#wire.faults().away === true) {
      await new Promise<never>((_, reject) => {
        this.#giveUp = reject;
      });
    }
    if (this.Connected) return;
    const central: Central = {
      address: 'bluez',
      mtu: 247,
      tell: (uuid, value) => this.#characteristics.find((each) => each.uuid === uuid)?.tell(value),
      disconnect: () => this.#ended(),
    };
    this.#central = central;
    this.#publish();
    this.Connected = true;
    this.ServicesResolved = true;
    this.#wire.peripheral.connected(central);
    Interface.emitPropertiesChanged(this, { Connected: true, ServicesResolved: true }, []);
  }

  Disconnect(): void {
    this.#giveUp?.(new DBusError('org.bluez.Error.Failed', 'cancelled'));
    this.#ended();
  }

  Pair(): void {}

  CancelPairing(): void {}

  #publish(): void {
    let number = 1;
    for (const service of this.#wire.peripheral.services) {
      const path = `${this.#path}/service${String(number++).padStart(4, '0')}`;
      const served = new Service(dashed(service.uuid), () => this.isBroken);
      this.#bus.export(path, served);
      this.#exported.push([path, served]);
      for (const { uuid, properties } of service.characteristics) {
        const at = `${path}/char${String(number++).padStart(4, '0')}`;
        const characteristic = new Characteristic(uuid, properties, this.#wire);
        this.#characteristics.push(characteristic);
        this.#bus.export(at, characteristic);
        this.#exported.push([at, characteristic]);
      }
    }
  }

  #ended(): void {
    const central = this.#central;
    if (central === undefined) return;
    this.#central = undefined;
    for (const [path, what] of this.#exported) this.#bus.unexport(path, what);
    this.#exported = [];
    this.#characteristics = [];
    this.Connected = false;
    this.ServicesResolved = false;
    this.#wire.peripheral.disconnected(central);
    Interface.emitPropertiesChanged(this, { Connected: false, ServicesResolved: false }, []);
  }
}
Device.configureMembers({
  properties: {
    Address: { signature: 's', access: 'read' },
    AddressType: { signature: 's', access: 'read' },
    Name: { signature: 's', access: 'read' },
    Alias: { signature: 's', access: 'read' },
    RSSI: { signature: 'n', access: 'read' },
    Connected: { signature: 'b', access: 'read' },
    Paired: { signature: 'b', access: 'read' },
    ServicesResolved: { signature: 'b', access: 'read' },
    // a{qv} in bluetoothd; dbus-next can read numeric keys but not write them.
    ManufacturerData: { signature: 'a{sv}', access: 'read' },
    ServiceData: { signature: 'a{sv}', access: 'read' },
  },
  methods: {
    Connect: { inSignature: '', outSignature: '' },
    Disconnect: { inSignature: '', outSignature: '' },
    Pair: { inSignature: '', outSignature: '' },
    CancelPairing: { inSignature: '', outSignature: '' },
  },
});

function dashed(uuid: string): string {
  const full = uuid.length === 4 ? `0000${uuid}00001000800000805f9b34fb` : uuid;
  return full.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** A bus daemon of our own with a bluetoothd on it. */
export class FakeBluez {
  readonly address: string;
  readonly #daemon: ChildProcess;
  readonly #bus: MessageBus;
  readonly #adapter: Adapter;
  readonly #devices = new Map<string, readonly [path: string, device: Device]>();
  readonly #faults = new Map<string, PeripheralFaults>();

  private constructor(address: string, daemon: ChildProcess, bus: MessageBus) {
    this.address = address;
    this.#daemon = daemon;
    this.#bus = bus;
    this.#adapter = new Adapter(() => undefined);
  }

  static async start(): Promise<FakeBluez> {
    const path = join(mkdtempSync(join(tmpdir(), 'bus-')), 'socket');
    const daemon = spawn(
      DBUS_DAEMON,
      ['--session', '--nofork', '--print-address', `--address=unix:path=${path}`],
      { stdio: ['ignore', 'pipe', 'ignore'] },
    );
    const address = await new Promise<string>((resolve, reject) => {
      daemon.once('error', reject);
      daemon.stdout.once('data', (chunk: Buffer) => resolve(chunk.toString().trim()));
    });
    const bus = dbus.sessionBus({ busAddress: address });
    await new Promise<void>((connected) => bus.once('connect', () => connected()));
    const bluez = new FakeBluez(address, daemon, bus);
    bus.export('/org/bluez', new AgentManager());
    bus.export(ADAPTER, bluez.#adapter);
    await bus.requestName('org.bluez', 0);
    return bluez;
  }

  join(peripheral: Peripheral): void {
    const path = `${ADAPTER}/dev_${peripheral.address.toUpperCase().replaceAll(':', '_')}`;
    const faults = () => this.#faults.get(peripheral.address) ?? {};
    const device = new Device(this.#bus, path, peripheral, faults);
    this.#bus.export(path, device);
    this.#devices.set(peripheral.address, [path, device]);
  }

  leave(address: string): void {
    const found = this.#devices.get(address);
    if (found !== undefined) this.#bus.unexport(...found);
    this.#devices.delete(address);
  }

  setFaults(address: string, faults: PeripheralFaults): void {
    this.#faults.set(address, faults);
  }

  /** Lets it tell nothing of its services, or lets it again. */
  breakServices(address: string, on: boolean): void {
    const device = this.#devices.get(address)?.[1];
    if (device !== undefined) device.isBroken = on;
  }

  isConnected(address: string): boolean {
    return this.#devices.get(address)?.[1].Connected ?? false;
  }

  powerOff(): void {
    this.#adapter.Powered = false;
  }

  powerOn(): void {
    this.#adapter.Powered = true;
  }

  async stop(): Promise<void> {
    this.#bus.disconnect();
    const gone = new Promise<void>((exited) => this.#daemon.once('exit', () => exited()));
    this.#daemon.kill();
    await gone;
  }
}
