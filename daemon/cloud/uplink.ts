/**
 * The way up: what lies in the journal above the cloud's acknowledgement is sent in order, again after every connect,
 * and again when no acknowledgement comes. Nothing here remembers what must not be lost: the journal does (P8).
 */
import {
  type Clock,
  type Millis,
  type Timer,
  type Uptime,
  uptime,
} from '../../drivers/contract/time.ts';
import type { RecordedEntry, Stamp } from '../access/entry.ts';
import { type Journal, type OutboxLine, StorageError } from '../store/ports.ts';
import { BrokerError } from './broker.ts';
import type { EventFlow } from './command-desk.ts';
import { eventOf, type Parcel, parcelOf, stubOf } from './event.ts';
import { LinesAhead } from './lines-ahead.ts';
import type { OutboxGaps } from './outbox-gaps.ts';
import { Pace } from './pace.ts';
import type { Publish } from './replies.ts';
import type { Topics } from './topics.ts';

export interface UplinkParts {
  readonly journal: Journal;
  readonly topics: Topics;
  readonly publish: Publish;
  readonly gaps: OutboxGaps;
  readonly clock: Clock;
  readonly stamp: () => Stamp;
  /** Messages per second while draining; `Infinity` in tests and in the demo. */
  readonly drainPerSecond: number;
}

/** Events sent beyond the acknowledged ones before an acknowledgement must come. */
const WINDOW = 5_000;
/** A backlog above this is overtaken by what happens now. */
const BACKLOG = 200;
const LIVE_WINDOW = 1_000;
/**
 * What happens within this time is told together, and after the wire: a frame for a lock, and the reply to who asked
 * for it, wait for no event (a third of a millisecond each), also where a card takes 8 ms for each of their commits.
 */
const GATHER: Millis = 20;
/** Messages handed over and not acknowledged by the broker: HiveMQ allows 10 as it comes, AWS 100. */
const IN_FLIGHT = 8;
/** Without any progress in acknowledgements, everything above the watermark is sent again after this long. */
const SEND_AGAIN_AFTER: Millis = 30_000;
const SEND_AGAIN_MOST: Millis = 3_600_000;
const READ_AGAIN_AFTER: Millis = 5_000;
const RESEND_MOST = 5_000;
const RESENDS_WAITING = 16;

interface Range {
  cursor: number;
  readonly to: number;
}

export class Uplink implements EventFlow {
  readonly #parts: UplinkParts;
  readonly #pace: Pace;
  readonly #ahead: LinesAhead;
  readonly #unfollow: () => void;
  /** Ends with the session it belongs to. */
  #session: AbortController | undefined;
  #running: Promise<void> = Promise.resolve();
  /** Everything up to here was handed over in this session, or was acknowledged before. */
  #cursor: number;
  /** What happens while a backlog drains, sent before it; `from` is the first. */
  #live: { readonly from: number; cursor: number } | undefined;
  #resends: Range[] = [];
  #sendAgainAt: Uptime;
  #sendAgainAfter = SEND_AGAIN_AFTER;
  #inFlight = 0;
  #wake: () => void = () => {};
  #gathering: Timer | undefined;
  readonly #told = new Set<number>();

  constructor(parts: UplinkParts) {
    this.#parts = parts;
    this.#ahead = new LinesAhead(parts.journal);
    this.#pace = new Pace(parts.clock, parts.drainPerSecond);
    this.#cursor = parts.journal.acknowledged;
    this.#sendAgainAt = parts.clock.uptime();
    this.#unfollow = parts.journal.follow((entries) => this.#committed(entries));
  }

  /** Events the cloud has not acknowledged. */
  get depth(): number {
    return this.#parts.journal.lastSeq - this.#parts.journal.acknowledged;
  }

  /** A session is there: begins at the watermark. */
  attach(): void {
    this.#session?.abort();
    const session = new AbortController();
    this.#session = session;
    this.#goBack();
    this.#inFlight = 0;
    const before = this.#running;
    this.#running = before.then(() => this.#run(session.signal));
  }

  /** The session is over. */
  detach(): void {
    this.#session?.abort();
    this.#session = undefined;
    this.#wake();
  }

