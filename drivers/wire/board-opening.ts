/** An opening from its pulse to what came of it (serial-hardware 2.5): sent, acknowledged and observed are three facts. */
import type { Actuation, ActuationOutcome, DeviceEvent, SlotNumber } from '../contract/device.ts';
import { type Millis, type Uptime, uptime } from '../contract/time.ts';
import type { Bit, BoardTiming } from './board.ts';

/** What moves something on a board. */
export type Movement = Actuation & { readonly kind: 'open-slot' | 'unlock' | 'lock' };

export function slotOf(movement: Movement): SlotNumber | undefined {
  return movement.kind === 'open-slot' ? movement.slot : undefined;
}

/** On the wire, never to be sent again. */
export interface Opening {
  readonly actuation: Movement;
  /** When its last byte had left. */
  readonly sentAt: Uptime;
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

export function opening(actuation: Movement, sentAt: Uptime): Opening {
  return {
    actuation,
    sentAt,
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
  const isLate = asOf >= before.sentAt + lastConfirm(timing);
  return { ...before, openSeen: 0, shutSeen: before.shutSeen + (isLate ? 1 : 0) };
}

/** What can be said of it now; `undefined` while the board is still being asked. */
export function outcomeOf(
  { sentAt, isAcknowledged, refusal, openSeen, shutSeen }: Opening,
  now: Uptime,
  hasContact: boolean,
  timing: BoardTiming,
): ActuationOutcome | undefined {
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
  if (now < sentAt + lastConfirm(timing) + HOPE) return undefined;
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
export function hopeUntil({ sentAt }: Opening, timing: BoardTiming): Uptime {
  return uptime(sentAt + lastConfirm(timing) + HOPE);
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

function lastConfirm({ confirmAfter }: BoardTiming): Millis {
  return confirmAfter.at(-1) ?? 0;
}
