/** A door opened from afar by the cloud key of a grant: as authorised as a call of this dialect, and no longer than the grant. */
import type { StoredGrant } from '../../access/lookup.ts';
import { grantId } from '../../access/model.ts';
import type { ActionAttempt } from './action-attempts.ts';
import { BY, type DialectParts } from './dialect-parts.ts';
import type { MethodFields } from './fields.ts';
import type { Grant } from './grant-making.ts';
import { invalid } from './seam-error.ts';
import type { SiteEntrance } from './site-devices.ts';

/** @throws SeamError for a method that opens nothing from afar; what the rules refuse is told by the attempt */
export async function unlockByKey(
  grant: Grant,
  { mode, access_method_id }: MethodFields,
  { point, uuid }: SiteEntrance,
  parts: DialectParts,
): Promise<ActionAttempt> {
  const { attempts, desk } = parts;
  if (mode !== 'cloud_key') throw invalid('access_method_id', 'this method is no cloud key');
  const stored = desk.grants.grant(grantId(grant.id));
  const locks =
    stored === undefined ? [] : point.locks.filter((lock) => covers(stored, lock, parts));
  const refusal = refusalOf(stored, locks.length, point.id, parts);
  if (refusal !== undefined) {
    return attempts.failed('UNLOCK_DOOR', uuid, refusal.replaceAll('-', '_'), refusal);
  }
  const why = `access_method ${access_method_id}`;
  const [first, ...others] = locks.map((device) => ({ kind: 'unlock', device, why }) as const);
  if (first === undefined) throw new TypeError('a door that is covered has a lock');
  return attempts.command('UNLOCK_DOOR', uuid, first, BY, others);
}

function covers({ grant }: StoredGrant, lock: string, { desk }: DialectParts): boolean {
  const { accessLevels } = desk.ports().site.policies;
  return grant.targets.some(({ kind, id }) => {
    if (kind === 'lock') return id === lock;
    const level = kind === 'access_level' ? accessLevels.get(id) : undefined;
    return level?.some((each) => each.kind === 'lock' && each.id === lock) === true;
  });
}

/** Reasons of the rules, in their order (`domain.md`, The decision). */
function refusalOf(
  stored: StoredGrant | undefined,
  locks: number,
  point: string,
  { desk }: DialectParts,
): string | undefined {
  if (stored === undefined || stored.revoked !== undefined) return 'revoked';
  const { grant, window } = stored;
  const { lo, hi } = desk.stamp().clock;
  if (grant.state !== 'active') return 'superseded';
  if (locks === 0) return 'wrong-access-point';
  if ((grant.unsupported ?? []).length > 0) return 'unsupported-limit';
  if (window.start !== undefined && window.start >= hi) return 'not-yet-valid';
  if (window.end !== undefined && window.end <= lo) return 'expired';
  // From afar nobody stands in the rain: where the clock cannot tell, it stays shut.
  const isSure =
    (window.start === undefined || window.start <= lo) &&
    (window.end === undefined || window.end > hi);
  if (!isSure) return 'clock-untrusted';
  const lockdowns = [...desk.ports().ledger.all('lockdown')];
  if (lockdowns.some(([, { scope }]) => scope === 'site' || scope === point)) return 'lockdown';
  return undefined;
}
