/**
 * Many light sites on one broker: how long until all are connected, what a broker that comes back is asked to bear, and
 * whether backlogs arrive whole and in order. `npm run simulate -- --sites 500`.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Broker, BrokerSession } from '../../daemon/cloud/broker.ts';
import { enrol } from '../../daemon/cloud/enrolment.ts';
import { EventFollower } from '../../daemon/cloud/event-follower.ts';
import { privateKeyOf } from '../../daemon/cloud/jose.ts';
import { parseJson, signNow } from '../../daemon/cloud/jws.ts';
import { ACK_TYP, eventsSchema, type WireEvent } from '../../daemon/cloud/messages.ts';
import { topicsOf } from '../../daemon/cloud/topics.ts';
import { TrustStore } from '../../daemon/cloud/trust-store.ts';
import { realClock } from '../../daemon/platform/clock.ts';
import { mqttBroker } from '../../daemon/platform/mqtt-broker.ts';
import { realRandom } from '../../daemon/platform/random.ts';
import { type Clock, type Millis, pause, type Random } from '../../drivers/contract/time.ts';
import { EmbeddedBroker } from '../broker.ts';
import { type LightSite, openLightSite } from './light-site.ts';

export interface FleetOptions {
  readonly sites: number;
  /** Events that each site makes while the broker is away. */
  readonly backlog: number;
  /** Seconds of ordinary life, one event a second and site. */
  readonly seconds: number;
  /** All connect within this time, each at its own place in it. */
  readonly spread: Millis;
  readonly drainPerSecond: number;
  /** Longest wait of a site that lost its broker; a real one takes up to five minutes. Default 5 s. */
  readonly longestWait?: Millis;
  readonly clock: Clock;
  readonly random: Random;
  readonly told?: (line: string) => void;
}

export interface FleetReport {
  readonly sites: number;
  readonly broker: string;
  readonly allOnlineMs: number;
  readonly events: number;
  /** From an event's own time to its arrival in the cloud, during ordinary life. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** After the broker was gone: until the last site is back, and the most that came within one second. */
  readonly allBackMs: number;
  readonly mostConnectsPerSecond: number;
  readonly backlogEvents: number;
  readonly drainMs: number;
  readonly drainPerSecond: number;
  /** Both have to be none. */
  readonly lost: number;
  readonly outOfOrder: number;
  readonly residentMiB: number;
}

const KID = 'cc-fleet';
const LONGEST_WAIT: Millis = 5_000;
const PATIENT: Millis = 300_000;

export async function runFleet(options: FleetOptions): Promise<FleetReport> {
  const { clock, random, told = () => {} } = options;
  await using parts = new AsyncDisposableStack();
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-fleet-'));
  parts.defer(() => rmSync(directory, { recursive: true, force: true }));
  const server = parts.use(await startServer(directory));
  told(`${options.sites} sites on ${server.name}`);
  const port = () => mqttBroker({ url: server.url });
  const enrolment = enrol(join(directory, 'keys'), 'kb-fleet', 'latchkey', [KID]);
  const [sender] = enrolment.senders;
  if (sender === undefined) throw new Error('no sender was enrolled');
  const cloud = parts.use(new FleetCloud(port(), privateKeyOf(sender.jwk), clock));
  await cloud.join();

  const connects: number[] = [];
  const began = clock.uptime();
  const sites: LightSite[] = [];
  const trust = TrustStore.open(enrolment.trustFile);
  for (let n = 0; n < options.sites; n += 1) {
    const site = await openLightSite({
      bridge: `kb-${(n + 0x100000).toString(16)}`,
      identity: enrolment.identity,
      trust,
      broker: noting(port(), () => connects.push(clock.uptime())),
      clock,
      random,
      options: {
        patience: { longest: options.longestWait ?? LONGEST_WAIT, spread: options.spread },
        drainPerSecond: options.drainPerSecond,
      },
    });
    sites.push(parts.use(site));
  }
  await until(clock, () => sites.every(({ link }) => link.isOnline));
  const allOnlineMs = clock.uptime() - began;
  told(`all online after ${seconds(allOnlineMs)}`);

  for (let second = 0; second < options.seconds; second += 1) {
    await happen(sites, 1);
    await pause(clock, 1_000);
  }
  await until(clock, () => sites.every(isAcknowledged));
  const lives = cloud.latencies.toSorted((a, b) => a - b);
  const events = cloud.received;

  await server.stop();
  await until(clock, () => sites.every(({ link }) => !link.isOnline));
  await happen(sites, options.backlog);
  const backlogEvents = sites.reduce((sum, { link }) => sum + link.status.outbox, 0);
  told(`broker gone; ${backlogEvents} events wait`);
  connects.length = 0;
  await server.start();
  const back = clock.uptime();
  await cloud.join();
  await until(clock, () => sites.every(({ link }) => link.isOnline));
  const allBackMs = clock.uptime() - back;
  told(`all back after ${seconds(allBackMs)}`);
  await until(clock, () => sites.every(isAcknowledged));
  const drainMs = clock.uptime() - back;
  told(`drained after ${seconds(drainMs)}`);
  return {
    sites: sites.length,
    broker: server.name,
    allOnlineMs: Math.round(allOnlineMs),
    events,
    p50Ms: quantile(lives, 0.5),
    p99Ms: quantile(lives, 0.99),
    allBackMs: Math.round(allBackMs),
    mostConnectsPerSecond: mostWithinASecond(connects),
    backlogEvents,
    drainMs: Math.round(drainMs),
    drainPerSecond: Math.round((backlogEvents / drainMs) * 1000),
    lost: sites.reduce((sum, site) => sum + cloud.missing(site), 0),
    outOfOrder: cloud.outOfOrder,
    residentMiB: Math.round(process.memoryUsage.rss() / 1024 / 1024),
  };
}

