/** One lock board as the bus knows it: what waits for it, what it was seen to do, how well it answers. */
import {
  type Actuation,
  type ActuationId,
  type DeviceEvent,
  type DeviceFault,
  type DeviceStatistics,
  NO_STATISTICS,
} from '../contract/device.ts';
import { type Millis, type Uptime, uptime } from '../contract/time.ts';
import type { Answer, Board, Exchange, Reading } from './board.ts';
import {
  confirmAt,
  hopeUntil,
  type Opening,
  type OpenSlot,
  observed,
  opening,
  outcomeOf,
  refused,
  resultEvent,
  SECOND_LOOK,
} from './board-opening.ts';
import { BLANK_PICTURE, look, type Picture } from './board-picture.ts';

export interface BoardState<Frame> {
  readonly presence: 'unknown' | 'online' | 'offline';
  readonly setupLeft: readonly Exchange<Frame>[];
  readonly pollAt: Uptime;
  /** Time-outs of the current reading, and whole readings that were missed in a row. */
  readonly attempts: number;
  readonly misses: number;
  readonly backoff: Millis;
  readonly picture: Picture;
  readonly waiting: readonly OpenSlot[];
  readonly openings: readonly Opening[];
  readonly rereading: readonly Actuation[];
  readonly nextOpenAt: Uptime;
  readonly restUntil: ReadonlyMap<number, Uptime>;
  /** Points for garbled and doubled replies, taken off again by good ones. */
  readonly suspicion: number;
  readonly faults: ReadonlySet<DeviceFault>;
  /** Oldest request whose reply may still come, and until when: a reply before that may be the older one's. */
  readonly oldestUnanswered: Uptime | undefined;
  readonly lateUntil: Uptime;
  readonly statistics: DeviceStatistics;
}

/** A board's next state and what is to be told of it. */
export interface Said<Frame> {
  readonly state: BoardState<Frame>;
  readonly events: readonly DeviceEvent[];
}

const MISSES_OFFLINE = 3;
const BACKOFF_FIRST: Millis = 1000;
/** A dead board takes at most a fortieth of the bus, and is back within this time. */
const BACKOFF_MOST: Millis = 8000;
const WAITING_MOST = 8;
const SUSPICION_RAISE = 8;
const UNSAFE_AGAIN: Millis = 5000;
/** A reply may come this late after its request. */
const LATE_MOST: Millis = 1500;

export function freshBoard<Frame>(board: Board<Frame>, now: Uptime): BoardState<Frame> {
  return {
    presence: 'unknown',
    setupLeft: board.setup,
    pollAt: now,
    attempts: 0,
    misses: 0,
    backoff: BACKOFF_FIRST,
    picture: BLANK_PICTURE,
    waiting: [],
    openings: [],
    rereading: [],
    nextOpenAt: now,
    restUntil: new Map(),
    suspicion: 0,
    faults: new Set(),
    oldestUnanswered: undefined,
    lateUntil: now,
    statistics: NO_STATISTICS,
  };
}

/** One setting-up request is done; others may have to come before the rest, because something was wrong. */
export function setUp<Frame>(
  { device }: Board<Frame>,
  before: BoardState<Frame>,
  { exchanges = [], because }: Partial<Answer<Frame> & { readonly kind: 'next' }>,
  now: Uptime,
): Said<Frame> {
  const setupLeft = [...exchanges, ...before.setupLeft.slice(1)];
  const state = { ...before, setupLeft, pollAt: now };
  if (because === undefined) return { state, events: [] };
  return raiseFault(device, state, because.fault, because.detail);
}

