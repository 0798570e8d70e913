/**
 * A whole site on one clock and one seed: the daemon's own parts, wired as `latchkey run` wires them, on simulated
 * hardware. The store is in memory, or in a folder where a story needs a restart; it writes in this thread, so that
 * one seed always makes one story.
 */

import { cpSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { parseConfig } from '../config/load.ts';
import type { RemoteDevices } from '../config/remote-devices.ts';
import type { Config } from '../config/schema.ts';
import type { Command } from '../daemon/access/command.ts';
import type { EntryType, RecordedEntry } from '../daemon/access/entry.ts';
import {
  credentialId,
  type Grant,
  grantId,
  holderId,
  type Window,
} from '../daemon/access/model.ts';
import type { Broker } from '../daemon/cloud/broker.ts';
import { type Enrolment, enrol } from '../daemon/cloud/enrolment.ts';
import type { DeskAttempt } from '../daemon/local-api/desk.ts';
import { type RunsJob, runJobHere } from '../daemon/store/maintenance.ts';
import type { HttpClient } from '../daemon/vendors/http.ts';
import { type Daemon, wire } from '../daemon/wiring.ts';
import { instant, type Millis } from '../drivers/contract/time.ts';
import type { SimulatedBus } from '../simulator/bus.ts';
import { SimulatedClock } from '../simulator/clock.ts';
import type { SimJson } from '../simulator/device.ts';
import type { NukiLock } from '../simulator/devices/nuki-lock.ts';
import type { SimulatedPort } from '../simulator/link.ts';
import { seededRandom } from '../simulator/random.ts';
import { StoppableClock } from '../simulator/stoppable-clock.ts';
import { MortalBroker, MortalClient } from './mortal.ts';
import { siteText, swift } from './site-config.ts';
import { lockOnTheAir, SiteHardware } from './site-hardware.ts';

export const minutes = (count: number): Millis => count * 60_000;
export const hours = (count: number): Millis => count * 3_600_000;

export const FLAT_KEY = { key: 'flat-3', slot: 3, fob: '0F00012A03' } as const;
export const STORE_KEY = { key: 'store-room', slot: 12, fob: '0F00012A0C' } as const;
/** The one whose slot has a reader of its own. */
export const READ_KEY = { key: 'flat-7', slot: 7, fob: '0F00012A07' } as const;
export const BRIDGE = 'kb-7f3a91';
const STOCK = [FLAT_KEY, READ_KEY, STORE_KEY];

export interface SiteOptions {
  readonly seed: number;
  /** Where the wall clock starts. */
  readonly at?: string;
  /** The store is kept on the disk, so that the daemon can be started again on it. */
  readonly onDisk?: boolean;
  /** What the config says otherwise. */
  readonly change?: (config: Config) => Config;
  /** The machine has a clock that runs on a battery. */
  readonly withHardwareClock?: boolean;
  /** Nobody vouches for the wall clock. */
  readonly noTimeServer?: boolean;
  /** Its own cloud's broker. */
  readonly broker?: Broker;
  /** Home Assistant's broker. */
  readonly homeAssistant?: Broker;
  /** How clouds of vendors are reached; without it, none is. */
  readonly http?: (clock: SimulatedClock) => HttpClient;
  /** `vendors:` of the config; FOLDER/vendor-key holds `VENDOR_SECRET`. */
  readonly vendors?: string;
  /** There is a lock on the air, too. */
  readonly withLock?: boolean;
  /** There is a door with a strike and a fire alarm, too. */
  readonly withGate?: boolean;
  /** Folder of an updater. */
  readonly updates?: string;
  /** Bytes take no time on a wire, and boards are looked at each second: days pass in seconds. */
  readonly isSwift?: boolean;
}

export const VENDOR_SECRET = 'anna@example.se/token:t0ken';

/** Of the site's time: what takes longer never ends. */
const PATIENCE_S = 600;

/** Made anew at each start, or another process's. */
const NOT_KEPT = /^(lock\.db.*|ballast|.*-shm|.*\.partial)$/;

export interface PutGrant {
  readonly id: string;
  readonly rev?: number;
  readonly pin?: string;
  readonly fob?: string;
  readonly key?: string;
  readonly window?: Window;
  readonly more?: Partial<Grant>;
}

export async function simulatedSite(options: SiteOptions): Promise<SimulatedSite> {
  const site = new SimulatedSite(options);
  await site.start();
  return site;
}

export class SimulatedSite implements AsyncDisposable {
  readonly clock: SimulatedClock;
  readonly hardware: SiteHardware;
  readonly log: { readonly event: string; readonly fields: object }[] = [];
  readonly directory: string;
  /** Keys of the site and of three who may send it commands. */
  readonly enrolment: Enrolment;
  readonly #options: SiteOptions;
  readonly #config: Config;
  readonly #text: string;
  #store: string;
  #daemon: Daemon | undefined;
  /** Time as the daemon that runs now is given it; it stands still for one that was killed. */
  #life: StoppableClock;
  readonly #dead: Daemon[] = [];
  readonly #http: HttpClient;
  readonly #storeJobs: RunsJob;
  #broker: MortalBroker | undefined;
  #client: MortalClient | undefined;
  #stopping = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #starts = 0;
  hasTimeServer: boolean;
  logLevel: string | undefined;
  /** Of the daemon, from its next start on. */
  version = 'test';

  constructor(options: SiteOptions) {
    this.#options = options;
    this.hasTimeServer = options.noTimeServer !== true;
    this.clock = new SimulatedClock({
      ...(options.at === undefined ? {} : { at: options.at }),
      ...(options.isSwift === true ? { turns: 1 } : {}),
    });
    this.#storeJobs = waitedFor(this.clock);
    this.#life = new StoppableClock(this.clock);
    this.#http = options.http?.(this.clock) ?? {
      send: () => Promise.reject(new Error('no vendor is reached from here')),
    };
    this.directory = mkdtempSync(join(tmpdir(), 'latchkey-scenario-'));
    writeFileSync(join(this.directory, 'pepper'), new Uint8Array(32).fill(7), { mode: 0o600 });
    writeFileSync(join(this.directory, 'vendor-key'), VENDOR_SECRET, { mode: 0o600 });
    const senders = ['cc-test', 'ops-test', 'rec-test'];
    this.enrolment = enrol(join(this.directory, 'keys'), BRIDGE, 'latchkey', senders);
    const { clock, directory } = this;
    const radio =
      options.withLock === true ? lockOnTheAir(clock, options.seed, directory) : undefined;
    const text = siteText({
      directory,
      bridge: BRIDGE,
      hasCloud: options.broker !== undefined,
      hasGate: options.withGate === true,
      lock: radio?.lock.address,
      vendors: options.vendors ?? '',
    });
    const config = parseConfig(text);
    this.#text = text;
    this.#store = options.onDisk === true ? join(this.directory, 'store-0') : ':memory:';
    const built = options.isSwift === true ? swift(config) : config;
    this.#config = (options.change ?? ((same) => same))(built);
    const { seed } = options;
    this.hardware = new SiteHardware({ clock, seed, config: this.#config, stock: STOCK, radio });
  }

  get buses(): Map<string, SimulatedBus> {
    return this.hardware.buses;
  }

  get ports(): Map<string, SimulatedPort> {
    return this.hardware.ports;
  }

  get lock(): NukiLock | undefined {
    return this.hardware.lock;
  }

  get daemon(): Daemon {
    if (this.#daemon === undefined) throw new Error('the daemon is not running');
    return this.#daemon;
  }

  get isRunning(): boolean {
    return this.#daemon !== undefined;
  }

  get journal(): readonly RecordedEntry[] {
    return this.daemon.desk.journal.read({ limit: 5000 });
  }

  /** Types of what was recorded, in order, of these classes. */
  types(...classes: readonly string[]): readonly EntryType[] {
    return this.journal
      .map(({ type }) => type)
      .filter(
        (type) =>
          classes.some((each) => type.startsWith(`${each}.`)) && type !== 'access.corrected',
      );
  }

  last(type: EntryType): RecordedEntry {
    const found = this.journal.findLast((entry) => entry.type === type);
    if (found === undefined)
      throw new Error(`no ${type} among ${this.journal.map((entry) => entry.type).join(' ')}`);
    return found;
  }

  async start(): Promise<void> {
    this.#starts += 1;
    this.#stopping = new AbortController();
    this.#life = new StoppableClock(this.clock);
    const { broker } = this.#options;
    this.#broker = broker === undefined ? undefined : new MortalBroker(broker);
    this.#client = new MortalClient(this.#http);
    const config = { ...this.#config, store: { ...this.#config.store, directory: this.#store } };
    const changed = (remote: RemoteDevices) => ({
      ...config,
      devices: parseConfig(this.#text, { remote }).devices,
      buses: parseConfig(this.#text, { remote }).buses,
    });
    this.#daemon = await wire(config, {
      reconfigured: changed,
      clock: this.#life,
      random: seededRandom(this.#options.seed * 1000 + this.#starts),
      secrets: { credentialsDirectory: join(this.directory, 'credentials') },
      log: (event, fields) => this.log.push({ event, fields }),
      logLevel: (level) => {
        this.logLevel = level;
      },
      openers: this.hardware.openers,
      homeAssistant: this.#options.homeAssistant,
      http: this.#client,
      broker: this.#broker,
      lastTimeContact: () => (this.hasTimeServer ? this.clock.now() : undefined),
      hardwareClock: () =>
        this.#options.withHardwareClock === true
          ? { name: 'rtc', at: this.clock.now() }
          : undefined,
      versions: { latchkey: this.version },
      updates: this.#options.updates,
      watchdog: { alive: () => {}, every: undefined },
      builtAt: instant(Date.parse('2026-01-01T00:00Z')),
      storeThreads: false,
      storeJobs: this.#storeJobs,
    });
    this.#running = this.#daemon.run(this.#stopping.signal);
    await this.advance(3000);
  }

  /** A clean stop, as on SIGTERM. */
  async stop(): Promise<void> {
    const daemon = this.#daemon;
    if (daemon === undefined) return;
    this.#stopping.abort();
    let over = false;
    const ended = this.#running.then(() => {
      over = true;
    });
    for (let seconds = 0; !over; seconds += 1) {
      if (seconds > PATIENCE_S) throw new Error('the daemon does not stop');
      await this.clock.advance(1000);
    }
    await ended;
    this.#daemon = undefined;
    await daemon[Symbol.asyncDispose]();
  }

  /**
   * The power goes, or the process is killed: from this moment the daemon does nothing more, and what its files hold
   * now is what the next one finds. To be called between two turns, or where a commit is told.
   */
  cut(): void {
    const dead = this.#daemon;
    if (dead === undefined) return;
    this.#life[Symbol.dispose]();
    this.#broker?.die();
    this.#client?.die();
    for (const port of this.ports.values()) void port.unplug();
    if (existsSync(this.#store)) {
      const next = join(this.directory, `store-${this.#starts}`);
      const kept = (path: string) => !NOT_KEPT.test(basename(path));
      cpSync(this.#store, next, { recursive: true, filter: kept });
      this.#store = next;
    }
    this.#daemon = undefined;
    this.#running.catch(() => {}); // it never ends: its time stands still
    this.#dead.push(dead);
  }

  /** Starts it again where it was cut; `dark` is how long nothing has power. */
  async restart(dark: Millis = 0): Promise<void> {
    await this.clock.advance(dark);
    for (const port of this.ports.values()) await port.plug();
    await this.start();
  }

  get storeDirectory(): string {
    return this.#store;
  }

  advance(length: Millis): Promise<void> {
    return this.clock.advance(length);
  }

  /** Puts a grant the way the own cloud does once it is checked. */
  async put({
    id,
    rev = 1,
    pin,
    fob,
    key,
    window = { kind: 'ongoing' },
    more = {},
  }: PutGrant): Promise<void> {
    const { grants, secrets } = this.daemon.desk;
    const grant: Grant = {
      id: grantId(id),
      rev,
      source: { vendor: 'cloud', ref: id, version: String(rev) },
      holder: holderId(`holder-of-${id}`),
      credentials: [
        ...(pin === undefined
          ? []
          : [
              {
                id: credentialId(`${id}-pin`),
                kind: 'pin' as const,
                ...secrets.index('pin', pin, grantId(id)),
              },
            ]),
        ...(fob === undefined
          ? []
          : [
              {
                id: credentialId(`${id}-fob`),
                kind: 'fob' as const,
                ...secrets.index('fob', fob, grantId(id)),
              },
            ]),
      ],
      targets: [{ kind: 'key', id: key ?? FLAT_KEY.key }],
      window,
      operations: ['pickup', 'dropoff'],
      options: {},
      state: 'active',
      ...more,
    };
    await this.settling(grants.write({ source: 'cloud', changes: [{ kind: 'put', grant }] }));
    this.daemon.desk.grantsChanged();
    await this.advance(10);
  }

  /** Revokes it the way the own cloud does: tombstone, effect, and what waits for the wire is taken back (P6). */
  async revoke(id: string, rev: number): Promise<void> {
    const { desk } = this.daemon;
    const grant = grantId(id);
    const at = this.clock.now();
    await this.settling(
      desk.grants.write({ source: 'cloud', changes: [{ kind: 'revoke', grant, rev, at }] }),
    );
    const { committed } = desk.journal.append({
      stamp: desk.stamp(),
      entries: [],
      rows: [{ table: 'tombstone', grant, rev, at }],
    });
    await this.settling(committed);
    await this.settling(desk.withdrawOpenings(grant));
  }

  async command(command: Command): Promise<Awaited<DeskAttempt['outcome']>> {
    return this.settling(this.daemon.desk.command(command, []).outcome);
  }

  /** Lets time pass until a promise is settled. */
  async settling<T>(promise: Promise<T>): Promise<T> {
    let over = false;
    const watched = promise.finally(() => {
      over = true;
    });
    watched.catch(() => {});
    for (let turns = 0; !over; turns += 1) {
      if (turns > PATIENCE_S * 20) throw new Error('it is never settled');
      await this.clock.advance(50);
    }
    return watched;
  }

  hand(device: string, verb: string, given: Readonly<Record<string, SimJson>> = {}): SimJson {
    return this.hardware.hand(device, verb, given);
  }

  async type(keys: string): Promise<void> {
    this.hand('keypad', 'press', { keys });
    await this.advance(3000);
  }

  async show(fob: string, reader = 'fobs'): Promise<void> {
    this.hand(reader, 'show', { fob });
    await this.advance(400);
    this.hand(reader, 'remove');
    await this.advance(2500);
  }

  async takeKey(slot: number): Promise<void> {
    this.hand('box', 'take-key', { slot });
    await this.advance(1500);
    this.hand('box', 'close-door', { slot });
    await this.advance(2500);
  }

  async putKey(slot: number, fob: string): Promise<void> {
    this.hand('box', 'put-key', { slot, fob });
    await this.advance(1500);
    this.hand('box', 'close-door', { slot });
    await this.advance(2500);
  }

  wireBoard(...given: Parameters<SiteHardware['wireBoard']>): void {
    this.hardware.wireBoard(...given);
  }

  pulses(slot: number): number {
    return this.hardware.pulses(slot);
  }

  get pulseCount(): number {
    return this.hardware.pulseCount;
  }

  isReleased(board: string): boolean {
    return this.hardware.isReleased(board);
  }

  openSlots(): readonly number[] {
    return this.hardware.openSlots();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    for (const dead of this.#dead) void dead[Symbol.asyncDispose]();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Work on files takes real time: the clock waits for it, so that it is over in the moment in which it began. */
function waitedFor(clock: SimulatedClock): RunsJob {
  const underWay = new Set<Promise<unknown>>();
  clock.alsoSettle(async () => {
    while (underWay.size > 0) {
      await Promise.allSettled(underWay);
      await new Promise<void>((go) => setImmediate(go));
    }
  });
  return (job) => {
    const running = runJobHere(job).finally(() => underWay.delete(running));
    underWay.add(running);
    return running;
  };
}
