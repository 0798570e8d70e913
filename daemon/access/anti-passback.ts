/** Entering an area twice without having left it: refused where that is certain, reported where it is not. */
import type { Knowledge, KnownMatch } from './knowledge.ts';
import type { ClockInterval } from './model.ts';
import type { Thing } from './things.ts';

/** The area that would be entered twice; entering only, never leaving, and not for ever. */
export function violatedArea(
  { grant, presence }: KnownMatch,
  things: readonly Thing[],
  known: Knowledge,
  clock: ClockInterval,
): string | undefined {
  const area = known.point?.area?.enters;
  const mode = grant.options.antiPassback ?? 'off';
  if (area === undefined || area === OUTSIDE || mode === 'off') return undefined;
  if (presence?.area !== area || !things.some(({ operation }) => operation === 'unlock')) {
    return undefined;
  }
  const passed =
    presence.boot === known.now.boot && presence.uptime !== undefined
      ? known.now.uptime - presence.uptime
      : clock.lo - presence.since;
  return passed < known.policies.antiPassbackMinutes * 60_000 ? area : undefined;
}

/** The name of what lies around all areas: entering it is an exit. */
export const OUTSIDE = 'outside';

/** Refuses only where nobody can have left unseen: all readers of the area online, and the state newer than our start. */
export function isPassbackCertain({ grant, presence }: KnownMatch, known: Knowledge): boolean {
  return (
    grant.options.antiPassback === 'hard' &&
    known.areaOnline &&
    presence?.boot === known.now.boot &&
    (presence.uptime ?? 0) >= known.now.startedAt
  );
}
