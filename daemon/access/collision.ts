/** Two grants that carry the same code: both are kept and tried, and a manager hears of it before the guest arrives. */
import type { Instant } from '../../drivers/contract/time.ts';
import { plain } from './body.ts';
import type { Entry } from './entry.ts';
import type { StoredGrant } from './lookup.ts';
import type { Credential, Policies } from './model.ts';
import { targetsOf } from './place.ts';

export interface Collision {
  readonly credential: Credential;
  readonly grants: readonly [StoredGrant, StoredGrant];
  /** Whoever comes will be refused or asked: different holders, different things. */
  readonly isAmbiguous: boolean;
  /** First moment at which both hold. */
  readonly from: Instant | undefined;
}

/** Collisions of one grant with the others that carry one of its codes, as far as they hold at the same time. */
export function collisionsOf(
  stored: StoredGrant,
  others: readonly StoredGrant[],
  policies: Pick<Policies, 'accessLevels'>,
): readonly Collision[] {
  if (!isLive(stored)) return [];
  const levels = Object.fromEntries(policies.accessLevels);
  const thingsOf = ({ grant }: StoredGrant) =>
    new Set(targetsOf(grant.targets, levels).map(({ kind, id }) => `${kind}:${id}`));
  return others
    .filter((other) => other.grant.id !== stored.grant.id && isLive(other))
    .filter((other) => overlap(stored, other))
    .flatMap((other) =>
      stored.grant.credentials
        .filter((mine) => mine.kind === 'pin' && isAloneEnough(mine))
        .filter((mine) =>
          other.grant.credentials.some((its) => its.index === mine.index && isAloneEnough(its)),
        )
        .map((credential): Collision => {
          const isSame = thingsOf(stored).symmetricDifference(thingsOf(other)).size === 0;
          return {
            credential,
            grants: [stored, other],
            isAmbiguous: stored.grant.holder !== other.grant.holder && !isSame,
            from: later(stored.window.start, other.window.start),
          };
        }),
    );
}

/** A second factor is only compared with its own card's grants, so it collides with nothing. */
function isAloneEnough({ combineWith }: Credential): boolean {
  return combineWith === undefined;
}

function isLive({ grant, revoked }: StoredGrant): boolean {
  return revoked === undefined && grant.state !== 'superseded';
}

function overlap({ window: a }: StoredGrant, { window: b }: StoredGrant): boolean {
  const endsBefore = (end: Instant | undefined, start: Instant | undefined) =>
    end !== undefined && start !== undefined && end <= start;
  return !endsBefore(a.end, b.start) && !endsBefore(b.end, a.start);
}

function later(a: Instant | undefined, b: Instant | undefined): Instant | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return a > b ? a : b;
}

/** Names the grants and their sources, never the code. Goes to the manager, not to who made the grant. */
export function collisionEntry({ grants, isAmbiguous, from }: Collision): Entry {
  const [first, second] = grants;
  return {
    type: 'grant.pin_collision',
    body: plain({
      grants: [first.grant.id, second.grant.id],
      sources: [first.grant.source.vendor, second.grant.source.vendor],
      ambiguous: isAmbiguous,
      from,
      alarm: isAmbiguous ? true : undefined,
    }),
  };
}