/** Somebody asks the board for something. */
export function asked<Frame>(
  board: Board<Frame>,
  state: BoardState<Frame>,
  actuation: Actuation,
  now: Uptime,
): Said<Frame> {
  if (actuation.kind === 'feedback') return { state, events: [] };
  if (actuation.kind === 'read-state') {
    const rereading = [...state.rereading, actuation];
    const again = { ...state, rereading, picture: BLANK_PICTURE, pollAt: now };
    if (state.presence !== 'offline') return { state: again, events: [] };
    return { state, events: [refused(actuation, 'the board does not answer')] };
  }
  const why = reasonAgainst(board, state, actuation, now);
  if (why !== undefined || actuation.kind !== 'open-slot') {
    return { state, events: [refused(actuation, why ?? `a lock board cannot ${actuation.kind}`)] };
  }
  return { state: { ...state, waiting: [...state.waiting, actuation] }, events: [] };
}

function reasonAgainst<Frame>(
  board: Board<Frame>,
  state: BoardState<Frame>,
  actuation: Actuation,
  now: Uptime,
): string | undefined {
  if (actuation.kind !== 'open-slot') return undefined;
  // The bound keeps an off-by-one from reaching the codes that open everything.
  if (!board.hasSlot(actuation.slot)) return `the board has no slot ${actuation.slot}`;
  if (actuation.expiresAt <= now) return 'expired before it could be sent';
  if (state.presence === 'offline') return 'the board does not answer';
  if (state.waiting.length >= WAITING_MOST) return 'too many openings wait for this board';
  return undefined;
}

/** Takes back what is not yet on the wire. */
export function withdrawn<Frame>(state: BoardState<Frame>, id: ActuationId): Said<Frame> {
  const taken = state.waiting.filter((actuation) => actuation.id === id);
  const waiting = state.waiting.filter((actuation) => actuation.id !== id);
  return {
    state: { ...state, waiting },
    events: taken.map((actuation) => refused(actuation, 'withdrawn')),
  };
}

/** The opening that may be put on the wire now. */
export function readyOpening<Frame>(state: BoardState<Frame>, now: Uptime): OpenSlot | undefined {
  if (state.presence !== 'online' || state.nextOpenAt > now) return undefined;
  return state.waiting.find(({ slot }) => (state.restUntil.get(slot) ?? now) <= now);
}

/** It leaves: never to be sent again, whatever becomes of it. */
export function leaving<Frame>(state: BoardState<Frame>, actuation: OpenSlot): BoardState<Frame> {
  const { statistics } = state;
  return {
    ...state,
    waiting: state.waiting.filter(({ id }) => id !== actuation.id),
    statistics: { ...statistics, actuations: statistics.actuations + 1 },
  };
}

export function hasLeft<Frame>(
  { timing }: Board<Frame>,
  state: BoardState<Frame>,
  actuation: OpenSlot,
  now: Uptime,
): BoardState<Frame> {
  const restUntil = new Map([...state.restUntil].filter(([, until]) => until > now));
  restUntil.set(actuation.slot, uptime(now + timing.slotRest));
  const firstConfirm = timing.confirmAfter[0] ?? 0;
  return {
    ...state,
    openings: [...state.openings, opening(actuation, now)],
    nextOpenAt: uptime(now + timing.spacing),
    restUntil,
    // A board may be deaf while it pulses.
    pollAt: uptime(Math.max(state.pollAt, now + firstConfirm)),
  };
}

/** When the board wants to be read next. */
export function readingDueAt<Frame>(
  { timing }: Board<Frame>,
  { pollAt, openings }: BoardState<Frame>,
): Uptime {
  const confirms = openings.map((each) => confirmAt(each, timing));
  return uptime(Math.min(pollAt, ...confirms));
}

/** When something may be sent to it: a reading, or an opening whose slot and board have rested. */
export function dueAt<Frame>(board: Board<Frame>, state: BoardState<Frame>): Uptime {
  const { waiting, nextOpenAt, restUntil, presence } = state;
  const openings = presence === 'online' ? waiting : [];
  const ready = openings.map(({ slot }) => Math.max(nextOpenAt, restUntil.get(slot) ?? 0));
  return uptime(Math.min(readingDueAt(board, state), ...ready));
}

