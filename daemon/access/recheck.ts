/** Looked at again just before the wire: an opening that waited may have been revoked or locked down meanwhile (P6). */
import { plain } from './body.ts';
import type { Entry } from './entry.ts';
import type { LedgerView, Opening } from './ledger.ts';
import { slotId } from './ledger.ts';
import type { GrantLookup } from './lookup.ts';
import type { GrantId, Reason } from './model.ts';

/** Why an opening that was granted must not go out any more; undefined: it may. A return is never taken back. */
export function stillGood(
  opening: Opening,
  grants: Pick<GrantLookup, 'grant'>,
  ledger: LedgerView,
): Reason | undefined {
  if (opening.isReturn === true || opening.operation === 'command') return undefined;
  const stored = opening.grant === undefined ? undefined : grants.grant(opening.grant);
  if (opening.grant !== undefined && stored === undefined) return 'revoked';
  if (stored?.revoked !== undefined) return 'revoked';
  if (stored !== undefined && stored.grant.state !== 'active') return 'superseded';
  const isStaff = stored?.grant.options.staff === true;
  for (const [, { scope, allowStaff }] of ledger.all('lockdown')) {
    const isHere = scope === 'site' || scope === opening.accessPoint;
    if (isHere && !(allowStaff && isStaff)) return 'lockdown';
  }
  return isStillInPlace(opening, ledger) ? undefined : 'key-not-here';
}

/** What is to be picked up still lies there. */
function isStillInPlace({ operation, key, device, slot }: Opening, ledger: LedgerView): boolean {
  if (operation !== 'pickup' || key === undefined || slot === undefined) return true;
  const place = ledger.get('key', key)?.place;
  return place?.kind === 'slot' && slotId(place.box, place.slot) === slotId(device, slot);
}

/** Openings under a grant that nobody has seen to go out: a revocation withdraws them. */
export function openingsUnder(grant: GrantId, ledger: LedgerView): readonly Opening[] {
  return [...ledger.all('opening')]
    .map(([, opening]) => opening)
    .filter((opening) => opening.grant === grant && opening.isReturn !== true)
    .filter(({ seen }) => seen.outcome === undefined && seen.opened !== true);
}

/** The opening was taken back before the wire; what was counted for it is given back. */
export function withdrawnEntry(opening: Opening, reason: Reason): Entry {
  const { seq, device, slot, key, grant, holder, operation, accessPoint } = opening;
  const body = plain({
    accessPoint,
    opening: seq,
    ends: seq,
    givesBack: true,
    slot,
    key,
    grant,
    operation,
    reason,
  });
  const entry: Entry = { type: 'access.withdrawn', device, body };
  return holder === undefined ? entry : { ...entry, sub: holder };
}
