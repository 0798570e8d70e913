/** What a lock board's answers make known: its doors and slots, and what came of openings. */
import type { Actuation, ActuationId, DeviceEvent, DeviceFault } from '../contract/device.ts';
import { type Uptime, uptime } from '../contract/time.ts';
import type { Answer, Bit, Board, Reading } from './board.ts';
import { clearFaults, raiseFault } from './board-fault.ts';
import { unknownResult } from './board-health.ts';
import {
  type Movement,
  observed,
  outcomeOf,
  refused,
  resultEvent,
  SECOND_LOOK,
  slotOf,
} from './board-opening.ts';
import { isAsSeen, look } from './board-picture.ts';
import { type BoardState, isAtRest, type Said } from './board-state.ts';

const MISSET: readonly DeviceFault[] = ['linkage-mode', 'refusing'];
const SET_UP_WELL = 'the board is set up as it should be';

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

/** From when on what the reply tells is true: it may answer an earlier request that went unanswered. */
export function answeredAsOf<Frame>(
  { oldestUnanswered, lateUntil }: BoardState<Frame>,
  since: Uptime,
  now: Uptime,
): Uptime {
  return now < lateUntil ? (oldestUnanswered ?? since) : since;
}

/** A reading that was taken at or after `asOf`. */
export function readAs<Frame>(
  board: Board<Frame>,
  before: BoardState<Frame>,
  reading: Reading,
  asOf: Uptime,
  now: Uptime,
): Said<Frame> {
  const { device, timing } = board;
  if (before.presence === 'online' && isAtRest(before) && isAsSeen(before.picture, reading)) {
    return clearFaults(device, before, MISSET, SET_UP_WELL);
  }
  const events: DeviceEvent[] = [];
  if (before.presence !== 'online') events.push({ device, kind: 'online' });
  const usable = clearFaults(device, before, MISSET, SET_UP_WELL);
  events.push(...usable.events);
  const seen = look(before.picture, reading, timing.debounce, device);
  const openings = before.openings.map((each) =>
    observed(each, doorOf(each.actuation, reading), asOf, timing),
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
  if (isAtRest(state)) return { state, events: [] };
  const events: DeviceEvent[] = [];
  const openings = state.openings.filter((each) => {
    const { actuation } = each;
    const slot = slotOf(actuation);
    const hasContact = slot !== undefined && board.hasContact(slot);
    const outcome = outcomeOf(each, now, hasContact, board.timing);
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

/** An open door proves nothing about a strike: somebody may have left it open. */
function doorOf(movement: Movement, { doors }: Reading): Bit {
  const slot = slotOf(movement);
  return slot === undefined ? undefined : doors[slot - 1];
}

function rereadDone(actuation: Actuation): DeviceEvent {
  return resultEvent(actuation, { result: 'done', sent: true, acknowledged: true, observed: true });
}