  async close(): Promise<void> {
    this.detach();
    this.#unfollow();
    this.#gathering?.cancel();
    await this.#running;
  }

  async acknowledge(epoch: string, seq: number): Promise<void> {
    const { journal, clock } = this.#parts;
    const before = journal.acknowledged;
    try {
      await journal.acknowledge(epoch, seq);
    } catch (problem) {
      // Not written down: the cloud will be asked again, and says it again.
      if (!(problem instanceof StorageError)) throw problem;
    }
    if (journal.acknowledged > before) {
      this.#sendAgainAfter = SEND_AGAIN_AFTER;
      this.#sendAgainAt = uptime(clock.uptime() + SEND_AGAIN_AFTER);
      this.#parts.gaps.forget(journal.acknowledged);
    }
    this.#cursor = Math.max(this.#cursor, journal.acknowledged);
    this.#wake();
  }

  resend(epoch: string, from: number, to: number): number | 'not-found' | 'limit-exceeded' {
    const { journal } = this.#parts;
    if (epoch !== journal.epoch || from > to || to > journal.lastSeq) return 'not-found';
    if (to - from + 1 > RESEND_MOST || this.#resends.length >= RESENDS_WAITING) {
      return 'limit-exceeded';
    }
    this.#resends.push({ cursor: from - 1, to });
    this.#wake();
    return to - from + 1;
  }

