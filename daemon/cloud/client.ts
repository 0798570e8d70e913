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
import { digestOf } from '../store/digest.ts';
import { type Broker, BrokerError, type BrokerSession, type ReceivedMessage } from './broker.ts';
import type { ClientKey, PendingCommand } from './client-key.ts';
import { type COMMAND_BODIES, type CommandType, RULES } from './commands.ts';
import { EventFollower, type Watermark } from './event-follower.ts';
import { seal } from './jose.ts';
import { parseJson, signNow } from './jws.ts';
import {
  ACK_TYP,
  type Ack,
  COMMAND_TYP,
  deviceStateSchema,
  eventsSchema,
  type Reply,
  replySchema,
  stateSchema,
  statusSchema,
  type WireDeviceState,
  type WireEvent,
  type WireState,
  type WireStatus,
} from './messages.ts';
import { EXPIRY_SECONDS, type Topics } from './topics.ts';
import type { UnderstoodGrant } from './wire-grant.ts';

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

export interface FollowOptions {
  /**
   * Called once for each event, in the order of arrival; the acknowledgement follows when it has resolved. One that
   * is not genuine was made or changed on its way, or does not fit to its neighbours.
   */
  readonly event: (event: WireEvent, genuine: boolean) => void | Promise<void>;
  /** Tell the bridge what was seen. Exactly one follower of a bridge should. Default true. */
  readonly acknowledge?: boolean;
  /** What an earlier follower saw. */
  readonly from?: Watermark;
  /** Called with each watermark before it is acknowledged, so that it can be kept. */
  readonly keep?: (watermark: Watermark) => void | Promise<void>;
}

