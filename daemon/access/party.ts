/** Who and what a decision names. */
import type { Granted } from './decision.ts';
import type { Knowledge, KnownMatch } from './knowledge.ts';
import { isCompleted } from './second-factor.ts';

export type Party = Pick<Granted, 'method' | 'grant' | 'rev' | 'holder' | 'credential'>;

export function partyOf(known: Knowledge, { grant, credential }: KnownMatch): Party {
  return {
    method: isCompleted(known) ? 'card+pin' : credential.kind,
    grant: grant.id,
    rev: grant.rev,
    holder: grant.holder,
    credential: credential.id,
  };
}

/** Names the grant only where there is one, the holder only where all have the same. */
export function methodOf(
  verdicts: readonly { readonly match: KnownMatch }[],
  known: Knowledge,
): Partial<Party> {
  const [first, ...others] = verdicts;
  if (first === undefined) return {};
  const party = partyOf(known, first.match);
  if (others.length === 0) return party;
  const isOne = others.every(({ match }) => match.grant.holder === party.holder);
  return isOne && party.holder !== undefined
    ? { method: party.method, holder: party.holder }
    : { method: party.method };
}
