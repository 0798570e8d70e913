/** Keeps the interval of the clock: looks at the wall clock and at what the system knows, and writes marks down. */
import {
  type Clock,
  type Instant,
  instant,
  type Millis,
  type Timer,
  type Uptime,
  uptime,
} from '../../drivers/contract/time.ts';
import { flagIn, isObject, numberIn, objectIn, textIn, toJsonObject } from '../access/body.ts';
import {
  beginClock,
  type ClockInput,
  type ClockMarks,
  type ClockOptions,
  type ClockState,
  type ClockStep,
  intervalAt,
  stepClock,
} from '../access/clock-interval.ts';
import type { Json, JsonObject, Stamp } from '../access/entry.ts';
import type { RtcReading } from '../access/hardware-clock.ts';
import type { ClockInterval } from '../access/model.ts';
import { type Journal, StorageError } from '../store/ports.ts';

const MARK = 'clock.marks';
/** A jump of the wall clock is noticed within this time. */
const LOOK_EVERY: Millis = 1000;
/** The clock with the battery is compared with time servers; asking it more often would only load its wire. */
const COMPARED_EVERY: Millis = 3_600_000;

export interface ClockKeeperParts {
  readonly clock: Clock;
  readonly journal: Journal;
  readonly boot: string;
  readonly options: ClockOptions;
  /** Moments that have certainly passed: when this version was built, say. */
  readonly floors: readonly Instant[];
  /** By the wall clock, the last contact of the system with a time server; `undefined`: none in this boot of the machine. */
  readonly lastContact: () => Instant | undefined;
  /** What the clock with the battery says, where there is one. */
  readonly hardwareClock?: (() => RtcReading | undefined) | undefined;
  /** The interval, or what is believed of it, has changed by more than time passing. */
  readonly changed: () => void;
}

export class ClockKeeper implements Disposable {
  readonly #parts: ClockKeeperParts;
  #state: ClockState;
  #timer: Timer | undefined;
  /** When the clock with the battery was compared last, and at which contact. */
  #compared: { readonly contact: number; readonly at: Uptime } | undefined;

  constructor(parts: ClockKeeperParts) {
    this.#parts = parts;
    const { clock, journal, boot, floors, hardwareClock } = parts;
    const newest = journal.entry(journal.lastSeq)?.stamp.clock.lo;
    const step = beginClock({
      boot,
      uptime: clock.uptime(),
      wall: clock.now(),
      marks: marksIn(journal.mark(MARK)),
      floors: newest === undefined ? floors : [...floors, newest],
      rtc: parts.lastContact() === undefined ? hardwareClock?.() : undefined,
    });
    this.#state = step.state;
    this.#keep(step);
    this.#look();
  }

  interval(): ClockInterval {
    return intervalAt(this.#state, this.#parts.clock.uptime(), this.#parts.options);
  }

  stamp(): Stamp {
    const { clock, boot } = this.#parts;
    return { at: clock.now(), uptime: clock.uptime(), boot, clock: this.interval() };
  }

  /** From a signed `time` command with a fresh nonce. */
  signedTime(at: Instant, error: Millis): void {
    this.#take({ kind: 'signed-time', at, error });
  }

  /** From the `Date` of a TLS-authenticated answer: a witness where time is not known, and nothing where it is. */
  tlsDate(at: Instant, roundTrip: Millis): void {
    if (!this.isKnown) this.#take({ kind: 'tls-date', at, roundTrip });
  }

  /** From an administrator of the site; `false` where time is known, and nothing is to be confirmed. */
  stated(at: Instant, error: Millis): boolean {
    if (this.isKnown) return false;
    this.#take({ kind: 'stated', at, error });
    return this.isKnown;
  }

  get isKnown(): boolean {
    const { state } = this.interval();
    return state === 'trusted' || state === 'holdover';
  }

  /** The wall clock, where time is known and the clock has not jumped out of what is known since it was looked at. */
  known(): Instant | undefined {
    const { lo, hi } = this.interval();
    const now = this.#parts.clock.now();
    return this.isKnown && lo <= now && now <= hi ? now : undefined;
  }

  [Symbol.dispose](): void {
    this.#timer?.cancel();
  }

  #look(): void {
    const { clock, lastContact } = this.#parts;
    const contact = lastContact();
    this.#take({ kind: 'look', wall: clock.now(), contact, rtc: this.#compare(contact) });
    this.#timer = clock.wakeAt(uptime(clock.uptime() + LOOK_EVERY), () => this.#look());
  }

  #compare(contact: number | undefined): RtcReading | undefined {
    const { clock, hardwareClock } = this.#parts;
    const last = this.#compared;
    if (hardwareClock === undefined || contact === undefined || contact === last?.contact) return;
    if (last !== undefined && clock.uptime() - last.at < COMPARED_EVERY) return;
    this.#compared = { contact, at: clock.uptime() };
    return hardwareClock();
  }

  #take(input: ClockInput): void {
    const { clock, changed } = this.#parts;
    const before = this.#state.state;
    const step = stepClock(this.#state, input, clock.uptime());
    this.#state = step.state;
    this.#keep(step);
    if (before !== step.state.state || step.entries.length > 0) changed();
  }

  #keep({ entries, marks }: ClockStep): void {
    const { journal } = this.#parts;
    // A full disk has its own alarm; the mark is written again within the minute.
    const failed = (error: unknown) => {
      if (!(error instanceof StorageError)) throw error;
    };
    const stamp = this.stamp();
    if (entries.length > 0) journal.append({ stamp, entries, keep: true }).committed.catch(failed);
    if (marks === undefined) return;
    const rows = [{ table: 'mark', name: MARK, value: json(marks) } as const];
    journal.append({ stamp, entries: [], rows }).committed.catch(failed);
  }
}

function json(marks: ClockMarks): JsonObject {
  return toJsonObject({ ...marks, everKnown: marks.everKnown === true });
}

/** As it was written; anything else is no mark at all. */
function marksIn(stored: Json | undefined): ClockMarks | undefined {
  if (!isObject(stored)) return undefined;
  const highWater = numberIn(stored, 'highWater');
  const boot = textIn(stored, 'boot');
  const at = numberIn(stored, 'uptime');
  const graceUsed = numberIn(stored, 'graceUsed');
  if (highWater === undefined || boot === undefined || at === undefined || graceUsed === undefined)
    return undefined;
  return {
    highWater: instant(highWater),
    boot,
    uptime: uptime(at),
    graceUsed,
    everKnown: flagIn(stored, 'everKnown'),
    contact: momentIn(stored, 'contact'),
    wall: momentIn(stored, 'wall'),
    leap: numberIn(stored, 'leap'),
    rtc: rtcIn(objectIn(stored, 'rtc')),
  };
}

function momentIn(stored: JsonObject, name: string): Instant | undefined {
  const at = numberIn(stored, name);
  return at === undefined ? undefined : instant(at);
}

function rtcIn(stored: JsonObject | undefined): ClockMarks['rtc'] {
  const name = stored && textIn(stored, 'name');
  const agreed = stored && numberIn(stored, 'agreed');
  const kept = stored && flagIn(stored, 'kept');
  if (name === undefined || agreed === undefined || kept === undefined) return undefined;
  return { name, agreed: instant(agreed), kept };
}
