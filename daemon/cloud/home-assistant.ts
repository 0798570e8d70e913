/**
 * Shows the site to Home Assistant, over a connection of its own to a broker of its own choice. Off unless configured,
 * and read only: it subscribes to Home Assistant's birth message and to nothing else.
 */
import { z } from 'zod';
import { type Clock, pause, type Random, randomInteger } from '../../drivers/contract/time.ts';
import type { JsonObject, RecordedEntry, Stamp } from '../access/entry.ts';
import { type Journal, StorageError } from '../store/ports.ts';
import { type Broker, BrokerError, type BrokerMessage, type BrokerSession } from './broker.ts';
import {
  bridgeConfig,
  bridgeTopic,
  configTopic,
  discoveryConfig,
  eventFor,
  eventTopic,
  tagTopic,
} from './home-assistant-discovery.ts';
import { encode } from './messages.ts';
import { keepConnected, PATIENCE, type Patience } from './reconnect.ts';
import type { SiteReport } from './reported-state.ts';
import type { Topics } from './topics.ts';

export interface HomeAssistantParts {
  readonly broker: Broker;
  readonly topics: Topics;
  /** Where Home Assistant listens; `homeassistant` as it comes. */
  readonly prefix: string;
  readonly journal: Journal;
  readonly report: SiteReport;
  readonly stamp: () => Stamp;
  readonly clock: Clock;
  readonly random: Random;
  readonly patience?: Patience;
  readonly log: (event: string, fields: JsonObject) => void;
}

/** Devices that Home Assistant was told of, so that one that is gone is taken back, also after a restart. */
const TOLD_MARK = 'home-assistant.told';

export class HomeAssistant {
  readonly #parts: HomeAssistantParts;
  #session: BrokerSession | undefined;

  constructor(parts: HomeAssistantParts) {
    this.#parts = parts;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, random, topics, journal, log } = this.#parts;
    const unfollow = journal.follow((entries) => void this.#happened(entries));
    try {
      await keepConnected(
        {
          bridge: topics.bridge,
          clock,
          random,
          patience: this.#parts.patience ?? PATIENCE,
          attempt: (ending) => this.#attempt(ending),
          waiting: (why, wait) => log('home-assistant-waiting', { fault: why.code, waitMs: wait }),
        },
        signal,
      );
    } finally {
      unfollow();
    }
  }

  /** Some device's state changed. */
  deviceChanged(): void {
    void this.#publishStates();
  }

  async #attempt(signal: AbortSignal): Promise<BrokerError> {
    const { broker, topics, prefix } = this.#parts;
    const closed = Promise.withResolvers<BrokerError>();
    try {
      this.#session = await broker.connect(
        {
          clientId: `${topics.bridge}-ha`,
          will: this.#status(false),
          willDelaySeconds: 10,
          subscriptions: [`${prefix}/status`],
          sessionExpirySeconds: 0,
          receiveMaximum: 8,
          keepAliveSeconds: 45,
          connectWithin: 20_000,
        },
        {
          message: async ({ payload }) => {
            if (Buffer.from(payload).toString() === 'online') void this.#reborn(signal);
          },
          closed: (why) => {
            this.#session = undefined;
            closed.resolve(why);
          },
        },
        signal,
      );
    } catch (problem) {
      if (problem instanceof BrokerError) return problem;
      throw problem;
    }
    await this.#publishAll();
    return closed.promise;
  }

  /** There are other devices now. */
  devicesChanged(): void {
    if (this.#session !== undefined) void this.#publishAll();
  }

  /** All sites answer the same birth; a little chance keeps them from answering at once. */
  async #reborn(signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#parts;
    await pause(clock, 1_000 + randomInteger(random, 9_000), signal);
    if (!signal.aborted) await this.#publishAll();
  }

  async #publishAll(): Promise<void> {
    const { topics, prefix, report, journal } = this.#parts;
    const version = report.versions['latchkey'] ?? '0';
    const devices = report.devices();
    const names = devices.map(({ dev }) => dev);
    const told = z.array(z.string()).safeParse(journal.mark(TOLD_MARK)).data ?? [];
    await this.#remember([...new Set([...told, ...names])]);
    const itself = bridgeConfig(topics, report.site, version);
    await this.#say(bridgeTopic(prefix, topics.bridge), encode(itself), true);
    for (const state of devices) {
      const config = discoveryConfig(state, topics, report.site, version);
      await this.#say(configTopic(prefix, topics.bridge, state.dev), encode(config), true);
    }
    for (const gone of told.filter((name) => !names.includes(name))) {
      await this.#say(configTopic(prefix, topics.bridge, gone), new Uint8Array(), true);
      await this.#say(topics.device(gone), new Uint8Array(), true);
    }
    if (this.#session !== undefined) await this.#remember(names);
    const { topic, payload } = this.#status(true);
    await this.#say(topic, payload, true);
    await this.#publishStates();
  }

  async #publishStates(): Promise<void> {
    const { topics, report } = this.#parts;
    for (const state of report.devices()) {
      await this.#say(topics.device(state.dev), encode(state), true);
    }
  }

  /** Never retained: Home Assistant ignores retained events, and an old one is no event. */
  async #happened(entries: readonly RecordedEntry[]): Promise<void> {
    const { topics } = this.#parts;
    for (const entry of entries) {
      const { device, sub } = entry;
      if (device === undefined) continue;
      const event = eventFor(entry);
      if (event !== undefined) await this.#say(eventTopic(topics, device), encode(event), false);
      if (entry.type === 'access.granted' && sub !== undefined) {
        await this.#say(tagTopic(topics, device), encode({ tag: sub }), false);
      }
    }
  }

  #status(online: boolean): BrokerMessage {
    const { topics, stamp } = this.#parts;
    const payload = encode({ v: 1, online, ts: stamp().at });
    return { topic: topics.status, payload, qos: 1, retain: true };
  }

  async #say(topic: string, payload: Uint8Array, retain: boolean): Promise<void> {
    try {
      await this.#session?.publish({ topic, payload, qos: 1, retain });
    } catch (problem) {
      // All of it is said again with the next session.
      if (!(problem instanceof BrokerError)) throw problem;
    }
  }

  async #remember(names: readonly string[]): Promise<void> {
    const { journal, stamp } = this.#parts;
    const mark = { table: 'mark', name: TOLD_MARK, value: [...names] } as const;
    try {
      await journal.append({ stamp: stamp(), entries: [], rows: [mark] }).committed;
    } catch (problem) {
      if (!(problem instanceof StorageError)) throw problem;
    }
  }
}
