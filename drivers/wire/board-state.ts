/** One lock board as the bus knows it, and what waits to be sent to it. */
import {
  type Actuation,
  type ActuationId,
  type DeviceEvent,
  type DeviceFault,
  type DeviceStatistics,
  movesSomething,
  NO_STATISTICS,
} from '../contract/device.ts';
import { type Millis, type Uptime, uptime } from '../contract/time.ts';
import type { Board, Exchange } from './board.ts';
import {
  confirmAt,
  hopeUntil,
  type Movement,
  type Opening,
  opening,
  pulseOf,
  refused,
  SECOND_LOOK,
  slotOf,
} from './board-opening.ts';
import { BLANK_PICTURE, type Picture } from './board-picture.ts';

export interface BoardState<Frame> {
  readonly presence: 'unknown' | 'online' | 'offline';
  readonly setupLeft: readonly Exchange<Frame>[];
  readonly pollAt: Uptime;
  /** Time-outs of the current reading, and whole readings that were missed in a row. */
  readonly attempts: number;
  readonly misses: number;
  readonly backoff: Millis;
  readonly picture: Picture;
  readonly waiting: readonly Movement[];
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

/** From the first time-out of a dead board to the next look at it; then twice as long each time. */
export const BACKOFF_FIRST: Millis = 1000;
const WAITING_MOST = 8;
/** From the end of one pulse to the next opening on the board, so that the supply does not sag under two coils. */
const SUPPLY_REST: Millis = 100;

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
  if (why !== undefined || !isMovement(actuation)) {
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
  if (!isMovement(actuation)) return undefined;
  // The bound keeps an off-by-one from reaching the codes that open everything.
  if (actuation.kind !== 'open-slot') {
    if (board.strike === undefined) return `this lock board cannot ${actuation.kind}`;
  } else if (!board.hasSlot(actuation.slot)) return `the board has no slot ${actuation.slot}`;
  if (actuation.expiresAt <= now) return 'expired before it could be sent';
  if (state.presence === 'offline') return 'the board does not answer';
  if (state.waiting.length >= WAITING_MOST && actuation.urgent !== true)
    return 'too many openings wait for this board';
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

/** The opening that may be put on the wire now; a release for fire first. */
export function readyOpening<Frame>(state: BoardState<Frame>, now: Uptime): Movement | undefined {
  if (state.presence !== 'online') return undefined;
  const ready = (each: Movement) => restsUntil(state, each) <= now;
  return state.waiting.find((each) => each.urgent && ready(each)) ?? state.waiting.find(ready);
}

/** Neither coils nor supply are spared where people have to get out (P14). */
function restsUntil<Frame>({ nextOpenAt, restUntil }: BoardState<Frame>, movement: Movement) {
  if (movement.urgent === true) return 0;
  const slot = slotOf(movement);
  return Math.max(nextOpenAt, slot === undefined ? 0 : (restUntil.get(slot) ?? 0));
}

function isMovement(actuation: Actuation): actuation is Movement {
  return movesSomething(actuation);
}

/** It leaves: never to be sent again, whatever becomes of it. */
export function leaving<Frame>(state: BoardState<Frame>, actuation: Movement): BoardState<Frame> {
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
  actuation: Movement,
  now: Uptime,
): BoardState<Frame> {
  const restUntil = new Map([...state.restUntil].filter(([, until]) => until > now));
  const slot = slotOf(actuation);
  if (slot !== undefined) restUntil.set(slot, uptime(now + timing.slotRest));
  const firstConfirm = timing.confirmAfter[0] ?? 0;
  return {
    ...state,
    openings: [...state.openings, opening(actuation, now, timing)],
    nextOpenAt: uptime(Math.max(state.nextOpenAt, now + pulseOf(actuation, timing) + SUPPLY_REST)),
    restUntil,
    // A board may be deaf while it pulses.
    pollAt: uptime(Math.max(state.pollAt, now + firstConfirm)),
  };
}

/** Nothing is asked of the board: it is only read now and then. Nearly always so, and then nothing is to be worked out. */
export function isAtRest<Frame>({ waiting, openings, rereading }: BoardState<Frame>): boolean {
  return waiting.length + openings.length + rereading.length === 0;
}

/** When the board wants to be read next. */
export function readingDueAt<Frame>(
  { timing }: Board<Frame>,
  { pollAt, openings }: BoardState<Frame>,
): Uptime {
  if (openings.length === 0) return pollAt;
  const confirms = openings.map((each) => confirmAt(each, timing));
  return uptime(Math.min(pollAt, ...confirms));
}

/** When something may be sent to it: a reading, or an opening whose slot and board have rested. */
export function dueAt<Frame>(board: Board<Frame>, state: BoardState<Frame>): Uptime {
  if (isAtRest(state)) return state.pollAt;
  const openings = state.presence === 'online' ? state.waiting : [];
  const ready = openings.map((each) => restsUntil(state, each));
  return uptime(Math.min(readingDueAt(board, state), ...ready));
}

/** When something of it is over, whatever the bus is busy with; infinite where nothing is asked of it. */
export function overAt<Frame>({ timing }: Board<Frame>, state: BoardState<Frame>): number {
  if (isAtRest(state)) return Number.POSITIVE_INFINITY;
  return Math.min(
    ...state.waiting.map(({ expiresAt }) => expiresAt),
    ...state.rereading.map(({ expiresAt }) => expiresAt),
    ...state.openings.map((each) => hopeUntil(each, timing)),
  );
}

/** It is to be read again at once. */
export function readSoon<Frame>(state: BoardState<Frame>, now: Uptime): BoardState<Frame> {
  return { ...state, pollAt: uptime(Math.min(state.pollAt, now + SECOND_LOOK)) };
}

export function readingSent<Frame>(state: BoardState<Frame>, now: Uptime): BoardState<Frame> {
  const { statistics } = state;
  const openings =
    state.openings.length === 0
      ? state.openings
      : state.openings.map((each) => ({ ...each, askedAt: now }));
  return { ...state, openings, statistics: { ...statistics, polls: statistics.polls + 1 } };
}
