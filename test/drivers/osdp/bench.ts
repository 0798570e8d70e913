/** Readers on a simulated bus, a control panel on its other end, and a simulated clock for both. */
import assert from 'node:assert/strict';
import {
  type Actuation,
  actuationId,
  type DeviceEvent,
  deviceId,
  type FeedbackSignal,
} from '../../../drivers/contract/device.ts';
import { type Instant, uptime } from '../../../drivers/contract/time.ts';
import { osdp } from '../../../drivers/osdp/driver.ts';
import { osdpOptions } from '../../../drivers/osdp/options.ts';
import { type RunningMachine, runMachine } from '../../../drivers/run-machine.ts';
import { SimulatedBus } from '../../../simulator/bus.ts';
import { SimulatedClock } from '../../../simulator/clock.ts';
import type { SimJson } from '../../../simulator/device.ts';
import {
  SimulatedOsdpPd,
  type SimulatedOsdpPdOptions,
} from '../../../simulator/devices/osdp-pd.ts';
import { SimulatedPort } from '../../../simulator/link.ts';
import { seededRandom } from '../../../simulator/random.ts';
import { hex } from './hex.ts';

export interface BenchReader {
  /** What the config says of it, beside address and secureChannel. */
  readonly options?: object;
  /** What the thing on the wall is. */
  readonly pd?: Partial<SimulatedOsdpPdOptions>;
  /** The config's key for it; `off` for clear text. Default: the same as the reader's. */
  readonly key?: string;
  /** Its address in the config; default its place, from 0. */
  readonly address?: number;
}

export interface BenchOptions {
  readonly baudRate?: number;
  readonly seed?: number;
  /** No wall clock is handed to the machine. */
  readonly noWall?: boolean;
}

/** A key of its own for each reader. */
export function keyOf(place: number): string {
  return `A0B1C2D3E4F5061728394A5B6C7D8E${place.toString(16).padStart(2, '0')}`;
}

type Kind = DeviceEvent['kind'];
type Of<K extends Kind> = Extract<DeviceEvent, { kind: K }>;

export class Bench implements AsyncDisposable {
  readonly clock = new SimulatedClock();
  readonly bus: SimulatedBus;
  readonly port: SimulatedPort;
  readonly pds: SimulatedOsdpPd[] = [];
  readonly events: { readonly event: DeviceEvent; readonly at: number }[] = [];
  /** Frames of the control panel, as sent. */
  readonly sent: Uint8Array[] = [];
  readonly #stop = new AbortController();
  #running: RunningMachine | undefined;
  #asked = 0;

  constructor(options: BenchOptions) {
    const random = seededRandom(options.seed ?? 1);
    this.bus = new SimulatedBus({
      name: 'bus',
      clock: this.clock,
      random,
      baudRate: options.baudRate ?? 9600,
    });
    this.port = new SimulatedPort(this.bus, this.clock);
  }

  async start(readers: readonly BenchReader[], options: BenchOptions): Promise<void> {
    const secrets = new Map<string, Uint8Array>();
    const devices = readers.map((reader, place) => {
      const pdKey = reader.pd && 'key' in reader.pd ? reader.pd.key : keyOf(place);
      const address = reader.address ?? place;
      const device = this.bus.attach(nameOf(place), (around) => {
        const { key: _, ...pd } = reader.pd ?? {};
        return new SimulatedOsdpPd(
          nameOf(place),
          { address, ...pd, ...(pdKey === undefined ? {} : { key: pdKey }) },
          around,
        );
      });
      assert.ok(device instanceof SimulatedOsdpPd);
      this.pds.push(device);
      const key = reader.key ?? pdKey ?? keyOf(place);
      secrets.set(`credential:${nameOf(place)}`, hex(key === 'off' ? '' : key));
      return {
        id: deviceId(nameOf(place)),
        options: osdpOptions.parse({
          address,
          secureChannel: key === 'off' ? 'off' : { key: `credential:${nameOf(place)}` },
          ...reader.options,
        }),
      };
    });
    assert.deepEqual(osdp.clashes?.(devices), []);
    const wall = options.noWall ? {} : { wall: (): Instant => this.clock.now() };
    const machine = osdp.machine(devices, {
      baudRate: options.baudRate ?? 9600,
      latencyMs: 0,
      echo: false,
      random: seededRandom((options.seed ?? 1) + 1000),
      secrets,
      ...wall,
    });
    this.#running = await runMachine({
      machine,
      port: {
        open: async (listener, signal) => {
          const link = await this.port.open(listener, signal);
          return {
            identity: link.identity,
            send: (bytes) => {
              this.sent.push(bytes);
              return link.send(bytes);
            },
            setBaudRate: (baudRate) => link.setBaudRate(baudRate),
            close: () => link.close(),
          };
        },
      },
      clock: this.clock,
      signal: this.#stop.signal,
      onEvent: (event, at) => this.events.push({ event, at }),
    });
  }

  pd(place = 0): SimulatedOsdpPd {
    const pd = this.pds[place];
    assert.ok(pd);
    return pd;
  }

  get running(): RunningMachine {
    assert.ok(this.#running);
    return this.#running;
  }

  do(place: number, verb: string, args: Readonly<Record<string, SimJson>> = {}): void {
    const found = this.pd(place).verbs[verb];
    assert.ok(found, `the reader has a verb ${verb}`);
    found.run(args);
  }

  /** One value of what is seen at a reader: `seen(0, 'outputs', 1, 'pulses')`. */
  seen(place: number, ...path: readonly (string | number)[]): unknown {
    let at: unknown = this.pd(place).look();
    for (const name of path) at = Object(at)[name];
    return at;
  }

  ofKind<K extends Kind>(kind: K, place?: number): Of<K>[] {
    const isIt = (event: DeviceEvent): event is Of<K> => event.kind === kind;
    return this.events
      .map(({ event }) => event)
      .filter(isIt)
      .filter(({ device }) => place === undefined || device === nameOf(place));
  }

  ask(
    place: number,
    what:
      | { readonly kind: 'unlock'; readonly hold: number }
      | { readonly kind: 'lock' | 'read-state' | 'identify' }
      | { readonly kind: 'feedback'; readonly signal: FeedbackSignal; readonly text?: string },
    within = 2000,
  ): Actuation['id'] {
    this.#asked += 1;
    const id = actuationId(`a${this.#asked}`);
    const expiresAt = uptime(this.clock.uptime() + within);
    this.running.actuate({ id, device: deviceId(nameOf(place)), expiresAt, ...what });
    return id;
  }

  resultsOf(id: Actuation['id']): Of<'actuation-result'>[] {
    return this.ofKind('actuation-result').filter(({ actuation }) => actuation === id);
  }

  resultOf(id: Actuation['id']): Of<'actuation-result'> {
    const [result, ...more] = this.resultsOf(id);
    assert.ok(result, `${id} has a result`);
    assert.equal(more.length, 0, `${id} has one result`);
    return result;
  }

  async online(place?: number): Promise<void> {
    const wanted = place === undefined ? this.pds.length : 1;
    await this.clock.runUntil(() => this.ofKind('online', place).length >= wanted, 20_000);
    await this.clock.advance(500);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running?.closed;
  }
}

export function nameOf(place: number): string {
  return `reader-${place}`;
}

export async function bench(
  readers: readonly BenchReader[],
  options: BenchOptions = {},
): Promise<Bench> {
  const made = new Bench(options);
  await made.start(readers, options);
  return made;
}
