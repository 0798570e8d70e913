/** The site's tie to its own cloud: one session at a time, commands down, replies, events and state up. */
import type { KeyObject } from 'node:crypto';
import { type Clock, type Millis, pause, type Random } from '../../drivers/contract/time.ts';
import type { Entry, JsonObject, Stamp } from '../access/entry.ts';
import type { Policies } from '../access/model.ts';
import { type GrantStore, type Journal, StorageError } from '../store/ports.ts';
import {
  type Broker,
  BrokerError,
  type BrokerMessage,
  type BrokerSession,
  type ReceivedMessage,
  type SessionOptions,
} from './broker.ts';
import { Checkpoints } from './checkpoint.ts';
import { Downlink } from './downlink.ts';
import { SessionNonces } from './freshness.ts';
import type { SigningKey } from './jose.ts';
import type { WireStatus } from './messages.ts';
import { type OutboxCaps, OutboxGaps } from './outbox-gaps.ts';
import { PublishedLog } from './published-log.ts';
import { keepConnected, PATIENCE, type Patience } from './reconnect.ts';
import { ReportedState, type SiteReport, statusMessage } from './reported-state.ts';
import type { CredentialDesk, SiteActions } from './site-actions.ts';
import type { Topics } from './topics.ts';
import type { TrustStore } from './trust-store.ts';
import { UnitTopic, type UnitTopicParts } from './unit-topic.ts';
import { Uplink } from './uplink.ts';

export interface CloudOptions {
  /** Messages per second while a backlog drains. Default 20; `Infinity` for none. */
  readonly drainPerSecond?: number;
  readonly patience?: Patience;
  /** How much waits for the cloud before the least important is left out. */
  readonly caps?: Partial<OutboxCaps>;
  /** Each bridge of a fleet is sent a whole snapshot at its own place within this time. Default 0. */
  readonly snapshotSpread?: Millis;
  /** Lines for the operator are also published, a few a second, for who looks on. Default false. */
  readonly publishLog?: boolean;
  /** How long the broker keeps our session. Default 7 days. */
  readonly sessionExpirySeconds?: number;
  readonly keepAliveSeconds?: number;
}

export interface CloudParts {
  readonly broker: Broker;
  readonly topics: Topics;
  readonly journal: Journal;
  readonly grants: GrantStore;
  readonly trust: TrustStore;
  readonly site: SiteActions;
  readonly desk: CredentialDesk;
  /** Private half of the key that secrets are sealed to. */
  readonly sealingKey: KeyObject;
  /** The bridge's own signing key, for checkpoints. */
  readonly bridgeKey: SigningKey;
  readonly report: SiteReport;
  readonly stamp: () => Stamp;
  /** Where there may be a spare unit: what this one claims, and whom it meets. */
  readonly unit?: Pick<UnitTopicParts, 'claim' | 'met'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly options?: CloudOptions;
  /** What an access level stands for, to see whether two grants with one code open the same. */
  readonly accessLevels?: Policies['accessLevels'];
  /** A command has changed grants or keys: whoever waits for one of their moments looks again. */
  readonly grantsChanged?: () => void;
  /** A line for the operator. */
  readonly log: (event: string, fields: JsonObject) => void;
}

const DEFAULT_DRAIN = 20;
const WEEK_SECONDS = 7 * 86_400;
/**
 * Commands handed to us and not yet acknowledged: as many share a commit. Eight bound them as well, but then every
 * eight wait for one sync of a slow card; 64, each at most 64 KiB, are 4 MiB at worst. A broker may send fewer at once.
 */
const RECEIVE_MAXIMUM = 64;
/** A broker that hangs hears no goodbye: its own will tells that we are gone. */
const GOODBYE_WITHIN: Millis = 2000;
const BIRTH_MARK = 'cloud.bdSeq';

export class CloudLink implements AsyncDisposable {
  readonly #parts: CloudParts;
  readonly #nonces: SessionNonces;
  readonly #downlink: Downlink;
  readonly #uplink: Uplink;
  readonly #state: ReportedState;
  readonly #log: PublishedLog;
  readonly #gaps: OutboxGaps;
  readonly #checkpoints: Checkpoints;
  readonly #patience: Patience;
  readonly #unit: UnitTopic | undefined;
  #session: BrokerSession | undefined;
  #births = 0;

