/** One paired lock on the simulated air, its machine running, and a clock that moves when told. */
import {
  type Actuation,
  actuationId,
  type DeviceEvent,
  deviceId,
} from '../../../drivers/contract/device.ts';
import { type Instant, type Millis, uptime } from '../../../drivers/contract/time.ts';
import { authorizationText } from '../../../drivers/nuki/credentials.ts';
import { nukiSmartLock } from '../../../drivers/nuki/driver.ts';
import { nukiOptions } from '../../../drivers/nuki/options.ts';
import { runGattMachine } from '../../../drivers/run-gatt-machine.ts';
import type { RunningMachine } from '../../../drivers/run-machine.ts';
import { toHex } from '../../../drivers/wire/hex.ts';
import { SimulatedClock } from '../../../simulator/clock.ts';
import { NukiLock, type NukiLockOptions } from '../../../simulator/devices/nuki-lock.ts';
import { Air } from '../../../simulator/radio/air.ts';
import { AirTransport } from '../../../simulator/radio/air-transport.ts';
import { seededRandom } from '../../../simulator/random.ts';

export const DOOR = deviceId('door');

export interface BenchOptions {
  readonly seed?: number;
  readonly pin?: string | null;
  readonly options?: Readonly<Record<string, unknown>>;
  readonly lock?: Partial<NukiLockOptions>;
  /** Number of the authorization the driver believes to have. */
  readonly authorization?: number;
  readonly at?: string;
  /** Hears the beacon; off for tests of many days. */
  readonly watch?: boolean;
}

export type Result = Extract<DeviceEvent, { kind: 'actuation-result' }>;
type Ask = Actuation extends infer Each
  ? Each extends Actuation
    ? Omit<Each, 'id' | 'device' | 'expiresAt'>
    : never
  : never;

export class NukiBench implements AsyncDisposable {
  readonly clock: SimulatedClock;
  readonly air: Air;
  readonly lock: NukiLock;
  readonly transport: AirTransport;
  readonly events: DeviceEvent[] = [];
  readonly #stop = new AbortController();
  #running: RunningMachine | undefined;
  #next = 1;
  #follower: ((event: DeviceEvent) => void) | undefined;

  constructor({
    seed = 1,
    pin = '1234',
    options = {},
    lock = {},
    authorization,
    at,
    watch = true,
  }: BenchOptions = {}) {
    this.clock = new SimulatedClock(at === undefined ? {} : { at });
    const random = seededRandom(seed);
    this.air = new Air(this.clock, random);
    this.transport = new AirTransport(this.air);
    this.lock = new NukiLock({ name: 'front', clock: this.clock, random, ...lock });
    this.air.join(this.lock);
    const key = random.bytes(32);
    const id = this.lock.authorize(key, 'Latchkey');
    const secrets = new Map([
      [
        'credential:lock',
        new TextEncoder().encode(
          authorizationText(authorization ?? id, toHex(key), '00'.repeat(16)),
        ),
      ],
      ['credential:pin', new TextEncoder().encode(pin ?? '')],
    ]);
    const machine = nukiSmartLock.machine(
      [
        {
          id: DOOR,
          options: nukiOptions.parse({
            address: this.lock.address,
            authorization: 'credential:lock',
            ...(pin === null ? {} : { pin: 'credential:pin' }),
            ...options,
          }),
        },
      ],
      {
        baudRate: 0,
        latencyMs: 0,
        echo: false,
        random,
        secrets,
        wall: (): Instant => this.clock.now(),
      },
    );
    this.#start(machine, watch);
  }

  #start(machine: ReturnType<typeof nukiSmartLock.machine>, watch: boolean): void {
    const { lock, transport } = this;
    void runGattMachine({
      machine,
      clock: this.clock,
      signal: this.#stop.signal,
      onEvent: (event) => {
        this.events.push(event);
        this.#follower?.(event);
      },
      port: {
        kind: 'gatt',
        open: (listener) => transport.connect(lock.address, 'random', listener, 10_000),
        ...(watch && {
          watch: (heard, signal) =>
            transport.watch((advertisement) => {
              if (advertisement.address === lock.address) heard(advertisement);
            }, signal),
        }),
      },
    }).then((running) => {
      this.#running = running;
      running.closed.catch((broken: unknown) => {
        throw broken;
      });
    });
  }

  get statistics() {
    return this.#running?.statistics().get(DOOR);
  }

  /** Everything it reads by itself after a start is read, and the link given up. */
  async settled(): Promise<void> {
    await this.clock.advance(15_000);
  }

  /** Asks without waiting. */
  ask(ask: Ask, within: Millis = 15_000): Actuation['id'] {
    const id = actuationId(`a${this.#next}`);
    this.#next += 1;
    const expiresAt = uptime(this.clock.uptime() + within);
    this.#running?.actuate({ ...ask, id, device: DOOR, expiresAt });
    return id;
  }

  /** As the daemon asks: with its own id and time. */
  actuate(actuation: Actuation): void {
    this.#running?.actuate(actuation);
  }

  /** Called for each event as it comes. */
  follow(heard: (event: DeviceEvent) => void): void {
    this.#follower = heard;
  }

  withdraw(id: Actuation['id']): void {
    this.#running?.withdraw(id);
  }

  resultsOf(id: Actuation['id']): Result[] {
    return this.events
      .filter((event) => event.kind === 'actuation-result')
      .filter(({ actuation }) => actuation === id);
  }

  async result(id: Actuation['id'], within: Millis = 120_000): Promise<Result> {
    await this.clock.runUntil(() => this.resultsOf(id).length > 0, within);
    const [result] = this.resultsOf(id);
    if (result === undefined) throw new Error('no result');
    return result;
  }

  async do(ask: Ask, within?: Millis): Promise<Result> {
    return this.result(this.ask(ask, within));
  }

  of<Kind extends DeviceEvent['kind']>(kind: Kind): Extract<DeviceEvent, { kind: Kind }>[] {
    return this.events.filter(
      (event): event is Extract<DeviceEvent, { kind: Kind }> => event.kind === kind,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.clock.settle();
    await this.transport.close();
  }
}

export async function nukiBench(options: BenchOptions = {}): Promise<NukiBench> {
  const bench = new NukiBench(options);
  await bench.clock.settle();
  return bench;
}

export const UNLOCK = { kind: 'unlock', hold: 3000 } as const;
