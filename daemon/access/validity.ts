/** Does the grant hold now, where now is only known to be within `[lo, hi)`? Steps 7 and 8 of the decision. */
import { type Instant, instant } from '../../drivers/contract/time.ts';
import type { KnownMatch, KnownPolicies } from './knowledge.ts';
import type { ClockInterval, Reason, ResolvedWindow } from './model.ts';
import { scheduleFaults, standing } from './schedule.ts';

/** A limit of the grant that this version cannot keep: refused rather than ignored (P5). */
export function isUnsupported(match: KnownMatch, bridge: string, alone: boolean): boolean {
  const { grant, window } = match;
  if ((grant.unsupported ?? []).length > 0) return true;
  if (grant.schedule !== undefined && scheduleFaults(grant.schedule).length > 0) return true;
  const isBounded = grant.window.kind === 'wall' || grant.window.kind === 'floating';
  if (isBounded && (window.start === undefined || window.end === undefined)) return true;
  if (grant.uses === undefined) return false;
  // One daemon counts; a second would give the same uses once more.
  return grant.uses.carrier === undefined ? !alone : grant.uses.carrier !== bridge;
}

export function timeRefusal(
  match: KnownMatch,
  policies: KnownPolicies,
  clock: ClockInterval,
): Reason | undefined {
  const { grant, window } = match;
  const lo = clock.lo;
  // An interval has a length, however well the clock is known: `hi` itself is no longer in it.
  const hi = instant(policies.clockUntrusted === 'assume' ? lo + 1 : Math.max(clock.hi, lo + 1));
  if (window.start !== undefined && window.start >= hi) return 'not-yet-valid';
  if (window.end !== undefined && window.end <= lo) return 'expired';
  const week =
    grant.schedule === undefined ? undefined : standing(grant.schedule, policies, lo, hi);
  if (week?.possible === false) return week.holiday ? 'holiday' : 'outside-schedule';

  const isCertain = isAdrift(policies, clock)
    ? week === undefined && covers(window, lo, instant(Number.POSITIVE_INFINITY))
    : week?.certain !== false && covers(window, lo, hi);
  if (isCertain) return undefined;
  return mayTrust(match, policies, clock) ? undefined : 'clock-untrusted';
}

function covers({ start, end }: ResolvedWindow, lo: Instant, hi: Instant): boolean {
  return (start === undefined || start <= lo) && (end === undefined || end >= hi);
}

/** Grace is spent, so that `hi` bounds nothing any more: it may be any later time, and any day of the week. */
function isAdrift(policies: KnownPolicies, { state, graceLeft = 0 }: ClockInterval): boolean {
  const isKnown = state === 'trusted' || state === 'holdover';
  return policies.clockUntrusted === 'grace' && !isKnown && graceLeft <= 0;
}

/** Possibly valid is enough only under `grace`: with a known clock error, or for windows while grace lasts. */
function mayTrust(match: KnownMatch, policies: KnownPolicies, clock: ClockInterval): boolean {
  if (policies.clockUntrusted !== 'grace') return false;
  if (clock.state === 'trusted' || clock.state === 'holdover') return true;
  return match.grant.schedule === undefined && (clock.graceLeft ?? 0) > 0;
}
