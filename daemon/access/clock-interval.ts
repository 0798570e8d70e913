/**
 * What time it is, as far as anybody can tell: an interval `[lo, hi)` with a state (conventions 3.1, as overridden by
 * the design page). Between two pieces of evidence only the monotonic clock counts, so a wall clock that jumps moves
 * nothing; `lo` only ever grows, and is written down every minute in every state.
 */
import {
  type Instant,
  instant,
  type Millis,
  type Uptime,
  uptime,
} from '../../drivers/contract/time.ts';
import { plain } from './body.ts';
import type { Entry, EntryType, Json } from './entry.ts';
import {
  provenBy,
  type RtcAtStart,
  type RtcProof,
  type RtcReading,
  rtcAtStart,
  rtcError,
} from './hardware-clock.ts';
import type { ClockInterval, Policies } from './model.ts';

const MINUTE: Millis = 60_000;
/** No clock is known better than this. */
const LEAST_ERROR: Millis = 100;
/** A crystal without contact drifts by at most so much. */
const DRIFT = 100e-6;
const CONTACT_FOR: Millis = 60 * MINUTE;
const START_COSTS: Millis = 15 * MINUTE;
const TOLERANCE_BACK: Millis = 2 * MINUTE;
const JUMP: Millis = 5 * MINUTE;
const DAY: Millis = 24 * 60 * MINUTE;
/** After a start without time, a time server is believed so far ahead of what has certainly passed, and no farther. */
const FORWARD_MOST: Millis = 30 * DAY;
const TLS_DATE_ERROR: Millis = 2_000;

export interface ClockOptions {
  readonly policy: Policies['clockUntrusted'];
  readonly graceHours: number;
}

/** Written durably whenever a step says so. */
export interface ClockMarks {
  /** A moment that has certainly passed, rounded down to the minute. */
  readonly highWater: Instant;
  /** The uptime it stands for, so that a restart within one boot loses nothing. */
  readonly boot: string;
  readonly uptime: Uptime;
  /** Grace spent since time was last known. */
  readonly graceUsed: Millis;
  /** Time was known once: from then on nobody is believed who comes from too far ahead. */
  readonly everKnown?: boolean | undefined;
  /** The contact with a time server that was seen last. */
  readonly contact?: Instant | undefined;
  /** The wall clock at `uptime`, where it agreed with what was known. */
  readonly wall?: Instant | undefined;
  /** So far ahead was a time server that was not believed; it is not believed after a restart either. */
  readonly leap?: Millis | undefined;
  /** What time servers proved of the clock with the battery. */
  readonly rtc?: RtcProof | undefined;
}

export interface ClockState {
  readonly state: ClockInterval['state'];
  readonly boot: string;
  /** True bounds at `asOf`; `hi` undefined in floor, and in broken where time was not known before. */
  readonly lo: Instant;
  readonly hi: Instant | undefined;
  readonly asOf: Uptime;
  /** Wall clock and uptime as seen last, to tell a jump. */
  readonly wall: Instant;
  readonly wallAt: Uptime;
  /** Which contact of the OS with its time server was used last, and when it was. */
  readonly contact: Instant | undefined;
  readonly contactAt: Uptime | undefined;
  readonly graceUsed: Millis;
  readonly graceAt: Uptime;
  readonly marked: Instant;
  readonly everKnown: boolean;
  /** How far ahead a time server claims to be that is not believed until somebody else confirms it. */
  readonly leap: Millis | undefined;
  /** How far time servers have led forward in small steps; a day forgives `JUMP` of it. */
  readonly walked: Millis;
  readonly walkedAt: Uptime;
  readonly rtc: RtcProof | undefined;
  /** Until the first contact with a time server. */
  readonly rtcAtStart: RtcAtStart | undefined;
}

export interface ClockStart {
  readonly boot: string;
  readonly uptime: Uptime;
  readonly wall: Instant;
  readonly marks: ClockMarks | undefined;
  /** Moments that have passed: build date, newest event, newest signed `iat`, certificate `notBefore`. */
  readonly floors: readonly Instant[];
  /** What the clock with the battery says, where the system had no contact with a time server in this boot. */
  readonly rtc?: RtcReading | undefined;
}