  constructor(parts: CloudParts) {
    this.#parts = parts;
    const { options = {}, journal, stamp, topics } = parts;
    this.#patience = options.patience ?? PATIENCE;
    this.#nonces = new SessionNonces(parts.clock, parts.random);
    this.#gaps = new OutboxGaps(journal, stamp, options.caps);
    const publish = (message: BrokerMessage) => this.#publish(message);
    this.#log = new PublishedLog({ ...parts, publish });
    this.#state = new ReportedState({
      ...parts,
      nonces: this.#nonces,
      publish,
      snapshotSpread: options.snapshotSpread ?? 0,
    });
    this.#uplink = new Uplink({
      ...parts,
      publish,
      gaps: this.#gaps,
      drainPerSecond: options.drainPerSecond ?? DEFAULT_DRAIN,
    });
    this.#downlink = new Downlink({
      ...parts,
      nonces: this.#nonces,
      events: this.#uplink,
      publish,
      stateChanged: () => this.#state.stateChanged(),
      grantsChanged: parts.grantsChanged ?? (() => {}),
    });
    this.#checkpoints = new Checkpoints({ ...parts, bridge: topics.bridge, key: parts.bridgeKey });
    this.#unit =
      parts.unit === undefined
        ? undefined
        : new UnitTopic({ ...parts.unit, topics, key: parts.bridgeKey, log: parts.log });
    const births = journal.mark(BIRTH_MARK);
    if (typeof births === 'number') this.#births = births;
  }

  get isOnline(): boolean {
    return this.#session !== undefined;
  }

  /** For `latchkey status`, health and metrics. */
  get status(): {
    readonly online: boolean;
    readonly broker: string;
    readonly outbox: number;
    readonly refused: number;
  } {
    return {
      online: this.isOnline,
      broker: this.#parts.broker.name,
      outbox: this.#uplink.depth,
      refused: this.#downlink.refused,
    };
  }

  /** Grants (by others than the cloud), lockdown or clock state changed. */
  stateChanged(): void {
    this.#state.stateChanged();
  }

  /** A line for the operator, published too where the config says so; lost where there is no session. */
  tell(event: string, fields: JsonObject): void {
    if (this.#parts.options?.publishLog === true && this.isOnline) this.#log.put(event, fields);
  }

  /** Something of some device's state changed. */
  deviceChanged(): void {
    this.#state.deviceChanged();
  }

  /** Connects and connects again until the signal ends it; then says goodbye. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random, topics, log } = this.#parts;
    await this.#downlink.resume();
    const unfollow = this.#parts.journal.follow((entries) => void this.#gaps.enforce(entries));
    await this.#gaps.enforce();
    try {
      await keepConnected(
        {
          bridge: topics.bridge,
          clock,
          random,
          patience: this.#patience,
          attempt: (ending) => this.#attempt(ending),
          waiting: (why, wait) =>
            log('cloud-waiting', { fault: why.code, message: why.message, waitMs: wait }),
        },
        signal,
      );
    } finally {
      unfollow();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#checkpoints.close();
    this.#state.detach();
    await this.#uplink.close();
    await this.#downlink.close();
  }

  /** One session from CONNECT to its end. */
  async #attempt(signal: AbortSignal): Promise<BrokerError> {
    const { broker, topics, log, random } = this.#parts;
    const bdSeq = await this.#nextBirth();
    const session = Buffer.from(random.bytes(8)).toString('hex');
    const closed = Promise.withResolvers<BrokerError>();
    const status = (online: boolean, reason: string): WireStatus => {
      return { v: 1, online, session, bdSeq, ts: this.#parts.stamp().at, reason };
    };
    // The session outlives the signal by a word of goodbye, so it has its own.
    const ending = new AbortController();
    let open: BrokerSession;
    const cancel = () => ending.abort();
    signal.addEventListener('abort', cancel, { once: true });
    try {
      open = await broker.connect(
        this.#sessionOptions(statusMessage(topics, status(false, 'lost'))),
        {
          message: (message) => this.#receive(message),
          closed: (why) => closed.resolve(why),
        },
        ending.signal,
      );
    } catch (problem) {
      if (problem instanceof BrokerError) return problem;
      throw problem;
    } finally {
      signal.removeEventListener('abort', cancel);
    }
    this.#session = open;
    log('cloud-online', { broker: broker.name, protocol: open.facts.protocol });
    const goodbye = () => void this.#goodbye(open, status(false, 'shutdown'));
    signal.addEventListener('abort', goodbye, { once: true });
    try {
      await this.#opened(open, status(true, 'connected'));
      if (signal.aborted) goodbye();
      return await closed.promise;
    } finally {
      signal.removeEventListener('abort', goodbye);
      await this.#ended(await closed.promise);
    }
  }

  async #receive(message: ReceivedMessage): Promise<void> {
    if ((await this.#unit?.receive(message)) === true) return;
    await this.#downlink.receive(message);
  }

  async #opened(session: BrokerSession, status: WireStatus): Promise<void> {
    await this.#unit?.look(session);
    await this.#state.publishAll(status);
    await this.#unit?.claim(session);
    await this.#downlink.flush();
    this.#uplink.attach();
    const body = { broker: this.#parts.broker.name, bdSeq: status.bdSeq };
    await this.#record({ type: 'system.broker_online', body });
  }

  async #ended(why: BrokerError): Promise<void> {
    this.#session = undefined;
    this.#uplink.detach();
    this.#state.detach();
    this.#parts.log('cloud-offline', { fault: why.code, message: why.message });
    await this.#record({ type: 'system.broker_offline', body: { code: why.code } });
    if (why.code === 'taken-over') {
      // Two bridges go by one name: a copied card, or a spare that was not fenced.
      const body = { bridge: this.#parts.topics.bridge, alarm: true };
      await this.#record({ type: 'security.duplicate_id', body });
    }
  }

  async #goodbye(session: BrokerSession, status: WireStatus): Promise<void> {
    const said = new AbortController();
    const saying = session
      .publish(statusMessage(this.#parts.topics, status))
      .catch((problem: unknown) => {
        if (!(problem instanceof BrokerError)) throw problem;
      })
      .finally(() => said.abort());
    await pause(this.#parts.clock, GOODBYE_WITHIN, said.signal);
    await session.close();
    await saying;
  }

  #sessionOptions(will: BrokerMessage): SessionOptions {
    const { topics, options = {} } = this.#parts;
    return {
      clientId: topics.bridge,
      will,
      willDelaySeconds: 10,
      subscriptions: topics.down,
      sessionExpirySeconds: options.sessionExpirySeconds ?? WEEK_SECONDS,
      receiveMaximum: RECEIVE_MAXIMUM,
      atOnce: RECEIVE_MAXIMUM,
      keepAliveSeconds: options.keepAliveSeconds ?? 45,
      connectWithin: 20_000,
    };
  }

  /** Grows with every CONNECT, over restarts too: a late will of an older session is known by it. */
  async #nextBirth(): Promise<number> {
    this.#births += 1;
    await this.#commit([], [{ table: 'mark', name: BIRTH_MARK, value: this.#births }]);
    return this.#births;
  }

  async #record(entry: Entry): Promise<void> {
    await this.#commit([entry], []);
  }

  async #commit(
    entries: readonly Entry[],
    rows: NonNullable<Parameters<Journal['append']>[0]['rows']>,
  ): Promise<void> {
    const { journal, stamp } = this.#parts;
    try {
      await journal.append({ stamp: stamp(), entries, rows }).committed;
    } catch (problem) {
      // A full disk has its own alarm, and does not keep us from the cloud.
      if (!(problem instanceof StorageError)) throw problem;
    }
  }

  #publish(message: BrokerMessage): Promise<void> {
    const session = this.#session;
    if (session === undefined) return Promise.reject(new BrokerError('closed', 'no session'));
    return session.publish(message);
  }
}
