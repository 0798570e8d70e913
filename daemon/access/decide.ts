/** May what was shown open what it asks for, now? Pure: the same knowledge and clock give the same answer. */
import { type Millis, uptime } from '../../drivers/contract/time.ts';
import { isPassbackCertain, violatedArea } from './anti-passback.ts';
import { byPreference, choose, type Verdict } from './choice.ts';
import { type Decision, type Denied, denied } from './decision.ts';
import type { Knowledge, KnownMatch } from './knowledge.ts';
import { waitLeft } from './lockout.ts';
import { type ClockInterval, REASONS, type Reason } from './model.ts';
import { methodOf, partyOf } from './party.ts';
import { keyOf } from './place.ts';
import type { Presentation } from './presentation.ts';
import { attachFob, heldUnder, judgeReturn } from './return.ts';
import { canEnterSecond, matchesOf, needsSecondFactor } from './second-factor.ts';
import { type Thing, thingsOf } from './things.ts';
import { spentUses } from './uses.ts';
import { isUnsupported, timeRefusal } from './validity.ts';

/** A second factor must follow within this time. */
const SECOND_FACTOR_WAIT: Millis = 10_000;

/** May what was shown open what it asks for? What comes back is judged before, and by less, than what goes out. */
export function decide(
  known: Knowledge,
  presentation: Presentation,
  clock: ClockInterval,
): Decision {
  if (known.point === undefined) return denied('device-unknown');
  if (presentation.kind === 'malformed') return denied('malformed');
  if (presentation.kind === 'code' && isLockedOut(known, presentation.digits)) {
    return denied('locked-out', { method: 'pin' });
  }
  const key = keyOf(known, known.shown);
  if (key !== undefined) return judgeReturn(known, key, { method: 'key-fob' });

  const matches = matchesOf(known, presentation);
  if (matches.length === 0) return unknownCredential(known, presentation);
  const held = heldUnder(matches, known);
  const back = held && judgeReturn(known, held.key, partyOf(known, held.match), held);
  if (back !== undefined && held?.belongsHere === true) return back;

  const tried = matches.map((match) => judge(match, known, clock));
  const passing = tried.filter(({ refusal }) => refusal === undefined);
  if (passing.length > 0) return choose(passing, known, presentation);
  return back ?? refuse(tried, known, presentation);
}

/** The order of the checks is the order in which an operator would want to hear the reason. */
function judge(match: KnownMatch, known: Knowledge, clock: ClockInterval): Verdict {
  const { grant } = match;
  const refused = (refusal: Reason): Verdict => ({ match, things: [], refusal });

  if (needsSecondFactor(match, known)) {
    return refused(canEnterSecond(match, known) ? 'second-factor-required' : 'locked-out');
  }
  if (match.credentialRecord?.disabled === true) return refused('credential-disabled');
  if (match.revoked !== undefined) return refused('revoked');
  if (grant.state !== 'active') return refused('superseded');

  const here = thingsOf(match, known);
  if (here.length === 0) return refused('wrong-access-point');
  const allowed = here.filter((thing) => isAllowed(thing, match));
  if (allowed.length === 0) return refused('operation-not-allowed');

  if (isUnsupported(match, known.bridge, known.alone)) return refused('unsupported-limit');
  const time = timeRefusal(match, known.policies, clock);
  if (time !== undefined) return refused(time);

  if (grant.uses !== undefined && spentUses(match.use, grant.uses) >= grant.uses.max) {
    return refused('uses-exhausted');
  }
  const area = violatedArea(match, allowed, known, clock);
  if (area !== undefined && isPassbackCertain(match, known)) return refused('anti-passback');

  const things = allowed.filter((thing) => thing.refusal === undefined);
  if (things.length === 0) return refused(lastOf(allowed.map((thing) => thing.refusal)));
  return { match, things, ...(area === undefined ? {} : { passback: area }) };
}

/** Entries while the keypad is locked are neither looked up nor counted. */
function isLockedOut(known: Knowledge, digits: number): boolean {
  const row = known.keypads.find(({ device }) => device === known.device)?.lockout;
  return waitLeft(row, digits, known.now, known.policies.lockout) > 0;
}

function isAllowed({ operation }: Thing, { grant }: KnownMatch): boolean {
  // Attaching a fob is offered by `things.ts` only where the grant lets it.
  return operation === 'attach-fob' || grant.operations.includes(operation);
}

/** None grants: a second factor that may still come, else the reason furthest down the list. */
function refuse(tried: readonly Verdict[], known: Knowledge, presentation: Presentation): Denied {
  const open = tried.filter(({ refusal }) => refusal === 'second-factor-required');
  if (open.length > 0 && presentation.kind === 'card') {
    return denied('second-factor-required', {
      ...methodOf(open, known),
      pending: {
        kind: 'second-factor',
        until: uptime(known.now.uptime + SECOND_FACTOR_WAIT),
        index: presentation.index,
        grants: open.map(({ match }) => match.grant.id),
        credentials: open.map(({ match }) => match.credential.id),
      },
    });
  }
  const reason = lastOf(tried.map(({ refusal }) => refusal));
  const [first, ...others] = tried.filter(({ refusal }) => refusal === reason).sort(byPreference);
  if (first === undefined) return denied(reason);
  const party = partyOf(known, first.match);
  const isShared = others.some(({ match }) => match.grant.holder !== party.holder);
  return denied(reason, isShared ? { method: party.method } : party);
}

function lastOf(reasons: readonly (Reason | undefined)[]): Reason {
  const places = reasons.map((reason) => (reason === undefined ? -1 : REASONS.indexOf(reason)));
  return REASONS[Math.max(...places)] ?? 'unknown-credential';
}

function unknownCredential(known: Knowledge, presentation: Presentation): Decision {
  const { pending } = known;
  if (pending?.kind === 'second-factor' && presentation.kind === 'code') {
    return denied('second-factor-required', {
      method: 'card+pin',
      wrongSecond: pending.credentials,
    });
  }
  if (pending?.kind === 'attach-fob' && presentation.kind === 'card') {
    const key = keyOf(known, pending.key);
    if (key !== undefined && !key.hasFob) return attachFob(known, key, pending, presentation.index);
  }
  if (presentation.kind === 'choice') return denied('choice-required');
  return denied('unknown-credential', { method: presentation.kind === 'card' ? 'card' : 'pin' });
}
