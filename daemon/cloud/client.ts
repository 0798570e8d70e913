/**
 * The cloud's side of the wire, for people to build on (`latchkey/cloud`): signs commands and keeps them before they
 * are sent, seals secrets, waits for the one final reply, and follows events with acknowledgements.
 */
import type { z } from 'zod';
import {
  type Clock,
  type Millis,
  pause,
  type Random,
  uptime,
} from '../../drivers/contract/time.ts';
import { uuid7 } from '../store/chain.ts';
import {
  type Broker,
  BrokerError,
  type BrokerMessage,
  type BrokerSession,
  type ReceivedMessage,
} from './broker.ts';
import type { ClientKey, PendingCommand } from './client-key.ts';
import { type COMMAND_BODIES, type CommandType, RULES } from './commands.ts';
import { EventFeed, type FollowOptions } from './event-feed.ts';
import type { Watermark } from './event-follower.ts';
import { seal } from './jose.ts';
import { parseJson, signNow } from './jws.ts';
import {
  COMMAND_TYP,
  deviceStateSchema,
  type Reply,
  replySchema,
  stateSchema,
  statusSchema,
  type WireDeviceState,
  type WireState,
  type WireStatus,
} from './messages.ts';
import type { Topics } from './topics.ts';

export type BodyIn<T extends CommandType> = z.input<(typeof COMMAND_BODIES)[T]>;

export interface CloudClientParts {
  readonly broker: Broker;
  readonly topics: Topics;
  readonly key: ClientKey;
  /** Where replies go: one word, unlike that of any other client that is connected. */
  readonly requester: string;
  /** The broker keeps for us what comes while we are away; for a client that comes back under the same name. */
  readonly keepSession?: boolean;
  readonly clock: Clock;
  readonly random: Random;
}

export interface SendOptions {
  /** How long to wait for the final reply. Default 15 s; the command's own life bounds it until it is accepted. */
  readonly within?: Millis;
  readonly accepted?: () => void;
}

/** No final reply in time: what was asked may or may not have happened. */
export class NoReplyError extends Error {
  override readonly name = 'NoReplyError';
  readonly id: string;
  constructor(id: string) {
    super(`no reply to command ${id} in time`);
    this.id = id;
  }
}

const REPLY_WITHIN: Millis = 15_000;
/** The same bytes again, should they have been lost; an id acts at most once. */
const SEND_AGAIN_AFTER: Millis = 4_000;
const STATE_WITHIN: Millis = 10_000;
/** Whatever a bridge with a wrong clock says. */
const SNAPSHOT_WAIT_MOST: Millis = 3_600_000;
const KEPT_SECONDS = 7 * 86_400;

interface Waiting {
  readonly resolve: (reply: Reply) => void;
  readonly accepted: (() => void) | undefined;
}

export class CloudClient implements AsyncDisposable {
  readonly #parts: CloudClientParts;
  readonly #waiting = new Map<string, Waiting>();
  readonly #changed = new Set<() => void>();
  readonly #ending = new AbortController();
  #session: BrokerSession | undefined;
  #state: WireState | undefined;
  #status: WireStatus | undefined;
  readonly #devices = new Map<string, WireDeviceState>();
  #feed: EventFeed | undefined;

  private constructor(parts: CloudClientParts) {
    this.#parts = parts;
  }

  /** One session; where it ends, `connect` again. @throws BrokerError */
  static async connect(parts: CloudClientParts): Promise<CloudClient> {
    const client = new CloudClient(parts);
    await client.reconnect();
    return client;
  }

