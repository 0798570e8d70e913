/** From-until: four kinds of window, resolved to instants. Half-open `[start, end)`. */
import { type Instant, instant } from '../../drivers/contract/time.ts';
import type { ResolvedWindow, WallTime, Window } from './model.ts';
import { isZone, Temporal } from './temporal.ts';

/** Why a window has no instants, and what would do. */
const WINDOW_FAULTS = {
  'window-empty': 'it ends before it begins',
  'wall-time': 'a day and time that exist, YYYY-MM-DDTHH:MM',
  zone: 'an IANA time zone',
} as const;

export type WindowFault = keyof typeof WINDOW_FAULTS;

/** For whoever wrote the window. */
export function windowRemedy(fault: WindowFault, window: Window): string {
  const isSkipped =
    fault === 'window-empty' &&
    (window.kind === 'wall' || window.kind === 'floating') &&
    withSeconds(window.start) < withSeconds(window.end);
  return isSkipped ? 'the clocks are put forward past all of it' : WINDOW_FAULTS[fault];
}

function withSeconds(wall: WallTime): string {
  return wall.padEnd('YYYY-MM-DDTHH:MM:SS'.length, ':00');
}

/** The window in instants, or why it has none. `siteZone` is the zone of floating windows. */
export function resolveWindow(window: Window, siteZone: string): ResolvedWindow | WindowFault {
  switch (window.kind) {
    case 'ongoing':
      return { start: undefined, end: undefined };
    case 'instants':
      return unlessEmpty({ start: window.start, end: window.end });
    case 'wall':
      return between(window.start, window.end, window.zone);
    case 'floating':
      return between(window.start, window.end, siteZone);
    default:
      return window satisfies never;
  }
}

function between(start: WallTime, end: WallTime, zone: string): ResolvedWindow | WindowFault {
  if (!isWallTime(start) || !isWallTime(end)) return 'wall-time';
  if (!isZone(zone)) return 'zone';
  return unlessEmpty({
    start: instantOf(start, zone, 'start'),
    end: instantOf(end, zone, 'end'),
  });
}

function unlessEmpty(window: ResolvedWindow): ResolvedWindow | WindowFault {
  const { start, end } = window;
  return start !== undefined && end !== undefined && start >= end ? 'window-empty' : window;
}

/** `YYYY-MM-DDTHH:MM[:SS]`, and a day and time that exist; a leap second does not. */
export function isWallTime(text: string): boolean {
  const parts = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d)(?::(\d\d))?$/.exec(text);
  if (parts === null) return false;
  const [year, month, day, hour, minute, second] = parts.slice(1).map((part) => Number(part ?? 0));
  if ((hour ?? 24) > 23 || (minute ?? 60) > 59 || (second ?? 60) > 59) return false;
  const days = new Date(Date.UTC(2000 + ((year ?? 0) % 400), month ?? 0, 0)).getUTCDate();
  return (month ?? 0) >= 1 && (month ?? 0) <= 12 && (day ?? 0) >= 1 && (day ?? 0) <= days;
}

/**
 * The instant of a wall time that bounds a stay; the bounds never move inward. In a gap it is the first instant
 * after the gap (not Temporal's `compatible`, which goes on by the length of the gap); where a wall time comes
 * twice, a start is the earlier and an end the later.
 */
export function instantOf(wall: WallTime, zone: string, edge: 'start' | 'end'): Instant {
  const plain = Temporal.PlainDateTime.from(wall);
  const earlier = plain.toZonedDateTime(zone, { disambiguation: 'earlier' });
  if (earlier.toPlainDateTime().equals(plain)) {
    const chosen =
      edge === 'start' ? earlier : plain.toZonedDateTime(zone, { disambiguation: 'later' });
    return instant(chosen.epochMilliseconds);
  }
  const jump = earlier.getTimeZoneTransition('next');
  if (jump === null) throw new RangeError(`no transition after ${wall} in ${zone}`);
  return instant(jump.epochMilliseconds);
}
