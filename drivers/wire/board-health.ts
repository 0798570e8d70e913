/** How well a lock board answers, and when it is called dead. */
import type { Actuation, DeviceEvent, DeviceFault } from '../contract/device.ts';
import { type Millis, type Uptime, uptime } from '../contract/time.ts';
import type { Board } from './board.ts';
import { clearFaults, garbledDetail, raiseFault, suspect } from './board-fault.ts';
import { refused, resultEvent } from './board-opening.ts';
import { BLANK_PICTURE } from './board-picture.ts';
import { BACKOFF_FIRST, type BoardState, type Said } from './board-state.ts';

const MISSES_OFFLINE = 3;
/** A dead board takes at most a fortieth of the bus, and is back within this time. */
const BACKOFF_MOST: Millis = 8000;
/** A board that must not be used as it is set up is looked at again after this time. */
const UNSAFE_AGAIN: Millis = 5000;
/** A reply may come this late after its request. */
const LATE_MOST: Millis = 1500;

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

/** Asked again at its next turn; `attempts` were made before. */
export function refusedOnce<Frame>(
  { timing }: Board<Frame>,
  before: BoardState<Frame>,
  attempts: number,
  now: Uptime,
): Said<Frame> {
  const retries = before.statistics.retries + 1;
  const statistics = { ...before.statistics, retries };
  const pollAt = uptime(now + timing.pollEvery);
  return { state: { ...before, attempts: attempts + 1, pollAt, statistics }, events: [] };
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