  /** Opens a session where there is none. @throws BrokerError */
  async reconnect(): Promise<void> {
    if (this.#session !== undefined) return;
    const { broker, topics, requester } = this.#parts;
    const { base } = topics;
    this.#session = await broker.connect(
      {
        clientId: `${topics.bridge}-${requester}`,
        willDelaySeconds: 0,
        subscriptions: [
          topics.reply(requester),
          ...(this.#feed === undefined ? [] : [`${base}/evt/+`]),
        ],
        retainedSubscriptions: [topics.state, topics.status, `${base}/dev/+/state`],
        sessionExpirySeconds: this.#parts.keepSession === true ? KEPT_SECONDS : 0,
        receiveMaximum: 64,
        keepAliveSeconds: 30,
        connectWithin: 10_000,
      },
      {
        message: (message) => this.#receive(message),
        closed: () => {
          this.#session = undefined;
          this.#notify();
        },
      },
      this.#ending.signal,
    );
  }

  get isConnected(): boolean {
    return this.#session !== undefined;
  }

  /** As the bridge last told it; undefined until it did. */
  get state(): WireState | undefined {
    return this.#state;
  }

  get status(): WireStatus | undefined {
    return this.#status;
  }

  get devices(): ReadonlyMap<string, WireDeviceState> {
    return this.#devices;
  }

  get watermark(): Watermark | undefined {
    return this.#feed?.watermark;
  }

  /** Seals a PIN, or the number of a fob or card, for the bridge alone. */
  seal(secret: string): Promise<string> {
    return seal(secret, this.#parts.key.sealingKey);
  }

  /** Signs, keeps, sends; resolves with the final reply, good or bad. @throws NoReplyError, BrokerError */
  async send<T extends CommandType>(
    type: T,
    body: BodyIn<T>,
    options: SendOptions = {},
  ): Promise<Reply> {
    const first = await this.#sendOnce(type, body, options);
    if (first.code !== 'nonce_stale') return first;
    // It was rotated while we signed. Nothing was done, so a new command with the new one is the same wish.
    const stale = this.#state?.nonces[0];
    await this.#until(() => this.#state?.nonces[0] !== stale, STATE_WITHIN);
    return this.#sendOnce(type, body, options);
  }

  /** Makes the command without sending it: the bytes can be sent any number of times. */
  async make<T extends CommandType>(type: T, body: BodyIn<T>): Promise<PendingCommand> {
    const { key, topics, requester, clock, random } = this.#parts;
    const rule = RULES[type];
    const nonce = rule.nonce ? await this.#nonce() : undefined;
    return key.next(async (counter) => {
      const iat = Math.floor(clock.now() / 1000);
      const exp = iat + rule.life;
      const id = uuid7(clock.now(), random);
      const ctr = counter <= Number.MAX_SAFE_INTEGER ? Number(counter) : counter.toString();
      const envelope = {
        v: 1,
        id,
        type,
        aud: topics.bridge,
        iat,
        exp,
        ...(rule.counter ? { ctr } : {}),
        ...(nonce === undefined ? {} : { nonce }),
        requester,
        body,
      };
      return { id, type, exp, token: signNow(envelope, COMMAND_TYP, key) };
    });
  }

  /** Sends what was made, again and again until its reply comes. */
  async deliver(command: PendingCommand, options: SendOptions = {}): Promise<Reply> {
    const { clock, key } = this.#parts;
    const { promise, resolve } = Promise.withResolvers<Reply>();
    const began = clock.uptime();
    const within = options.within ?? REPLY_WITHIN;
    const left = Math.max(0, command.exp * 1000 - clock.now());
    let deadline = uptime(began + Math.min(within, left + 60_000));
    // What is worked on is answered whatever its age by then: an update takes longer than its command may live.
    const accepted = () => {
      deadline = uptime(began + within);
      options.accepted?.();
    };
    this.#waiting.set(command.id, { resolve, accepted });
    try {
      for (;;) {
        await this.#publishCommand(command);
        const again = Math.min(clock.uptime() + SEND_AGAIN_AFTER, deadline);
        const silence = Promise.withResolvers<undefined>();
        const timer = clock.wakeAt(uptime(again), () => silence.resolve(undefined));
        const reply = await Promise.race([promise, silence.promise]);
        timer.cancel();
        if (reply !== undefined) {
          await key.answered(command.id);
          return reply;
        }
        if (clock.uptime() >= deadline) throw new NoReplyError(command.id);
      }
    } finally {
      this.#waiting.delete(command.id);
    }
  }

  /** When the bridge is ready for a whole snapshot: after a connect, each of a fleet has its own moment. */
  async snapshotTurn(): Promise<void> {
    const { clock } = this.#parts;
    await this.#until(() => this.#state !== undefined, STATE_WITHIN);
    const wait = (this.#state?.snapshotFrom ?? 0) - clock.now();
    if (wait > 0) await pause(clock, Math.min(wait, SNAPSHOT_WAIT_MOST));
  }

  /** Begins to follow events. One call a client. @throws BrokerError */
  async follow(options: FollowOptions): Promise<void> {
    if (this.#feed !== undefined) throw new Error('events are followed already');
    const { topics, key, clock } = this.#parts;
    this.#feed = new EventFeed(
      {
        topics,
        key,
        clock,
        state: () => this.#state,
        publish: (message) => this.#publish(message),
        resend: (range) => {
          this.send('events.resend', range).catch((problem: unknown) => {
            if (!(problem instanceof NoReplyError || problem instanceof BrokerError)) throw problem;
          });
        },
      },
      options,
    );
    await this.#session?.subscribe([`${topics.base}/evt/+`]);
  }

  /** Waits until what the bridge tells of itself is as wished. Rejects after `within`. */
  async until(reached: (client: CloudClient) => boolean, within: Millis): Promise<void> {
    if (!(await this.#until(() => reached(this), within))) {
      throw new Error(`not reached within ${within} ms: ${reached}`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#feed?.close();
    this.#ending.abort();
    await this.#session?.close();
  }

  async #sendOnce<T extends CommandType>(
    type: T,
    body: BodyIn<T>,
    options: SendOptions,
  ): Promise<Reply> {
    return this.deliver(await this.make(type, body), options);
  }

  async #publishCommand({ type, token, id, exp }: PendingCommand): Promise<void> {
    const { topics, clock } = this.#parts;
    await this.#publish({
      topic: topics.command(type),
      payload: Buffer.from(token),
      qos: 1,
      retain: false,
      expirySeconds: Math.max(1, exp - Math.floor(clock.now() / 1000)),
      contentType: 'application/jose',
      correlation: id,
    });
  }

  #publish(message: BrokerMessage): Promise<void> {
    return (
      this.#session?.publish(message) ?? Promise.reject(new BrokerError('closed', 'not connected'))
    );
  }

  /** The newest session nonce; waits for the bridge's first word where there was none yet. */
  async #nonce(): Promise<string> {
    await this.#until(() => this.#state?.nonces[0] !== undefined, STATE_WITHIN);
    const nonce = this.#state?.nonces[0];
    if (nonce === undefined) throw new Error('the bridge has not published its state');
    return nonce;
  }