  #committed(entries: readonly RecordedEntry[]): void {
    const [first] = entries;
    if (first === undefined) return;
    if (this.#live === undefined && first.seq - 1 - this.#cursor > BACKLOG) {
      this.#live = { from: first.seq, cursor: first.seq - 1 };
    }
    const { clock } = this.#parts;
    this.#gathering ??= clock.wakeAt(uptime(clock.uptime() + GATHER), () => {
      this.#gathering = undefined;
      this.#wake();
    });
  }

  #goBack(): void {
    this.#cursor = this.#parts.journal.acknowledged;
    this.#live = undefined;
    this.#sendAgainAt = uptime(this.#parts.clock.uptime() + this.#sendAgainAfter);
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#sendAgainWhenDue();
      const isFull = this.#inFlight >= IN_FLIGHT;
      const wait = isFull || !this.#hasNext() ? undefined : this.#pace.take();
      try {
        if (isFull) this.#ahead.fill(this.#cursor, this.#backlogEnd());
        if (wait === undefined || wait > 0) {
          await this.#rest(wait, signal);
          continue;
        }
        const parcel = this.#next();
        if (parcel !== undefined) this.#send(parcel, signal);
      } catch (problem) {
        // The disk does not give it now; it has its own alarm, and the cloud can wait.
        if (!(problem instanceof StorageError)) throw problem;
        await this.#rest(READ_AGAIN_AFTER, signal);
      }
    }
  }

  /** Until something happens, a token is due, or it is time to send again. */
  async #rest(wait: Millis | undefined, signal: AbortSignal): Promise<void> {
    const { clock, journal } = this.#parts;
    if (signal.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    const owed = this.#cursor > journal.acknowledged;
    const again = owed ? this.#sendAgainAt : undefined;
    const due = wait === undefined ? again : uptime(clock.uptime() + wait);
    const timer = due === undefined ? undefined : clock.wakeAt(due, resolve);
    await promise;
    timer?.cancel();
  }

  #sendAgainWhenDue(): void {
    const { clock, journal } = this.#parts;
    if (this.#cursor <= journal.acknowledged || clock.uptime() < this.#sendAgainAt) return;
    this.#sendAgainAfter = Math.min(this.#sendAgainAfter * 2, SEND_AGAIN_MOST);
    this.#goBack();
  }

  #hasNext(): boolean {
    const live = this.#live;
    if (live !== undefined && this.#cursor >= live.from - 1) {
      this.#cursor = Math.max(this.#cursor, live.cursor);
      this.#live = undefined;
      return this.#hasNext();
    }
    return this.#liveWaits() || this.#resends.length > 0 || this.#cursor < this.#backlogEnd();
  }

  #liveWaits(): boolean {
    const live = this.#live;
    if (live === undefined) return false;
    return live.cursor < this.#parts.journal.lastSeq && live.cursor - live.from < LIVE_WINDOW;
  }

  #backlogEnd(): number {
    const { lastSeq, acknowledged } = this.#parts.journal;
    return Math.min(
      this.#live === undefined ? lastSeq : this.#live.from - 1,
      acknowledged + WINDOW,
    );
  }

  /** What happens now, then what was asked for, then the backlog. */
  #next(): Parcel | undefined {
    const live = this.#live;
    if (live !== undefined && this.#liveWaits()) {
      const taken = this.#take(live.cursor, this.#parts.journal.lastSeq, false);
      live.cursor = taken.upTo;
      return taken.parcel;
    }
    const [resend] = this.#resends;
    if (resend !== undefined) {
      const taken = this.#take(resend.cursor, resend.to, true);
      resend.cursor = taken.upTo;
      if (resend.cursor >= resend.to) this.#resends.shift();
      return taken.parcel;
    }
    const taken = this.#take(this.#cursor, this.#backlogEnd(), false);
    this.#cursor = taken.upTo;
    return taken.parcel;
  }

  #take(
    after: number,
    upTo: number,
    asked: boolean,
  ): { readonly parcel: Parcel | undefined; readonly upTo: number } {
    const { gaps } = this.#parts;
    const read = this.#ahead.read(after, upTo);
    const last = read.at(-1)?.seq ?? upTo;
    const due = asked || gaps.isEmpty ? read : read.filter((entry) => !gaps.skips(entry));
    const parcel = parcelOf(due);
    if (parcel === undefined) return { parcel, upTo: last };
    // What was skipped behind the parcel's last entry is skipped with it.
    const left = due[parcel.seqs.length];
    return { parcel, upTo: left === undefined ? last : left.seq - 1 };
  }

  #send(parcel: Parcel, signal: AbortSignal): void {
    this.#inFlight += 1;
    void this.#handOver(parcel, signal).finally(() => {
      if (!signal.aborted) this.#inFlight -= 1;
      this.#wake();
    });
  }

  async #handOver(parcel: Parcel, signal: AbortSignal): Promise<void> {
    for (const line of parcel.oversize) await this.#quarantine(line);
    try {
      await this.#publish(parcel.entryClass, parcel.payload);
    } catch (problem) {
      if (!(problem instanceof BrokerError)) throw problem;
      // A broker that refuses this one message would refuse it for ever; anything else ends with the session.
      if (problem.code === 'too-large' || problem.code === 'refused')
        await this.#oneByOne(parcel, signal);
    }
  }

  async #oneByOne(parcel: Parcel, signal: AbortSignal): Promise<void> {
    const { journal } = this.#parts;
    for (const seq of parcel.seqs) {
      const [line] = journal.outbox(seq - 1, seq, 1);
      if (line === undefined || signal.aborted) continue;
      try {
        if (parcel.seqs.length > 1) {
          await this.#publish(parcel.entryClass, eventOf(line));
          continue;
        }
      } catch (problem) {
        if (!(problem instanceof BrokerError)) throw problem;
        if (problem.code !== 'too-large' && problem.code !== 'refused') return;
      }
      await this.#quarantine(line);
      try {
        await this.#publish(parcel.entryClass, stubOf(line));
      } catch (problem) {
        if (!(problem instanceof BrokerError)) throw problem;
      }
    }
  }

  #publish(entryClass: Parcel['entryClass'], payload: Uint8Array): Promise<void> {
    const topic = this.#parts.topics.events(entryClass);
    return this.#parts.publish({
      topic,
      payload,
      qos: 1,
      retain: false,
      contentType: 'application/json',
    });
  }

  /** Told once a run: the event is at the box only. */
  async #quarantine({ seq, type, from, to }: OutboxLine): Promise<void> {
    if (this.#told.has(seq) || this.#told.size >= 1_000) return;
    this.#told.add(seq);
    const body = { seq, type, bytes: to - from, alarm: true };
    try {
      await this.#parts.journal.append({
        stamp: this.#parts.stamp(),
        entries: [{ type: 'system.quarantined', body }],
      }).committed;
    } catch (problem) {
      if (!(problem instanceof StorageError)) throw problem;
    }
  }
}
