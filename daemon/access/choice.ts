/** Several things would open: one is taken by preference, or asked for, or none is, because nobody can tell. */
import { type Millis, uptime } from '../../drivers/contract/time.ts';
import { type Decision, type Denied, denied } from './decision.ts';
import type { Knowledge, KnownMatch } from './knowledge.ts';
import type { CredentialIndex, Reason } from './model.ts';
import { methodOf, type Party, partyOf } from './party.ts';
import type { Presentation } from './presentation.ts';
import { attachPending } from './return.ts';
import { isCompleted } from './second-factor.ts';
import type { Thing } from './things.ts';

/** A slot or key must be chosen within this time. */
const CHOICE_WAIT: Millis = 20_000;

/** One grant that matches, and what it lets be opened; `refusal` is the first check that fails. */
export interface Verdict {
  readonly match: KnownMatch;
  readonly things: readonly Thing[];
  readonly refusal?: Reason;
  readonly passback?: string;
}

/** Ambiguity and choice are judged last, among what would open. */
export function choose(
  passing: readonly Verdict[],
  known: Knowledge,
  presentation: Presentation,
): Decision {
  const all = distinct(passing.flatMap(({ things }) => things));
  if (all.length > 1 && !isOneHolder(passing)) {
    return denied('ambiguous-credential', methodOf(passing, known));
  }
  const chosen =
    presentation.kind === 'choice'
      ? all.filter((each) => each.number === presentation.number)
      : all;
  const [thing, another] = chosen;
  if (thing === undefined || another !== undefined) return askChoice(all, passing, known);

  const able = passing
    .filter(({ things }) => things.some((each) => each.id === thing.id))
    .sort(byPreference);
  const [best] = able;
  if (best === undefined) throw new TypeError('a thing that may be opened has a grant');
  const { grant } = best.match;
  const party = partyOf(known, best.match);
  return {
    ...(isOneHolder(able) ? party : unattributed(party)),
    kind: 'granted',
    operation: thing.operation,
    opens: thing.opens,
    isReturn: false,
    counted: grant.uses !== undefined,
    ...(thing.key === undefined ? {} : { key: thing.key }),
    ...(best.match.window.end === undefined ? {} : { due: best.match.window.end }),
    ...(best.passback === undefined ? {} : { passback: { area: best.passback } }),
    ...(thing.operation === 'attach-fob' ? attachPending(known, thing.key, grant.id) : {}),
  };
}

function isOneHolder([first, ...others]: readonly Verdict[]): boolean {
  return others.every(({ match }) => match.grant.holder === first?.match.grant.holder);
}

/** The holders differ, so none is named. */
function unattributed({ method, grant, rev, credential }: Party): Party & { unattributed: true } {
  return {
    method,
    unattributed: true,
    ...(grant === undefined ? {} : { grant }),
    ...(rev === undefined ? {} : { rev }),
    ...(credential === undefined ? {} : { credential }),
  };
}

/** The one without counted uses, then the earliest end, then the id. */
export function byPreference({ match: a }: Verdict, { match: b }: Verdict): number {
  const counted = Number(a.grant.uses !== undefined) - Number(b.grant.uses !== undefined);
  if (counted !== 0) return counted;
  const [endA, endB] = [
    a.window.end ?? Number.POSITIVE_INFINITY,
    b.window.end ?? Number.POSITIVE_INFINITY,
  ];
  if (endA !== endB) return endA < endB ? -1 : 1;
  return a.grant.id < b.grant.id ? -1 : 1;
}

/** One thing for each slot or set of locks; where several keys may be brought to one slot, none of them is named. */
function distinct(things: readonly Thing[]): readonly Thing[] {
  if (things.length < 2) return things;
  return things
    .filter((thing, at) => things.findIndex((each) => each.id === thing.id) === at)
    .map((thing) => {
      const { key, ...rest } = thing;
      const isOne = things.every((each) => each.id !== thing.id || each.key === key);
      if (isOne) return thing;
      return rest.operation === 'attach-fob' ? { ...rest, operation: 'dropoff' } : rest;
    });
}

function askChoice(
  things: readonly Thing[],
  passing: readonly Verdict[],
  known: Knowledge,
): Denied {
  const index = indexShown(known);
  const grants = passing.map(({ match }) => match.grant.id);
  const until = uptime(known.now.uptime + CHOICE_WAIT);
  return denied('choice-required', {
    ...methodOf(passing, known),
    choices: things.map(({ number }) => number),
    ...(index === undefined
      ? {}
      : { pending: { kind: 'choice', until, index, grants, isCompleted: isCompleted(known) } }),
  });
}

/** The credential to look up again once a choice is made. */
function indexShown({ pending, presentation }: Knowledge): CredentialIndex | undefined {
  if (presentation?.kind === 'choice')
    return pending?.kind === 'choice' ? pending.index : undefined;
  return presentation !== undefined && 'index' in presentation ? presentation.index : undefined;
}