export interface SendOptions {
  /** How long to wait for the final reply. Default 15 s; the command's own life bounds it. */
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
const KEPT_SECONDS = 7 * 86_400;
const ACK_GATHER: Millis = 50;
/** A hole that stays this long is asked for. */
const HOLE_PATIENCE: Millis = 3_000;
const HOLE_MOST = 5_000;
/** Grants in one part of a snapshot, and its size as JSON (conventions 1.7). */
const PART_GRANTS = 100;
const PART_BYTES = 40 * 1024;

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
  #following: (FollowOptions & { readonly follower: EventFollower }) | undefined;
  #ackDue = false;
  #holeSince: number | undefined;

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
          ...(this.#following === undefined ? [] : [`${base}/evt/+`]),
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
    return this.#following?.follower.watermark;
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
    this.#waiting.set(command.id, { resolve, accepted: options.accepted });
    const left = Math.max(0, command.exp * 1000 - clock.now());
    const deadline = uptime(
      clock.uptime() + Math.min(options.within ?? REPLY_WITHIN, left + 60_000),
    );
    try {
      for (;;) {
        await this.#publishCommand(command);
        const wait = Math.min(SEND_AGAIN_AFTER, deadline - clock.uptime());
        const over = new AbortController();
        const reply = await Promise.race([
          promise,
          pause(clock, Math.max(0, wait), over.signal).then(() => undefined),
        ]);
        over.abort();
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

  /** Begins to follow events. One call a client. @throws BrokerError */
  async follow(options: FollowOptions): Promise<void> {
    if (this.#following !== undefined) throw new Error('events are followed already');
    this.#following = { ...options, follower: new EventFollower(options.from) };
    await this.#session?.subscribe([`${this.#parts.topics.base}/evt/+`]);
    this.#askForHoles();
  }

  /** The whole picture in parts; the reply to the last, or to the first that was refused. */
  async snapshot(version: number, grants: readonly UnderstoodGrant[]): Promise<Reply> {
    const parts = partsOf(grants);
    const { clock, random } = this.#parts;
    const snap = uuid7(clock.now(), random);
    const digest = digestOf(grants);
    let reply: Reply | undefined;
    for (const [index, part] of parts.entries()) {
      reply = await this.send('grants.snapshot', {
        snap,
        version,
        part: index + 1,
        parts: parts.length,
        grants: [...part],
        digest,
      });
      if (reply.status !== 'ok') return reply;
    }
    if (reply === undefined) throw new Error('a snapshot has at least one part');
    return reply;
  }

  /** Waits until what the bridge tells of itself is as wished. Rejects after `within`. */
  async until(reached: (client: CloudClient) => boolean, within: Millis): Promise<void> {
    if (!(await this.#until(() => reached(this), within))) {
      throw new Error(`not reached within ${within} ms: ${reached}`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
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
    const session = this.#session;
    if (session === undefined) throw new BrokerError('closed', 'not connected');
    const { topics, clock } = this.#parts;
    await session.publish({
      topic: topics.command(type),
      payload: Buffer.from(token),
      qos: 1,
      retain: false,
      expirySeconds: Math.max(1, exp - Math.floor(clock.now() / 1000)),
      contentType: 'application/jose',
      correlation: id,
    });
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
      this.#notify();
    } else if (topic.startsWith(`${topics.base}/evt/`)) {
      await this.#takeEvents(value);
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

  async #takeEvents(value: unknown): Promise<void> {
    const following = this.#following;
    if (following === undefined || !eventsSchema.safeParse(value).success) return;
    for (const event of plainEvents(value)) {
      const taken = following.follower.take(event);
      if (taken.kind === 'other-epoch') {
        // Only the bridge's own state says that its journal was made anew.
        if (this.#state?.epoch !== event.epoch) continue;
        following.follower.changeEpoch(event.epoch);
        following.follower.take(event);
        await following.event(event, true);
      } else if (taken.kind === 'new' || taken.kind === 'forged') {
        await following.event(event, taken.kind === 'new' && taken.genuine);
      }
    }
    this.#ackSoon();
  }

  #ackSoon(): void {
    if (this.#following?.acknowledge === false || this.#ackDue) return;
    this.#ackDue = true;
    const { clock } = this.#parts;
    clock.wakeAt(uptime(clock.uptime() + ACK_GATHER), () => {
      this.#ackDue = false;
      void this.#acknowledge();
    });
  }

  async #acknowledge(): Promise<void> {
    const following = this.#following;
    const watermark = following?.follower.watermark;
    const session = this.#session;
    if (following === undefined || watermark === undefined || session === undefined) return;
    await following.keep?.(watermark);
    const { topics, key, clock } = this.#parts;
    const iat = Math.floor(clock.now() / 1000);
    const ack: Ack = { v: 1, aud: topics.bridge, iat, ...watermark };
    const token = signNow(ack, ACK_TYP, key);
    try {
      await session.publish({
        topic: topics.ack,
        payload: Buffer.from(token),
        qos: 1,
        retain: false,
        expirySeconds: EXPIRY_SECONDS.ack,
        contentType: 'application/jose',
      });
    } catch (problem) {
      // The bridge sends the events again, and they are acknowledged then.
      if (!(problem instanceof BrokerError)) throw problem;
    }
  }

  /** Looks now and then whether something is missing that does not come by itself. */
  #askForHoles(): void {
    const { clock } = this.#parts;
    if (this.#ending.signal.aborted) return;
    const timer = clock.wakeAt(uptime(clock.uptime() + HOLE_PATIENCE), () => {
      const hole = this.#hole();
      const since = this.#holeSince;
      this.#holeSince = hole?.from;
      if (hole !== undefined && hole.from === since && this.#session !== undefined) {
        const to = Math.min(hole.to, hole.from + HOLE_MOST - 1);
        const wanted = { epoch: hole.epoch, from: hole.from, to };
        void this.send('events.resend', wanted).catch((problem: unknown) => {
          if (!(problem instanceof NoReplyError || problem instanceof BrokerError)) throw problem;
        });
      }
      this.#askForHoles();
    });
    this.#ending.signal.addEventListener('abort', () => timer.cancel(), { once: true });
  }

  /** Below something seen, or below what the bridge says there is. */
  #hole(): { readonly epoch: string; readonly from: number; readonly to: number } | undefined {
    const following = this.#following;
    const state = this.#state;
    if (following === undefined || following.acknowledge === false) return undefined;
    const watermark = following.follower.watermark;
    const missing = following.follower.missing;
    if (watermark !== undefined && missing !== undefined) return { ...watermark, ...missing };
    if (state === undefined || (watermark !== undefined && watermark.epoch !== state.epoch)) {
      return undefined;
    }
    const from = (watermark?.seq ?? state.acked) + 1;
    return from > state.lastSeq ? undefined : { epoch: state.epoch, from, to: state.lastSeq };
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

function partsOf(grants: readonly UnderstoodGrant[]): UnderstoodGrant[][] {
  const parts: UnderstoodGrant[][] = [[]];
  let bytes = 0;
  for (const grant of grants) {
    const size = Buffer.byteLength(JSON.stringify(grant)) + 1;
    const part = parts.at(-1) ?? [];
    if (part.length > 0 && (part.length >= PART_GRANTS || bytes + size > PART_BYTES)) {
      parts.push([grant]);
      bytes = size;
    } else {
      part.push(grant);
      bytes += size;
    }
  }
  return parts;
}

// Checked by their schemas just before; what the schemas' own types cannot say is that all of it is plain JSON.
function plainReply(value: unknown): Reply {
  return value as Reply;
}

function plainEvents(value: unknown): readonly WireEvent[] {
  const message = value as WireEvent | { readonly batch: readonly WireEvent[] };
  return 'batch' in message ? message.batch : [message];
}
