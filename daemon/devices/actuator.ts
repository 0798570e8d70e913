/**
 * The queue of one bus. What is asked of its devices goes to the wire one at a time, looked at once more just before,
 * and whatever happens ends in exactly one result.
 */
import PQueue from 'p-queue';
import {
  type Actuation,
  type ActuationId,
  type ActuationOutcome,
  type DeviceEvent,
  movesSomething,
} from '../../drivers/contract/device.ts';
import { type Clock, type Millis, pause, type Timer, uptime } from '../../drivers/contract/time.ts';

/** An opening waits at most this long for its turn (P6): who asked has pulled at the door and left. */
const OPENING_WAIT: Millis = 2000;
/** How long the next one waits for the result of the one before; the machine spaces them from there on. */
const NEXT_AFTER: Millis = 400;
/** A machine that gives no result has broken its promise; somebody waits for one all the same. */
const RESULT_WITHIN: Millis = 60_000;
/** Actuations that may wait on one bus; more than this is a fault of whoever asks. */
const WAITING_MAX = 64;
/** Ended ones that are remembered, so that an id asked again moves nothing. */
const ENDED_MAX = 4096;

export interface ActuatorParts {
  readonly clock: Clock;
  /** What connecting may take once it is its turn; 0 on a wire. */
  readonly connects: Millis;
  /** Looks again at grant, lockdown and place; `false` takes the actuation back. */
  beforeWire(actuation: Actuation): boolean;
  /** Hands it to the machine, which answers with a result. */
  hand(actuation: Actuation): void;
  /** Takes it back from the machine where it is not on the wire yet. */
  takeBack(id: ActuationId): void;
  onResult(event: DeviceEvent & { readonly kind: 'actuation-result' }): void;
}

interface Asked {
  readonly actuation: Actuation;
  readonly ended: PromiseWithResolvers<void>;
  /** Gives up its place in the queue, where it waits in one. */
  giveUp: (() => void) | undefined;
  /** Ends the wait for a turn, then the wait for a result. */
  timer: Timer;
  isHanded: boolean;
}

export class Actuator {
  readonly #parts: ActuatorParts;
  /** One turn at a time: what moves something before what only asks, each in its order. */
  readonly #queue = new PQueue({ concurrency: 1 });
  readonly #asked = new Map<ActuationId, Asked>();
  readonly #ended = new Set<ActuationId>();
  #stopped = false;

  constructor(parts: ActuatorParts) {
    this.#parts = parts;
  }

  /** Asked and not yet ended. */
  get length(): number {
    return this.#asked.size;
  }