export type ClockInput =
  /**
   * Looked at the OS. `contact` is when, by the wall clock, it last agreed with a time server in this boot of the
   * machine: undefined means never, a new value means a new contact. One from before this process started is as good
   * as a crystal is since then.
   */
  | {
      readonly kind: 'look';
      readonly wall: Instant;
      readonly contact: Instant | undefined;
      readonly error?: Millis;
      /** What the clock with the battery says at this moment, where it was looked at. */
      readonly rtc?: RtcReading | undefined;
    }
  /** A signed `time` command with a fresh nonce. */
  | { readonly kind: 'signed-time'; readonly at: Instant; readonly error: Millis }
  /** `Date` of a TLS-authenticated answer; whole seconds, so ±2 s and the time it took. */
  | { readonly kind: 'tls-date'; readonly at: Instant; readonly roundTrip: Millis }
  /** An administrator of the site looked at another clock. */
  | { readonly kind: 'stated'; readonly at: Instant; readonly error: Millis };

export interface ClockStep {
  readonly state: ClockState;
  readonly entries: readonly Entry[];
  /** To be written before anything relies on it; undefined: nothing new. */
  readonly marks: ClockMarks | undefined;
}

export function beginClock(start: ClockStart): ClockStep {
  const { boot, uptime: now, wall, marks } = start;
  const isSameBoot = marks?.boot === boot;
  const since = isSameBoot ? Math.max(0, now - marks.uptime) : 0;
  const passed = Math.floor(since * (1 - DRIFT));
  const floors = [...start.floors, ...(marks === undefined ? [] : [marks.highWater + passed])];
  const lo = instant(Math.max(0, ...floors));
  // Set by somebody's hand since: a contact from before vouches for nothing any more.
  const leap = isSameBoot && marks.wall !== undefined ? wall - marks.wall - since : undefined;
  const isAsLeft = leap !== undefined && Math.abs(leap) <= LEAST_ERROR;
  const base: ClockState = {
    state: 'floor',
    boot,
    lo,
    hi: undefined,
    asOf: now,
    wall,
    wallAt: now,
    contact: isSameBoot && !isAsLeft ? marks.contact : undefined,
    contactAt: undefined,
    // Within one boot of the machine it is known how long nobody counted.
    graceUsed: (marks?.graceUsed ?? 0) + (isSameBoot ? since : START_COSTS),
    graceAt: now,
    marked: marks?.highWater ?? instant(0),
    everKnown: marks?.everKnown ?? marks !== undefined,
    leap: marks?.leap,
    walked: 0,
    walkedAt: now,
    rtc: marks?.rtc,
    rtcAtStart: rtcAtStart(start.rtc, marks?.highWater, now),
  };
  const error = rtcError(start.rtc, base.rtc, { lo, wall, aheadMost: aheadMost(base) });
  if (start.rtc !== undefined && error !== undefined) {
    const known = knowing(base, 'trusted', start.rtc.at, error, now);
    return withMarks({ ...known, contactAt: now }, [changed(base, known, 'rtc')], now, true);
  }
  const isLeapt = leap !== undefined && Math.abs(leap) > JUMP;
  const isBroken = isLeapt || wall < lo - TOLERANCE_BACK;
  const begun: ClockState = isBroken ? { ...base, state: 'broken' } : base;
  const entries = isBroken ? [jumped(begun, isLeapt ? leap : wall - lo)] : [];
  return withMarks(begun, [...entries, changed(undefined, begun, 'start')], now, true);
}

export function stepClock(before: ClockState, input: ClockInput, now: Uptime): ClockStep {
  const { state, entries } = heard(age(before, now), input, now);
  const isNews = before.state !== state.state;
  const news = isNews ? [changed(before, state, undefined)] : [];
  return withMarks(state, [...entries, ...news], now, isNews || before.leap !== state.leap);
}

type Heard = Pick<ClockStep, 'state' | 'entries'>;

function heard(state: ClockState, input: ClockInput, now: Uptime): Heard {
  switch (input.kind) {
    case 'look':
      return look(state, input, now);
    case 'signed-time':
      return told(state, input.at, input.error, input.kind, now);
    case 'tls-date':
      return told(state, input.at, TLS_DATE_ERROR + input.roundTrip, input.kind, now);
    case 'stated':
      return told(state, input.at, input.error, input.kind, now);
    default:
      return input satisfies never;
  }
}

/** Spends grace while time is not known, and lets a contact grow old. */
function age(state: ClockState, now: Uptime): ClockState {
  // Where it is broken and yet bounded by the monotonic clock, nothing is spent: the bounds are as good as before.
  const spent = state.hi !== undefined ? 0 : Math.max(0, now - state.graceAt);
  const aged = { ...state, graceUsed: state.graceUsed + spent, graceAt: now };
  const isOld = state.contactAt !== undefined && now - state.contactAt > CONTACT_FOR;
  return state.state === 'trusted' && isOld ? { ...aged, state: 'holdover' } : aged;
}