/** When something of it is over, whatever the bus is busy with; infinite where nothing is asked of it. */
export function overAt<Frame>({ timing }: Board<Frame>, state: BoardState<Frame>): number {
  return Math.min(
    ...state.waiting.map(({ expiresAt }) => expiresAt),
    ...state.rereading.map(({ expiresAt }) => expiresAt),
    ...state.openings.map((each) => hopeUntil(each, timing)),
  );
}

export function readingSent<Frame>(state: BoardState<Frame>, now: Uptime): BoardState<Frame> {
  const openings = state.openings.map((each) => ({ ...each, askedAt: now }));
  const { statistics } = state;
  return { ...state, openings, statistics: { ...statistics, polls: statistics.polls + 1 } };
}

/** From when on what the reply tells is true: it may answer an earlier request that went unanswered. */
export function answeredAsOf<Frame>(
  { oldestUnanswered, lateUntil }: BoardState<Frame>,
  since: Uptime,
  now: Uptime,
): Uptime {
  return now < lateUntil ? (oldestUnanswered ?? since) : since;
}

/** Any good reply to a request made at `since`. */
export function heard<Frame>(
  { device, timing }: Board<Frame>,
  before: BoardState<Frame>,
  since: Uptime,
  now: Uptime,
): Said<Frame> {
  const { statistics } = before;
  const suspicion = Math.max(0, before.suspicion - 1);
  const state: BoardState<Frame> = {
    ...before,
    attempts: 0,
    misses: 0,
    backoff: BACKOFF_FIRST,
    suspicion,
    oldestUnanswered: now < before.lateUntil ? since : undefined,
    pollAt: uptime(now + timing.pollEvery),
    statistics: { ...statistics, replies: statistics.replies + 1, lastSeen: now },
  };
  const over: DeviceFault[] = ['silent', ...(suspicion === 0 ? CONFUSION : [])];
  return clearFaults(device, state, over, 'the board answers');
}

const CONFUSION: readonly DeviceFault[] = ['garbage', 'address-clash'];
const MISSET: readonly DeviceFault[] = ['linkage-mode', 'refusing'];

/** A reading that was taken at or after `asOf`. */
export function readAs<Frame>(
  board: Board<Frame>,
  before: BoardState<Frame>,
  reading: Reading,
  asOf: Uptime,
  now: Uptime,
): Said<Frame> {
  const { device, timing } = board;
  const events: DeviceEvent[] = [];
  if (before.presence !== 'online') events.push({ device, kind: 'online' });
  const usable = clearFaults(device, before, MISSET, 'the board is set up as it should be');
  events.push(...usable.events);
  const seen = look(before.picture, reading, timing.debounce, device);
  const openings = before.openings.map((each) =>
    observed(each, reading.doors[each.actuation.slot - 1], asOf, timing),
  );
  const isUndecided = openings.some(({ openSeen, shutSeen }) => openSeen + shutSeen > 0);
  const soon = uptime(now + SECOND_LOOK);
  const judged = judge(
    board,
    {
      ...usable.state,
      presence: 'online',
      picture: seen.picture,
      openings,
      rereading: seen.isSettled ? [] : before.rereading,
      pollAt: seen.isSettled && !isUndecided ? before.pollAt : soon,
    },
    now,
  );
  // The result first: a door is then known to be open for a reason.
  events.push(...judged.events, ...seen.events);
  if (seen.isSettled) events.push(...before.rereading.map(rereadDone));
  return { state: judged.state, events };
}

/** The board has answered the opening itself. */
export function openingAnswered<Frame>(
  board: Board<Frame>,
  state: BoardState<Frame>,
  id: ActuationId,
  answer: Answer<Frame>,
  now: Uptime,
): Said<Frame> {
  const isAcknowledged = answer.kind === 'acknowledged';
  const refusal = answer.kind === 'refused' ? answer.detail : undefined;
  const openings = state.openings.map((each) =>
    each.actuation.id === id ? { ...each, isAcknowledged, refusal } : each,
  );
  return judge(board, { ...state, openings }, now);
}