  /** Feedback is for somebody who stands there now: it neither waits nor has a result. */
  enqueue(actuation: Actuation): void {
    const { clock, hand } = this.#parts;
    if (actuation.kind === 'feedback') {
      if (!this.#stopped && clock.uptime() < actuation.expiresAt) hand(actuation);
      return;
    }
    if (this.#asked.has(actuation.id) || this.#ended.has(actuation.id)) return; // at most once (P3)
    const moves = movesSomething(actuation);
    const now = clock.uptime();
    const turnBy = uptime(Math.min(actuation.expiresAt, moves ? now + OPENING_WAIT : Infinity));
    // The wait for a turn is over by then; a peripheral must still be connected to.
    const limited = { ...actuation, expiresAt: uptime(turnBy + this.#parts.connects) };
    const asked: Asked = {
      actuation: limited,
      ended: Promise.withResolvers(),
      giveUp: undefined,
      isHanded: false,
      timer: clock.wakeAt(turnBy, () => this.#refuse(asked, 'waited too long')),
    };
    this.#asked.set(actuation.id, asked);
    if (this.#stopped) this.#refuse(asked, 'the daemon is stopping');
    else if (now >= turnBy) this.#refuse(asked, 'asked too late');
    else if (actuation.urgent === true) this.#release(asked);
    else if (this.#asked.size > WAITING_MAX) this.#refuse(asked, 'too many requests on this bus');
    else this.#await(asked, moves ? 1 : 0);
  }

  /** Takes back what is not on the wire yet; each ends as `refused`, what is on the wire as it turns out. */
  withdraw(which: (actuation: Actuation) => boolean): void {
    for (const asked of [...this.#asked.values()]) {
      if (!which(asked.actuation)) continue;
      if (asked.isHanded) this.#parts.takeBack(asked.actuation.id);
      else this.#refuse(asked, 'withdrawn');
    }
  }

  /** A result of the machine; a second one of the same actuation is dropped. */
  hear(event: DeviceEvent & { readonly kind: 'actuation-result' }): void {
    const asked = this.#asked.get(event.actuation);
    if (asked === undefined) return;
    this.#asked.delete(event.actuation);
    this.#remember(event.actuation);
    asked.timer.cancel();
    asked.ended.resolve();
    this.#parts.onResult(event);
  }

  /** Takes nothing more, takes back what is not on the wire, and gives what is there `within` to end. */
  async stop(within: Millis): Promise<void> {
    this.#stopped = true;
    for (const asked of [...this.#asked.values()]) {
      if (asked.isHanded) this.#parts.takeBack(asked.actuation.id);
      else this.#refuse(asked, 'the daemon is stopping');
    }
    const underWay = [...this.#asked.values()].map(({ ended }) => ended.promise);
    const allEnded = new AbortController();
    void Promise.all(underWay).then(() => allEnded.abort());
    await pause(this.#parts.clock, within, allEnded.signal);
  }

  /**
   * Who waits for a dead device must not hold up a release for fire (P14). What its driver was given before, and would
   * send after it, would shut the lock again sooner.
   */
  #release(asked: Asked): void {
    const { actuation } = asked;
    this.withdraw((other) => shutsSooner(other, actuation));
    void this.#turn(asked);
  }

  /** Where the bus is free, at once: a queue of nobody takes 65 to 98 µs to pass (measured), in which a door stays shut. */
  #await(asked: Asked, priority: number): void {
    const queue = this.#queue;
    if (queue.isPaused || queue.pending > 0) {
      const refused = new AbortController();
      asked.giveUp = () => refused.abort();
      const { signal } = refused;
      // Who is refused while it waits has its result already.
      queue.add(() => this.#turn(asked), { priority, signal }).catch(() => undefined);
      return;
    }
    queue.pause();
    void this.#turn(asked).finally(() => queue.start());
  }

  async #turn(asked: Asked): Promise<void> {
    const { clock, beforeWire, hand } = this.#parts;
    const { actuation } = asked;
    if (!this.#asked.has(actuation.id)) return; // refused while it waited
    if (clock.uptime() >= actuation.expiresAt) {
      this.#refuse(asked, 'waited too long');
      return;
    }
    if (!beforeWire(actuation)) {
      this.#refuse(asked, 'no longer allowed');
      return;
    }
    asked.isHanded = true;
    asked.timer.cancel();
    asked.timer = clock.wakeAt(uptime(clock.uptime() + RESULT_WITHIN), () =>
      this.#end(asked, {
        result: 'unknown',
        sent: true,
        acknowledged: false,
        observed: false,
        detail: 'the driver gave no result',
      }),
    );
    hand(actuation);
    await this.#ending(asked);
  }

  /**
   * Until it has its result, at most `NEXT_AFTER`. Not by a signal: to abort one makes an exception and runs listeners,
   * and whoever waits for the result waits for that too (60 to 80 µs, measured).
   */
  #ending({ ended }: Asked): Promise<void> {
    const { clock } = this.#parts;
    return new Promise((resolve) => {
      const timer = clock.wakeAt(uptime(clock.uptime() + NEXT_AFTER), resolve);
      void ended.promise.then(() => {
        timer.cancel();
        resolve();
      });
    });
  }

  #remember(id: ActuationId): void {
    this.#ended.add(id);
    for (const oldest of this.#ended) {
      if (this.#ended.size <= ENDED_MAX) break;
      this.#ended.delete(oldest);
    }
  }

  #refuse(asked: Asked, detail: string): void {
    asked.giveUp?.(); // openings go first: its turn might never come
    const nothing = { sent: false, acknowledged: false, observed: false };
    this.#end(asked, { result: 'refused', ...nothing, detail });
  }

  #end({ actuation: { id, device } }: Asked, outcome: ActuationOutcome): void {
    this.hear({ kind: 'actuation-result', device, actuation: id, ...outcome });
  }
}

/** The newest unlocking is the one that a lock times. */
function shutsSooner(other: Actuation, release: Actuation): boolean {
  if (other.device !== release.device || release.kind !== 'unlock') return false;
  return other.kind === 'lock' || (other.kind === 'unlock' && other.hold < release.hold);
}
