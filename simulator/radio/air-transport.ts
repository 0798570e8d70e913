/** An adapter on the air without a stack in between: for tests on the simulated clock, held to the same contract. */
import { LinkError } from '../../drivers/contract/errors.ts';
import type {
  Advertisement,
  BleTransport,
  GattCharacteristic,
  GattLink,
  GattListener,
} from '../../drivers/contract/link.ts';
import { type Millis, pause, type Uptime, uptime } from '../../drivers/contract/time.ts';
import type { Air } from './air.ts';
import { uuidText } from './hci.ts';
import type { Central, Peripheral } from './peripheral.ts';

const WRITE_WITHIN: Millis = 3000;
const WATCH_EVERY: Millis = 3000;
/** Of a packet, before the value. */
const WRITE_HEADER = 3;
const NOT_SUPPORTED = 0x06;

export class AirTransport implements BleTransport {
  readonly name: string;
  /** Time of one operation on the air. */
  operationMs: Millis = 8;
  readonly #air: Air;
  readonly #links = new Set<AirLink>();
  readonly #stopListening: () => void;
  /** One connect at a time. */
  #connecting: Promise<unknown> = Promise.resolve();

  constructor(air: Air, name = 'simulated') {
    this.name = name;
    this.#air = air;
    this.#stopListening = air.listen({
      peopled: () => undefined,
      lost: (peripheral) => {
        for (const link of [...this.#links]) {
          if (link.peripheral === peripheral) link.disconnect(0x08);
        }
      },
    });
  }

  async scan(
    heard: (advertisement: Advertisement) => void,
    length: Millis,
    signal: AbortSignal,
  ): Promise<void> {
    const { clock } = this.#air;
    const end = clock.uptime() + length;
    while (!signal.aborted && clock.uptime() < end) {
      this.#look(heard);
      await pause(clock, Math.min(100, end - clock.uptime()), signal);
    }
  }

  /** A look every few seconds: as often as one peripheral is heard in a duty cycle, and cheap over days. */
  watch(heard: (advertisement: Advertisement) => void, signal: AbortSignal): void {
    const look = async () => {
      while (!signal.aborted) {
        this.#look(heard);
        await pause(this.#air.clock, WATCH_EVERY, signal);
      }
    };
    void look();
  }

  connect(
    address: string,
    addressType: 'public' | 'random',
    listener: GattListener,
    deadline: Millis,
  ): Promise<GattLink> {
    const turn = this.#connecting.then(() =>
      this.#connect(address, addressType, listener, deadline),
    );
    this.#connecting = turn.catch(() => undefined);
    return turn;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#links].map((link) => link.close()));
    this.#stopListening();
  }

  async #connect(
    address: string,
    addressType: 'public' | 'random',
    listener: GattListener,
    deadline: Millis,
  ): Promise<GattLink> {
    const { clock } = this.#air;
    const end = clock.uptime() + deadline;
    for (;;) {
      const { connectDelay = 0 } = this.#air.faults(address);
      await pause(clock, Math.min(30 + connectDelay, Math.max(0, end - clock.uptime())));
      const peripheral = this.#air.connectable(address, addressType);
      const { connectStatus, dropAtOnce } = this.#air.faults(address);
      if (peripheral !== undefined && connectStatus !== undefined) {
        throw new LinkError('failed', `connection failed (0x${connectStatus.toString(16)})`);
      }
      if (peripheral !== undefined) {
        const link = new AirLink(peripheral, this.#air, listener, this.operationMs, () => {
          this.#links.delete(link);
        });
        this.#links.add(link);
        if (dropAtOnce !== undefined) link.disconnect(dropAtOnce);
        return link;
      }
      if (clock.uptime() >= end) {
        throw new LinkError('timed-out', `${address} did not answer`);
      }
    }
  }

  #look(heard: (advertisement: Advertisement) => void): void {
    for (const peripheral of this.#air.peripherals) {
      const advertisement = this.#heard(peripheral);
      if (advertisement !== undefined) heard(advertisement);
    }
  }

  #heard(peripheral: Peripheral): Advertisement | undefined {
    const said = peripheral.advertising();
    const { away, loss = 0 } = this.#air.faults(peripheral.address);
    if (said === undefined || away === true || this.#air.isBusy(peripheral)) return undefined;
    if (loss > 0 && this.#air.random.fraction() < loss) return undefined;
    const fields = [...adFields(said.data), ...adFields(said.scanResponse ?? new Uint8Array(0))];
    const fieldOf = (type: number) => fields.find((field) => field.type === type)?.value;
    const name = fieldOf(0x09);
    const service = fieldOf(0x21);
    return {
      address: peripheral.address,
      addressType: peripheral.addressType,
      name: name && new TextDecoder().decode(name),
      services: [],
      serviceData: new Map(
        service === undefined ? [] : [[uuidText(service.subarray(0, 16)), service.slice(16)]],
      ),
      manufacturerData: fieldOf(0xff),
      rssi: this.#air.rssi(peripheral.address),
      connectable: true,
    };
  }
}

