/** Keycafe's words and ours, both ways; pure (vendor-apis 2.10). */
import { type Instant, instant } from '../../../drivers/contract/time.ts';
import type { Grant, Operation, Window } from '../../access/model.ts';
import { Temporal } from '../../access/temporal.ts';
import { isWallTime, resolveWindow } from '../../access/window.ts';
import { instantOf, moment } from '../moment.ts';

/** The bounds of an access, as they are sent and shown. */
export interface Bounds {
  readonly accessStartDate?: string | null | undefined;
  readonly accessStartTime?: string | null | undefined;
  readonly accessEndDate?: string | null | undefined;
  readonly accessEndTime?: string | null | undefined;
  readonly timeZone?: string | null | undefined;
  /** Deprecated. */
  readonly startDate?: string | null | undefined;
  readonly endDate?: string | null | undefined;
}

export type BoundsFault = 'bounds-incomplete' | 'bounds-invalid' | 'zone-unknown' | 'bounds-empty';

/**
 * No bounds: ongoing. All four: wall times, of `timeZone` or else of whichever box is used. Some of them: a fault, since
 * what the missing ones mean is written nowhere. The deprecated instants count where the four are missing.
 */
export function windowOf(bounds: Bounds, siteZone: string): Window | BoundsFault {
  const { accessStartDate, accessStartTime, accessEndDate, accessEndTime, timeZone } = bounds;
  const given = [accessStartDate, accessStartTime, accessEndDate, accessEndTime].filter(isGiven);
  if (given.length === 0) return olderWindow(bounds);
  if (given.length < 4) return 'bounds-incomplete';
  const start = `${accessStartDate}T${accessStartTime}`;
  const end = `${accessEndDate}T${accessEndTime}`;
  if (!isWallTime(start) || !isWallTime(end)) return 'bounds-invalid';
  const window: Window = isGiven(timeZone)
    ? { kind: 'wall', start, end, zone: timeZone }
    : { kind: 'floating', start, end };
  const resolved = resolveWindow(window, siteZone);
  if (resolved === 'zone') return 'zone-unknown';
  return typeof resolved === 'string' ? 'bounds-empty' : window;
}

function olderWindow({ startDate, endDate }: Bounds): Window | BoundsFault {
  if (!isGiven(startDate) && !isGiven(endDate)) return { kind: 'ongoing' };
  if (!isGiven(startDate) || !isGiven(endDate)) return 'bounds-incomplete';
  const areMoments = [startDate, endDate].every((each) => moment.safeParse(each).success);
  if (!areMoments) return 'bounds-invalid';
  const [start, end] = [instantOf(startDate, 'start'), instantOf(endDate, 'end')];
  return start >= end ? 'bounds-empty' : { kind: 'instants', start, end };
}

function isGiven(text: string | null | undefined): text is string {
  return text !== undefined && text !== null && text !== '';
}

export type SentBounds = Readonly<
  Partial<
    Record<
      'accessStartDate' | 'accessStartTime' | 'accessEndDate' | 'accessEndTime' | 'timeZone',
      string
    >
  >
>;

/** `undefined` where Keycafe has no words for it: one end only. Seconds are cut so that nothing gets wider. */
export function boundsOf(window: Window, siteZone: string): SentBounds | undefined {
  switch (window.kind) {
    case 'ongoing':
      return {};
    case 'wall':
      return { ...wallBounds(window.start, window.end), timeZone: window.zone };
    case 'floating':
      return wallBounds(window.start, window.end);
    case 'instants': {
      const { start, end } = window;
      if (start === undefined && end === undefined) return {};
      if (start === undefined || end === undefined) return undefined;
      const first = wallIn(instant(Math.ceil(start / 60_000) * 60_000), siteZone);
      const last = wallIn(end, siteZone);
      return first < last ? { ...wallBounds(first, last), timeZone: siteZone } : undefined;
    }
    default:
      return window satisfies never;
  }
}

function wallBounds(start: string, end: string): SentBounds {
  return {
    accessStartDate: start.slice(0, 10),
    accessStartTime: start.slice(11, 16),
    accessEndDate: end.slice(0, 10),
    accessEndTime: end.slice(11, 16),
  };
}

function wallIn(at: Instant, zone: string): string {
  const local = Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(zone);
  return local.toPlainDateTime().toString({ smallestUnit: 'minute', roundingMode: 'floor' });
}

/** The end stops the pick-up only; what was taken may always come back (vendor-apis 2.4). */
export function operationsOf(allowSetup: boolean): readonly Operation[] {
  return allowSetup ? ['pickup', 'dropoff', 'attach-fob'] : ['pickup', 'dropoff'];
}

/** Why a grant of ours cannot be an access of theirs: put there, it would be wider than here (P5). */
export function cannotExpress(grant: Grant, siteZone: string): string | undefined {
  if (grant.schedule !== undefined) return 'Keycafe has no weekly hours';
  if (grant.uses !== undefined) return 'Keycafe counts no uses';
  if ((grant.unsupported ?? []).length > 0) return 'it has a limit that is not known here either';
  if (grant.targets.filter(({ kind }) => kind === 'key').length !== 1) {
    return 'a Keycafe access is for one key';
  }
  if (boundsOf(grant.window, siteZone) === undefined) {
    return 'a Keycafe access has both ends, or none';
  }
  return undefined;
}
