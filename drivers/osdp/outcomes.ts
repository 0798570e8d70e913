/** What came of actuations, told once each. */
import type { ActuationId, ActuationOutcome } from '../contract/device.ts';
import type { Move, Pd, StatusKind, Turn } from './pd.ts';

function tell(turn: Turn, pd: Pd, id: ActuationId, outcome: ActuationOutcome): void {
  turn.events.push({ device: pd.id, kind: 'actuation-result', actuation: id, ...outcome });
}

/** Nothing was sent. */
export function refuse(turn: Turn, pd: Pd, id: ActuationId, detail: string): void {
  tell(turn, pd, id, {
    result: 'refused',
    sent: false,
    acknowledged: false,
    observed: false,
    detail,
  });
}

/** Sent, and the reader said no. */
export function fail(turn: Turn, pd: Pd, id: ActuationId, detail: string): void {
  tell(turn, pd, id, {
    result: 'failed',
    sent: true,
    acknowledged: false,
    observed: false,
    detail,
  });
}

/** Sent, and nobody can tell. It is not sent again. */
export function lose(turn: Turn, pd: Pd, id: ActuationId, detail: string): void {
  tell(turn, pd, id, {
    result: 'unknown',
    sent: true,
    acknowledged: false,
    observed: false,
    detail,
  });
}

export function succeed(turn: Turn, pd: Pd, id: ActuationId, isObserved: boolean, detail?: string) {
  tell(turn, pd, id, {
    result: 'done',
    sent: true,
    acknowledged: true,
    observed: isObserved,
    ...(detail === undefined ? {} : { detail }),
  });
}

/** Acknowledged, and then the output was seen in the other state while the pulse had to last. */
export function contradict(turn: Turn, pd: Pd, { id }: Move): void {
  tell(turn, pd, id, {
    result: 'failed',
    sent: true,
    acknowledged: true,
    observed: false,
    detail: 'the reader acknowledged, but its output did not change',
  });
}

/** One status has come; inquiries that waited for it alone are done. */
export function inquired(turn: Turn, pd: Pd, what: StatusKind | 'id'): void {
  pd.inquiries = pd.inquiries.flatMap((inquiry) => {
    const left = inquiry.left.filter((each) => each !== what);
    if (left.length > 0) return [{ ...inquiry, left }];
    succeed(turn, pd, inquiry.id, true);
    return [];
  });
}

/** The reader will not tell; inquiries that asked for it have failed. */
export function notInquired(turn: Turn, pd: Pd, what: StatusKind | 'id', detail: string): void {
  for (const { id, left } of pd.inquiries) if (left.includes(what)) fail(turn, pd, id, detail);
  pd.inquiries = pd.inquiries.filter(({ left }) => !left.includes(what));
}

/** The session ends before they were answered. */
export function dropInquiries(turn: Turn, pd: Pd, detail: string): void {
  for (const { id } of pd.inquiries) refuse(turn, pd, id, detail);
  pd.inquiries = [];
}