/** Openings of which enough is known, or nothing more will be, end. */
export function judge<Frame>(
  board: Board<Frame>,
  state: BoardState<Frame>,
  now: Uptime,
): Said<Frame> {
  const events: DeviceEvent[] = [];
  const openings = state.openings.filter((each) => {
    const { actuation } = each;
    const outcome = outcomeOf(each, now, board.hasContact(actuation.slot), board.timing);
    if (outcome !== undefined) events.push(resultEvent(actuation, outcome));
    return outcome === undefined;
  });
  const late = state.waiting.filter(({ expiresAt }) => expiresAt <= now);
  events.push(...late.map((each) => refused(each, 'expired before it could be sent')));
  const waiting = state.waiting.filter(({ expiresAt }) => expiresAt > now);
  const unread = state.rereading.filter(({ expiresAt }) => expiresAt <= now);
  events.push(...unread.map((each) => unknownResult(each, false, 'no steady reading in time')));
  const rereading = state.rereading.filter(({ expiresAt }) => expiresAt > now);
  return { state: { ...state, openings, waiting, rereading }, events };
}

/** No reply in time. `isGarbled`: something came, but no frame. `othersAnswer`: the bus as such is well. */
export function missed<Frame>(
  board: Board<Frame>,
  before: BoardState<Frame>,
  how: {
    readonly since: Uptime;
    readonly isGarbled: boolean;
    readonly othersAnswer: boolean;
  },
  now: Uptime,
): Said<Frame> {
  const { timing } = board;
  const { statistics } = before;
  const suspected = how.isGarbled
    ? suspect(board, before, garbledDetail(board, how.othersAnswer))
    : { state: before, events: [] };
  const state: BoardState<Frame> = {
    ...suspected.state,
    oldestUnanswered: before.oldestUnanswered ?? how.since,
    lateUntil: uptime(now + LATE_MOST),
    statistics: { ...statistics, timeouts: statistics.timeouts + 1 },
  };
  if (before.presence !== 'offline' && before.attempts < timing.retries) {
    // Asked again at once, but after the other boards that are due: one silent board must not stop the rest.
    const retries = state.statistics.retries + 1;
    const again = { attempts: before.attempts + 1, pollAt: now };
    return {
      state: { ...state, ...again, statistics: { ...state.statistics, retries } },
      events: suspected.events,
    };
  }
  const misses = before.misses + 1;
  const counted = { ...state, attempts: 0, misses };
  if (misses < MISSES_OFFLINE && before.presence !== 'offline') {
    return {
      state: { ...counted, pollAt: uptime(now + timing.pollEvery) },
      events: suspected.events,
    };
  }
  const gone = wentOffline(board, counted, how.isGarbled, now);
  return { state: gone.state, events: [...suspected.events, ...gone.events] };
}

/** The board has not acknowledged an opening. It is not sent again; readings will tell what came of it. */
export function openingMissed<Frame>(
  before: BoardState<Frame>,
  since: Uptime,
  now: Uptime,
): BoardState<Frame> {
  const { statistics } = before;
  return {
    ...before,
    oldestUnanswered: before.oldestUnanswered ?? since,
    lateUntil: uptime(now + LATE_MOST),
    statistics: { ...statistics, timeouts: statistics.timeouts + 1 },
  };
}

function wentOffline<Frame>(
  board: Board<Frame>,
  before: BoardState<Frame>,
  isGarbled: boolean,
  now: Uptime,
): Said<Frame> {
  const { device } = board;
  const state: BoardState<Frame> = {
    ...before,
    presence: 'offline',
    setupLeft: board.setup,
    picture: BLANK_PICTURE,
    pollAt: uptime(now + before.backoff),
    backoff: Math.min(BACKOFF_MOST, before.backoff * 2),
  };
  if (before.presence === 'offline') return { state, events: [] };
  const why = isGarbled ? 'answers with garbage' : 'does not answer';
  const ended = ending(state, 'the board does not answer');
  const told: DeviceEvent[] = [...ended.events, { device, kind: 'offline', why }];
  if (isGarbled) return { state: ended.state, events: told };
  const silent = raiseFault(device, ended.state, 'silent', `nothing from address ${board.address}`);
  return { state: silent.state, events: [...told, ...silent.events] };
}