function isKnown({ state }: ClockState): boolean {
  return state === 'trusted' || state === 'holdover';
}

function look(
  state: ClockState,
  { wall, contact, error, rtc }: Extract<ClockInput, { kind: 'look' }>,
  now: Uptime,
): Heard {
  const jump = wall - state.wall - (now - state.wallAt);
  // A wall clock that was set back since is not the one that agreed with a server.
  const isNew =
    contact !== undefined && contact !== state.contact && contact <= wall + TOLERANCE_BACK;
  const seen: ClockState = { ...state, wall, wallAt: now };
  const least = lowest(state, now);

  if (wall < least - TOLERANCE_BACK) return broken(seen, wall - least, now);
  // Once time was known, a wall clock that leaps is not believed before the next contact confirms it.
  if (isKnown(state) && Math.abs(jump) > JUMP) return broken(seen, jump, now);
  if (!isNew) return { state: seen, entries: [] };
  const walked = walkedBy(state, wall, now);
  if (isDoubtful(state, wall, walked, now)) return doubted(seen, wall, contact, now);

  const age = Math.max(0, wall - contact);
  const bound = Math.max(LEAST_ERROR, error ?? 0) + DRIFT * age;
  const known = knowing(seen, age > CONTACT_FOR ? 'holdover' : 'trusted', wall, bound, now);
  const proof =
    age <= CONTACT_FOR ? provenBy(state.rtc, state.rtcAtStart, rtc, wall, now) : state.rtc;
  const met = { contact, contactAt: uptime(now - age), walked, walkedAt: now };
  const next: ClockState = { ...known, ...met, rtc: proof, rtcAtStart: undefined };
  return { state: next, entries: isKnown(state) ? [] : [correctionOf(state, next, now)] };
}

/** What time servers led forward beyond our own bounds, so far. */
function walkedBy(state: ClockState, wall: Instant, now: Uptime): Millis {
  const forgiven = (JUMP * Math.max(0, now - state.walkedAt)) / DAY;
  const most = highest(state, now);
  const step = most === undefined ? 0 : Math.max(0, wall - most);
  return Math.max(0, state.walked - forgiven) + step;
}

/**
 * A time server that comes from ahead is a liar, or right where everything else here is wrong: it would open what is
 * for later. Neither in one leap nor in many steps is it believed until somebody else says the same.
 */
function isDoubtful(state: ClockState, wall: Instant, walked: Millis, now: Uptime): boolean {
  if (state.hi !== undefined) return walked > JUMP;
  return state.everKnown && wall - lowest(state, now) > aheadMost(state);
}

/** How far ahead of what has certainly passed somebody is believed who is not authenticated. */
function aheadMost({ leap }: ClockState): Millis {
  return Math.min(FORWARD_MOST, leap === undefined ? FORWARD_MOST : leap - JUMP);
}

function doubted(
  state: ClockState,
  wall: Instant,
  contact: Instant | undefined,
  now: Uptime,
): Heard {
  const ahead = wall - lowest(state, now);
  const seen: ClockState = { ...state, contact, leap: state.leap ?? ahead };
  if (state.hi !== undefined) return broken(seen, ahead, now, 'time-server');
  // It stays as it is, without a time; once is enough to say so.
  const isTold = state.leap !== undefined && state.contact !== undefined;
  return { state: seen, entries: isTold ? [] : [jumped(seen, ahead, 'time-server')] };
}

/** Somebody authenticated says what time it is. It sets the interval where time is not known, else only raises `lo`. */
function told(state: ClockState, at: Instant, error: Millis, by: string, now: Uptime): Heard {
  const bound = Math.max(LEAST_ERROR, error);
  const least = lowest(state, now);
  if (at + bound < least - TOLERANCE_BACK) {
    return { state, entries: [jumped(state, at - least, by)] };
  }
  if (!isKnown(state)) {
    const next: ClockState = { ...knowing(state, 'holdover', at, bound, now), contactAt: now };
    return { state: next, entries: [correctionOf(state, next, now)] };
  }
  const most = highest(state, now);
  if (most !== undefined && at - bound > most + JUMP) return broken(state, at - most, now, by);
  const lo = instant(Math.min(most ?? at, Math.max(least, at - bound)));
  return { state: { ...state, lo, hi: most, asOf: now }, entries: [] };
}