  async #receive({ topic, payload }: ReceivedMessage): Promise<void> {
    const { topics, requester } = this.#parts;
    const value = parseJson(payload);
    if (topic === topics.reply(requester)) this.#takeReply(value);
    else if (topic === topics.state) {
      this.#state = stateSchema.safeParse(value).data ?? this.#state;
      this.#notify();
    } else if (topic === topics.status) {
      const status = statusSchema.safeParse(value).data;
      // A late will of an older session says nothing about the newer one.
      if (status !== undefined && status.bdSeq >= (this.#status?.bdSeq ?? 0)) this.#status = status;
      this.#notify();
    } else if (topic.startsWith(`${topics.base}/dev/`)) {
      const device = deviceStateSchema.safeParse(value).data;
      if (device !== undefined) this.#devices.set(device.dev, device);
      else if (payload.length === 0) this.#devices.delete(topic.split('/').at(-2) ?? '');
      this.#notify();
    } else if (topic.startsWith(`${topics.base}/evt/`)) {
      await this.#feed?.take(value);
    }
  }

  #takeReply(value: unknown): void {
    const read = replySchema.safeParse(value);
    if (!read.success) return;
    const waiting = this.#waiting.get(read.data.id);
    if (waiting === undefined) return;
    if (read.data.status === 'accepted') waiting.accepted?.();
    else waiting.resolve(plainReply(value));
  }

  #notify(): void {
    for (const changed of [...this.#changed]) changed();
  }

  async #until(reached: () => boolean, within: Millis): Promise<boolean> {
    if (reached()) return true;
    const { clock } = this.#parts;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const check = () => {
      if (reached()) resolve(true);
    };
    this.#changed.add(check);
    const timer = clock.wakeAt(uptime(clock.uptime() + within), () => resolve(reached()));
    const result = await promise;
    timer.cancel();
    this.#changed.delete(check);
    return result;
  }
}

// Checked by its schema just before; what that schema's own type cannot say is that all of it is plain JSON.
function plainReply(value: unknown): Reply {
  return value as Reply;
}
