/** Events as a client of the cloud takes them: each once, acknowledged when it is dealt with, and asked for when it is missing. */
import { type Clock, type Millis, type Timer, uptime } from '../../drivers/contract/time.ts';
import { BrokerError, type BrokerMessage } from './broker.ts';
import type { ClientKey } from './client-key.ts';
import { EventFollower, type Watermark } from './event-follower.ts';
import { signNow } from './jws.ts';
import { ACK_TYP, type Ack, eventsSchema, type WireEvent, type WireState } from './messages.ts';
import { EXPIRY_SECONDS, type Topics } from './topics.ts';

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

export interface EventFeedParts {
  readonly topics: Topics;
  readonly key: Pick<ClientKey, 'kid' | 'key'>;
  readonly clock: Clock;
  /** As the bridge last told it. */
  readonly state: () => WireState | undefined;
  /** Rejects with `BrokerError` where there is no session. */
  readonly publish: (message: BrokerMessage) => Promise<void>;
  /** Asks the bridge for a range that did not come by itself. */
  readonly resend: (range: Range & { readonly epoch: string }) => void;
}

interface Range {
  readonly from: number;
  readonly to: number;
}

/**
 * What comes within this time is acknowledged together, and a backlog by so many: half of where a bridge waits for it.
 * With the last of what the bridge said that it has, nothing more is waited for.
 */
const ACK_GATHER: Millis = 50;
const ACK_MOST = 2_500;
/** A hole that stays this long is asked for. */
const HOLE_PATIENCE: Millis = 1_000;
const HOLE_MOST = 5_000;

export class EventFeed {
  readonly #parts: EventFeedParts;
  readonly #options: FollowOptions;
  readonly #follower: EventFollower;
  #ackDue: Timer | undefined;
  #unacknowledged = 0;
  #acknowledged = 0;
  #timer: Timer | undefined;

  constructor(parts: EventFeedParts, options: FollowOptions) {
    this.#parts = parts;
    this.#options = options;
    this.#follower = new EventFollower(options.from);
    if (options.acknowledge !== false) this.#watchForHoles(undefined);
  }

  get watermark(): Watermark | undefined {
    return this.#follower.watermark;
  }

  close(): void {
    this.#timer?.cancel();
    this.#ackDue?.cancel();
  }

  async take(value: unknown): Promise<void> {
    if (!eventsSchema.safeParse(value).success) return;
    const { event: tell } = this.#options;
    for (const event of plainEvents(value)) {
      this.#unacknowledged += 1;
      const taken = this.#follower.take(event);
      if (taken.kind === 'other-epoch') {
        // Only the bridge's own state says that its journal was made anew.
        if (this.#parts.state()?.epoch !== event.epoch) continue;
        this.#follower.changeEpoch(event.epoch);
        this.#follower.take(event);
        await tell(event, true);
      } else if (taken.kind === 'new' || taken.kind === 'forged') {
        await tell(event, taken.kind === 'new' && taken.genuine);
      }
    }
    this.#acknowledgeSoon();
  }

  #acknowledgeSoon(): void {
    if (this.#options.acknowledge === false) return;
    const { clock } = this.#parts;
    const acknowledge = () => {
      this.#ackDue?.cancel();
      this.#ackDue = undefined;
      this.#unacknowledged = 0;
      void this.#acknowledge();
    };
    if (this.#unacknowledged >= ACK_MOST || this.#hasWhatWasOwed()) acknowledge();
    else this.#ackDue ??= clock.wakeAt(uptime(clock.uptime() + ACK_GATHER), acknowledge);
  }

  #hasWhatWasOwed(): boolean {
    const { watermark } = this.#follower;
    const state = this.#parts.state();
    if (state === undefined || watermark?.epoch !== state.epoch) return false;
    const { lastSeq, acked } = state;
    return watermark.seq >= lastSeq && lastSeq > Math.max(acked, this.#acknowledged);
  }

  async #acknowledge(): Promise<void> {
    const watermark = this.#follower.watermark;
    if (watermark === undefined) return;
    this.#acknowledged = watermark.seq;
    await this.#options.keep?.(watermark);
    const { topics, key, clock, publish } = this.#parts;
    const iat = Math.floor(clock.now() / 1000);
    const ack: Ack = { v: 1, aud: topics.bridge, iat, ...watermark };
    try {
      await publish({
        topic: topics.ack,
        payload: Buffer.from(signNow(ack, ACK_TYP, key)),
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
  #watchForHoles(before: number | undefined): void {
    const { clock, resend } = this.#parts;
    this.#timer = clock.wakeAt(uptime(clock.uptime() + HOLE_PATIENCE), () => {
      const hole = this.#hole();
      if (hole !== undefined && hole.from === before) {
        resend({ ...hole, to: Math.min(hole.to, hole.from + HOLE_MOST - 1) });
      }
      this.#watchForHoles(hole?.from);
    });
  }

  /** Below something seen, or below what the bridge says there is. */
  #hole(): (Range & { readonly epoch: string }) | undefined {
    const { watermark, missing } = this.#follower;
    if (watermark !== undefined && missing !== undefined) {
      return { epoch: watermark.epoch, ...missing };
    }
    const state = this.#parts.state();
    if (state === undefined || (watermark !== undefined && watermark.epoch !== state.epoch)) {
      return undefined;
    }
    const from = (watermark?.seq ?? state.acked) + 1;
    return from > state.lastSeq ? undefined : { epoch: state.epoch, from, to: state.lastSeq };
  }
}

// Checked by the schema just before; what its own type cannot say is that all of it is plain JSON.
function plainEvents(value: unknown): readonly WireEvent[] {
  const message = value as WireEvent | { readonly batch: readonly WireEvent[] };
  return 'batch' in message ? message.batch : [message];
}