/** One cloud for all sites: takes their events, each once, and acknowledges. */
class FleetCloud implements AsyncDisposable {
  readonly #broker: Broker;
  readonly #key: ReturnType<typeof privateKeyOf>;
  readonly #clock: Clock;
  readonly #followers = new Map<string, EventFollower>();
  readonly #owed = new Set<string>();
  readonly #ending = new AbortController();
  #session: BrokerSession | undefined;
  received = 0;
  outOfOrder = 0;
  readonly latencies: Millis[] = [];

  constructor(broker: Broker, key: ReturnType<typeof privateKeyOf>, clock: Clock) {
    this.#broker = broker;
    this.#key = key;
    this.#clock = clock;
  }

  async join(): Promise<void> {
    this.#session = await this.#broker.connect(
      {
        clientId: 'fleet-cloud',
        willDelaySeconds: 0,
        subscriptions: ['latchkey/1/+/evt/+'],
        sessionExpirySeconds: 0,
        receiveMaximum: 1_000,
        keepAliveSeconds: 60,
        connectWithin: 10_000,
      },
      {
        message: async ({ topic, payload }) => this.#take(topic.split('/')[2] ?? '', payload),
        closed: () => {
          this.#session = undefined;
        },
      },
      this.#ending.signal,
    );
  }

  /** Events of the site that never came. */
  missing({ journal, topics }: LightSite): number {
    return journal.lastSeq - (this.#followers.get(topics.bridge)?.watermark?.seq ?? 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session?.close();
    this.#ending.abort();
  }

  #take(bridge: string, payload: Uint8Array): void {
    const value = parseJson(payload);
    const read = eventsSchema.safeParse(value);
    if (!read.success) return;
    const follower = this.#followers.get(bridge) ?? new EventFollower();
    this.#followers.set(bridge, follower);
    for (const event of 'batch' in read.data ? read.data.batch : [read.data]) {
      const last = follower.watermark?.seq ?? 0;
      // The schema has read it; what it cannot say is that the body is plain JSON.
      if (follower.take(event as WireEvent).kind !== 'new') continue;
      this.received += 1;
      this.latencies.push(this.#clock.now() - Date.parse(event.ts));
      if (event.seq !== last + 1) this.outOfOrder += 1;
    }
    if (this.#owed.size === 0) setImmediate(() => this.#acknowledge());
    this.#owed.add(bridge);
  }

  /** All that came in one turn is acknowledged together, once for each site. */
  #acknowledge(): void {
    const owed = [...this.#owed];
    this.#owed.clear();
    for (const bridge of owed) {
      const watermark = this.#followers.get(bridge)?.watermark;
      if (watermark === undefined) continue;
      const iat = Math.floor(this.#clock.now() / 1000);
      const ack = { v: 1, aud: bridge, iat, ...watermark };
      const token = signNow(ack, ACK_TYP, { kid: KID, key: this.#key });
      const { ack: topic } = topicsOf('latchkey', bridge);
      this.#session
        ?.publish({ topic, payload: Buffer.from(token), qos: 1, retain: false })
        .catch(() => {
          // The session is over; the site sends again, and is acknowledged then.
        });
    }
  }
}

/** The broker of a run, which can go away and come back at the same address. */
interface Server extends AsyncDisposable {
  readonly name: string;
  readonly url: string;
  start(): Promise<void>;
  stop(): Promise<void>;
}

const MOSQUITTO = ['/usr/sbin/mosquitto', '/usr/bin/mosquitto', '/usr/local/sbin/mosquitto'];

async function startServer(directory: string): Promise<Server> {
  const binary = MOSQUITTO.find((path) => existsSync(path));
  // Its port is one that the system gave a moment ago.
  const embedded = await EmbeddedBroker.start();
  if (binary === undefined) {
    return {
      name: 'aedes, in this process',
      url: embedded.url,
      start: () => embedded.restore(),
      stop: () => embedded.cut(),
      [Symbol.asyncDispose]: () => embedded[Symbol.asyncDispose](),
    };
  }
  const { port, url } = embedded;
  await embedded[Symbol.asyncDispose]();
  const conf = join(directory, 'mosquitto.conf');
  const lines = [
    `listener ${port} 127.0.0.1`,
    'allow_anonymous true',
    'set_tcp_nodelay true',
    'max_inflight_messages 1000',
    'max_queued_messages 0',
  ];
  writeFileSync(conf, `${lines.join('\n')}\n`);
  let child: ChildProcess | undefined;
  const server: Server = {
    name: 'Mosquitto',
    url,
    async start() {
      const started = Promise.withResolvers<void>();
      const running = spawn(binary, ['-c', conf], { stdio: ['ignore', 'ignore', 'pipe'] });
      child = running;
      running.stderr.on('data', (said: Buffer) => {
        if (said.includes(' running')) started.resolve();
      });
      running.once('exit', () => started.reject(new Error('mosquitto did not start')));
      await started.promise;
    },
    async stop() {
      const running = child;
      if (running === undefined) return;
      child = undefined;
      const gone = new Promise<void>((resolve) => running.once('exit', () => resolve()));
      running.kill('SIGKILL');
      await gone;
    },
    [Symbol.asyncDispose]: () => server.stop(),
  };
  await server.start();
  return server;
}

function noting(broker: Broker, connected: () => void): Broker {
  return {
    name: broker.name,
    async connect(...options) {
      const session = await broker.connect(...options);
      connected();
      return session;
    },
  };
}

async function happen(sites: readonly LightSite[], count: number): Promise<void> {
  await Promise.all(
    sites.map(({ journal, stamp }) => {
      const entries = Array.from(
        { length: count },
        (_, n) => ({ type: 'access.granted', body: { method: 'fob', slot: 1 + (n % 8) } }) as const,
      );
      return journal.append({ stamp: stamp(), entries }).committed;
    }),
  );
}

function isAcknowledged({ journal }: LightSite): boolean {
  return journal.acknowledged >= journal.lastSeq;
}

async function until(clock: Clock, reached: () => boolean): Promise<void> {
  const end = clock.uptime() + PATIENT;
  while (!reached()) {
    if (clock.uptime() > end) throw new Error(`not reached within ${seconds(PATIENT)}: ${reached}`);
    await pause(clock, 20);
  }
}

function quantile(sorted: readonly number[], part: number): number {
  return Math.round(sorted[Math.floor(sorted.length * part)] ?? 0);
}

function mostWithinASecond(moments: readonly number[]): number {
  const sorted = moments.toSorted((a, b) => a - b);
  let first = 0;
  return sorted.reduce((most, moment, at) => {
    while ((sorted[first] ?? moment) <= moment - 1_000) first += 1;
    return Math.max(most, at - first + 1);
  }, 0);
}

function seconds(length: Millis): string {
  return `${(length / 1000).toFixed(1)} s`;
}

/** `--sites N [--backlog N] [--seconds N] [--spread MS] [--drain N] [--json]`; the exit status. @throws RangeError */
export async function fleetCommand(line: readonly string[]): Promise<number> {
  const values = readOptions(line);
  const count = (name: keyof typeof values & string, most: number) => {
    const value = Number(values[name]);
    if (Number.isInteger(value) && value >= 1 && value <= most) return value;
    throw new RangeError(`--${name} is a whole number from 1 to ${most}, not "${values[name]}"`);
  };
  const report = await runFleet({
    sites: count('sites', 10_000),
    backlog: count('backlog', 100_000),
    seconds: count('seconds', 86_400),
    spread: count('spread', 3_600_000),
    drainPerSecond: count('drain', 10_000),
    clock: realClock(),
    random: realRandom(),
    ...(values.json ? {} : { told: (text: string) => console.log(text) }),
  });
  if (values.json) console.log(JSON.stringify(report));
  else
    for (const [name, value] of Object.entries(report))
      console.log(`  ${name.padEnd(22)} ${value}`);
  return report.lost === 0 && report.outOfOrder === 0 ? 0 : 1;
}

function readOptions(line: readonly string[]) {
  try {
    return parseArgs({
      args: [...line],
      options: {
        sites: { type: 'string', default: '100' },
        backlog: { type: 'string', default: '100' },
        seconds: { type: 'string', default: '5' },
        spread: { type: 'string', default: '2000' },
        drain: { type: 'string', default: '20' },
        json: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    throw new RangeError(error instanceof Error ? error.message : String(error));
  }
}