function knowing(
  state: ClockState,
  as: 'trusted' | 'holdover',
  at: Instant,
  error: Millis,
  now: Uptime,
): ClockState {
  // What has certainly passed still has, where the two differ by less than is worth an alarm.
  const least = Math.min(lowest(state, now), at);
  return {
    ...state,
    state: as,
    lo: instant(Math.max(at - error, least)),
    hi: instant(at + error),
    asOf: now,
    graceUsed: 0,
    graceAt: now,
    everKnown: true,
    leap: undefined,
  };
}

/**
 * What certainly passed still has, and where time was known it still bounds now from above by the monotonic clock, so
 * that a leap neither opens early nor ends anything; nothing else is believed until there is new evidence.
 */
function broken(state: ClockState, jump: number, now: Uptime, by?: string): Heard {
  const next: ClockState = {
    ...state,
    state: 'broken',
    lo: lowest(state, now),
    hi: highest(state, now),
    asOf: now,
  };
  return { state: next, entries: state.state === 'broken' ? [] : [jumped(next, jump, by)] };
}

/** `lo` plus what the monotonic clock counted since, less its drift while time is known. */
function lowest(state: ClockState, now: Uptime): Instant {
  const passed = Math.max(0, now - state.asOf);
  return instant(Math.floor(state.lo + passed * (1 - DRIFT)));
}

function highest(state: ClockState, now: Uptime): Instant | undefined {
  if (state.hi === undefined) return undefined;
  return instant(Math.ceil(state.hi + Math.max(0, now - state.asOf) * (1 + DRIFT)));
}

/** A moment that may be now: the machine's own time, or the end of what is certain on its side. */
export function likelyNow(at: Instant, { lo, hi }: ClockInterval): Instant {
  return at < lo ? lo : at > hi ? hi : at;
}

export function intervalAt(state: ClockState, now: Uptime, options: ClockOptions): ClockInterval {
  const aged = age(state, now);
  const lo = lowest(aged, now);
  const hi = highest(aged, now);
  if (hi !== undefined && isKnown(aged)) return { lo, hi, state: aged.state };
  if (hi !== undefined && options.policy !== 'grace') return { lo, hi, state: aged.state };
  if (options.policy === 'deny') {
    return { lo, hi: instant(Number.POSITIVE_INFINITY), state: aged.state };
  }
  const grace = options.graceHours * 60 * MINUTE;
  const graceLeft = Math.max(0, grace - aged.graceUsed);
  return { lo, hi: hi ?? instant(lo + grace), state: aged.state, graceLeft };
}

/** The moment to date entries by: the middle of what is known, else the least. */
export function bestGuess(state: ClockState, now: Uptime): Instant {
  const lo = lowest(state, now);
  const hi = highest(state, now);
  return hi === undefined ? lo : instant(Math.round((lo + hi) / 2));
}

function withMarks(
  state: ClockState,
  entries: readonly Entry[],
  now: Uptime,
  isUrgent: boolean,
): ClockStep {
  const lo = lowest(state, now);
  // The mark never goes back, even where better evidence says that it was a little early.
  const rounded = instant(Math.max(state.marked, Math.floor(lo / MINUTE) * MINUTE));
  const isDue = isUrgent || rounded > state.marked;
  if (!isDue) return { state, entries, marks: undefined };
  const { boot, graceUsed, everKnown, leap, rtc, contact } = state;
  const wall = instant(state.wall + (now - state.wallAt));
  const agrees = isKnown(state) && wall >= lo && wall <= (highest(state, now) ?? wall);
  return {
    state: { ...state, marked: rounded },
    entries,
    marks: {
      highWater: rounded,
      boot,
      uptime: now,
      graceUsed,
      everKnown,
      contact,
      wall: agrees ? wall : undefined,
      leap,
      rtc,
    },
  };
}

function changed(before: ClockState | undefined, after: ClockState, by: string | undefined): Entry {
  const body = { from: before?.state, to: after.state, boot: after.boot, by };
  return entry('system.clock_state', body);
}

/** Lets a reader re-date entries of this boot: their times were too early by so much. */
function correctionOf(before: ClockState, after: ClockState, now: Uptime): Entry {
  const offsetMs = bestGuess(after, now) - bestGuess(before, now);
  return entry('system.clock_corrected', { boot: after.boot, offsetMs, from: before.state });
}

function jumped(state: ClockState, jumpMs: number, by?: string): Entry {
  return entry('security.clock_jump', { boot: state.boot, jumpMs, by, alarm: true });
}

function entry(type: EntryType, fields: { readonly [name: string]: Json | undefined }): Entry {
  return { type, body: plain(fields) };
}