function* adFields(
  data: Uint8Array,
): Generator<{ readonly type: number; readonly value: Uint8Array }> {
  for (let at = 0; at + 1 < data.length; at += (data[at] ?? 0) + 1) {
    const length = data[at] ?? 0;
    if (length > 0) yield { type: data[at + 1] ?? 0, value: data.slice(at + 2, at + 1 + length) };
  }
}

class AirLink implements GattLink, Central {
  readonly identity: string;
  readonly address = 'simulated';
  readonly mtu: number;
  readonly peripheral: Peripheral;
  readonly #air: Air;
  readonly #listener: GattListener;
  readonly #operationMs: Millis;
  readonly #ended: () => void;
  readonly #subscribed = new Set<string>();
  readonly #gone = Promise.withResolvers<never>();
  #last: Promise<unknown> = Promise.resolve();
  #operations = 0;
  #isOpen = true;
  #tellsUntil: Uptime;

  constructor(
    peripheral: Peripheral,
    air: Air,
    listener: GattListener,
    operationMs: Millis,
    ended: () => void,
  ) {
    this.peripheral = peripheral;
    this.identity = `ble:${peripheral.address}`;
    this.mtu = peripheral.mtu ?? 247;
    this.#air = air;
    this.#listener = listener;
    this.#operationMs = operationMs;
    this.#ended = ended;
    this.#tellsUntil = air.clock.uptime();
    this.#gone.promise.catch(() => undefined);
    air.hold(peripheral, 1);
    peripheral.connected(this);
  }

  read(from: GattCharacteristic): Promise<Uint8Array> {
    return this.#operation(() => this.peripheral.read(this, from.characteristic));
  }

  async write(to: GattCharacteristic, value: Uint8Array, withResponse: boolean): Promise<Uptime> {
    const { takesLongWrites = true } = this.peripheral;
    const isLong = value.length > this.mtu - WRITE_HEADER;
    const error = await this.#operation(() => {
      const { writeError } = this.#air.faults(this.peripheral.address);
      if (isLong && !(withResponse && takesLongWrites)) return NOT_SUPPORTED;
      return writeError ?? this.peripheral.written(this, to.characteristic, value.slice());
    });
    if (error !== undefined) throw new LinkError('failed', `refused with ATT error ${error}`);
    return this.#air.clock.uptime();
  }

  async subscribe(to: GattCharacteristic): Promise<void> {
    await this.#operation(() => this.#subscribed.add(to.characteristic));
  }

  close(): Promise<void> {
    this.#end(new LinkError('closed', `${this.identity} was closed`));
    return Promise.resolve();
  }

  tell(characteristic: string, value: Uint8Array): void {
    if (!this.#isOpen || !this.#subscribed.has(characteristic)) return;
    const { clock } = this.#air;
    const { replyDelay = 0, duplicate } = this.#air.faults(this.peripheral.address);
    const at = uptime(Math.max(this.#tellsUntil, clock.uptime() + this.#operationMs + replyDelay));
    this.#tellsUntil = at;
    const service = this.peripheral.services.find(({ characteristics }) =>
      characteristics.some(({ uuid }) => uuid === characteristic),
    );
    const from = { service: service?.uuid ?? '', characteristic };
    clock.wakeAt(at, () => {
      for (let times = duplicate === true ? 2 : 1; times > 0 && this.#isOpen; times -= 1) {
        this.#listener.notified(from, value.slice(), clock.uptime());
      }
    });
  }

  disconnect(reason: number): void {
    this.#end(new LinkError('closed', `disconnected (0x${reason.toString(16)})`));
  }

  #end(why: LinkError): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#gone.reject(why);
    this.#air.hold(this.peripheral, -1);
    this.peripheral.disconnected(this);
    this.#ended();
    this.#listener.closed(why);
  }

  #operation<Result>(act: () => Result): Promise<Result> {
    const turn = this.#last.then(() => Promise.race([this.#one(act), this.#gone.promise]));
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  async #one<Result>(act: () => Result): Promise<Result> {
    if (!this.#isOpen) throw new LinkError('closed', `${this.identity} is not open`);
    const { clock } = this.#air;
    const { cutAt, silentFrom } = this.#air.faults(this.peripheral.address);
    const operation = this.#operations;
    this.#operations += 1;
    await pause(clock, this.#operationMs);
    if (cutAt?.packet === operation && !cutAt.taken) this.disconnect(cutAt.reason ?? 0x08);
    if (!this.#isOpen) throw new LinkError('closed', `${this.identity} is gone`);
    if (silentFrom !== undefined && operation >= silentFrom) {
      await pause(clock, WRITE_WITHIN);
      const late = new LinkError('timed-out', 'no answer');
      this.#end(late);
      throw late;
    }
    const result = act();
    if (cutAt?.packet === operation) {
      this.disconnect(cutAt.reason ?? 0x08);
      throw new LinkError('closed', `${this.identity} is gone`);
    }
    return result;
  }
}