/** Everything asked of the board ends: what is on the wire as unknown, the rest refused. */
export function ending<Frame>(state: BoardState<Frame>, detail: string): Said<Frame> {
  return {
    state: { ...state, waiting: [], openings: [], rereading: [] },
    events: [
      ...state.openings.map(({ actuation, isAcknowledged }) =>
        unknownResult(actuation, isAcknowledged, detail),
      ),
      ...state.waiting.map((actuation) => refused(actuation, detail)),
      ...state.rereading.map((actuation) => refused(actuation, detail)),
    ],
  };
}

export function unknownResult(
  actuation: Actuation,
  acknowledged: boolean,
  detail: string,
): DeviceEvent {
  return resultEvent(actuation, {
    result: 'unknown',
    sent: true,
    acknowledged,
    observed: false,
    detail,
  });
}

/** The board is there but must not be used as it is set up; it is looked at again after a while. */
export function isUnsafe<Frame>(
  board: Board<Frame>,
  before: BoardState<Frame>,
  fault: DeviceFault,
  detail: string,
  now: Uptime,
): Said<Frame> {
  const raised = raiseFault(board.device, before, fault, detail);
  const ended = ending(raised.state, detail);
  const wasOnline = before.presence !== 'offline';
  return {
    state: {
      ...ended.state,
      presence: 'offline',
      setupLeft: board.setup,
      pollAt: uptime(now + UNSAFE_AGAIN),
    },
    events: [
      ...raised.events,
      ...ended.events,
      ...(wasOnline ? [{ device: board.device, kind: 'offline', why: detail } as const] : []),
    ],
  };
}

/** Something was not as one board alone would do it. */
export function suspect<Frame>(
  board: Board<Frame>,
  before: BoardState<Frame>,
  { fault, detail }: { readonly fault: DeviceFault; readonly detail: string },
): Said<Frame> {
  const suspicion = Math.min(2 * SUSPICION_RAISE, before.suspicion + 2);
  const state = { ...before, suspicion };
  if (suspicion < SUSPICION_RAISE) return { state, events: [] };
  return raiseFault(board.device, state, fault, detail);
}

function garbledDetail<Frame>({ address }: Board<Frame>, othersAnswer: boolean) {
  return othersAnswer
    ? ({
        fault: 'address-clash',
        detail: `only address ${address} answers garbled: two boards may have it`,
      } as const)
    : ({
        fault: 'garbage',
        detail: 'garbled replies: speed, A/B exchanged, or two boards at one address',
      } as const);
}

export function raiseFault<Frame>(
  device: DeviceEvent['device'],
  state: BoardState<Frame>,
  fault: DeviceFault,
  detail: string,
): Said<Frame> {
  if (state.faults.has(fault)) return { state, events: [] };
  return {
    state: { ...state, faults: new Set([...state.faults, fault]) },
    events: [{ device, kind: 'fault', fault, state: 'raised', detail }],
  };
}

export function clearFaults<Frame>(
  device: DeviceEvent['device'],
  state: BoardState<Frame>,
  over: readonly DeviceFault[],
  detail: string,
): Said<Frame> {
  const cleared = over.filter((fault) => state.faults.has(fault));
  if (cleared.length === 0) return { state, events: [] };
  return {
    state: { ...state, faults: new Set([...state.faults].filter((f) => !cleared.includes(f))) },
    events: cleared.map((fault) => ({ device, kind: 'fault', fault, state: 'cleared', detail })),
  };
}

function rereadDone(actuation: Actuation): DeviceEvent {
  return resultEvent(actuation, { result: 'done', sent: true, acknowledged: true, observed: true });
}
