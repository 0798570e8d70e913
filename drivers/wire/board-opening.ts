/** An opening from its pulse to what came of it (serial-hardware 2.5): sent, acknowledged and observed are three facts. */
import type { Actuation, ActuationOutcome, DeviceEvent, SlotNumber } from '../contract/device.ts';
import { type Millis, type Uptime, uptime } from '../contract/time.ts';
import type { Bit, BoardTiming } from './board.ts';

/** What moves something on a board. */
export type Movement = Actuation & { readonly kind: 'open-slot' | 'unlock' | 'lock' };

/** 0 for what only ends an unlocking. */
export function pulseOf(movement: Movement, timing: BoardTiming): Millis {
  return movement.kind === 'lock' ? 0 : timing.pulse(movement.hold);
}

export function slotOf(movement: Movement): SlotNumber | undefined {
  return movement.kind === 'open-slot' ? movement.slot : undefined;
}

/** On the wire, never to be sent again. */
export interface Opening {
  readonly actuation: Movement;
  /** When its last byte had left. */
  readonly sentAt: Uptime;
  /** The lock is powered no longer than this: whoever pulls at the door until then opens it. */
  readonly pulse: Millis;
  readonly isAcknowledged: boolean;
  /** A board whose refusal is final has said so. */
  readonly refusal: string | undefined;
  /** Readings in a row that saw the door open, and that saw it shut after the last confirm. */
  readonly openSeen: number;
  readonly shutSeen: number;
  /** When the board was last asked for a reading. */
  readonly askedAt: Uptime;
}

/** How long after the last confirm an unanswered board is still asked. */
const HOPE: Millis = 2000;
/** Between readings once the planned ones are over. */
const AFTER_PLAN: Millis = 250;
/** Until the second of two equal readings. */
export const SECOND_LOOK: Millis = 60;

export function opening(actuation: Movement, sentAt: Uptime, timing: BoardTiming): Opening {
  return {
    actuation,
    sentAt,
    pulse: pulseOf(actuation, timing),
    isAcknowledged: false,
    refusal: undefined,
    openSeen: 0,
    shutSeen: 0,
    askedAt: sentAt,
  };
}

/** A reading that was taken at or after `asOf`. One from before the pulse says nothing about it. */
export function observed(before: Opening, door: Bit, asOf: Uptime, timing: BoardTiming): Opening {
  if (door === undefined || asOf < before.sentAt) return before;
  if (door) return { ...before, openSeen: before.openSeen + 1, shutSeen: 0 };
  const isLate = asOf >= before.sentAt + lastLook(before, timing);
  return { ...before, openSeen: 0, shutSeen: before.shutSeen + (isLate ? 1 : 0) };
}

/** What can be said of it now; `undefined` while the board is still being asked. */
export function outcomeOf(
  opening: Opening,
  now: Uptime,
  hasContact: boolean,
  timing: BoardTiming,
): ActuationOutcome | undefined {
  const { sentAt, isAcknowledged, refusal, openSeen, shutSeen } = opening;
  const facts = { sent: true, acknowledged: isAcknowledged, observed: false };
  if (refusal !== undefined) return { ...facts, result: 'failed', detail: refusal };
  if (!hasContact) {
    if (isAcknowledged)
      return { ...facts, result: 'done', detail: 'acknowledged; no contact tells more' };
    return now < sentAt + lastConfirm(timing) ? undefined : UNANSWERED;
  }
  if (openSeen >= timing.debounce) return { ...facts, observed: true, result: 'done' };
  if (shutSeen >= timing.debounce) {
    return { ...facts, observed: true, result: 'failed', detail: 'the door stayed shut' };
  }
  if (now < hopeUntil(opening, timing)) return undefined;
  return { ...UNANSWERED, acknowledged: isAcknowledged };
}

const UNANSWERED: ActuationOutcome = {
  result: 'unknown',
  sent: true,
  acknowledged: false,
  observed: false,
  detail: 'the board did not say whether the door opened',
};

/** When the board is to be asked next for this opening's sake. */
export function confirmAt({ sentAt, askedAt }: Opening, timing: BoardTiming): Uptime {
  const planned = timing.confirmAfter.find((after) => sentAt + after > askedAt);
  return uptime(planned === undefined ? askedAt + AFTER_PLAN : sentAt + planned);
}

/** When it ends as unknown if nothing else ends it. */
export function hopeUntil(opening: Opening, timing: BoardTiming): Uptime {
  return uptime(opening.sentAt + lastLook(opening, timing) + HOPE);
}

export function resultEvent(actuation: Actuation, outcome: ActuationOutcome): DeviceEvent {
  return {
    kind: 'actuation-result',
    device: actuation.device,
    actuation: actuation.id,
    ...outcome,
  };
}

export function refused(actuation: Actuation, detail: string): DeviceEvent {
  return resultEvent(actuation, {
    result: 'refused',
    sent: false,
    acknowledged: false,
    observed: false,
    detail,
  });
}

/** From when on a door that is shut has stayed shut: the last planned look, but not while the lock is still powered. */
function lastLook({ pulse }: Opening, timing: BoardTiming): Millis {
  return Math.max(lastConfirm(timing), pulse);
}

function lastConfirm({ confirmAfter }: BoardTiming): Millis {
  return confirmAfter.at(-1) ?? 0;
}
