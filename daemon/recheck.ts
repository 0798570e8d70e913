/**
 * The last look before the wire (P6): between the decision and the opening's turn on the bus its grant may have been
 * revoked, the site locked down, or the key moved. Then nothing is opened.
 */
import type { LedgerView, Opening } from './access/ledger.ts';
import type { GrantLookup, StoredGrant } from './access/lookup.ts';

/** Why an opening may not go to the wire any more; `undefined`: it may. */
export type Overtaken = 'ended' | 'revoked' | 'superseded' | 'lockdown' | 'key-moved';

export function overtaken(
  seq: number,
  ledger: LedgerView,
  grants: GrantLookup,
): Overtaken | undefined {
  const opening = openingOf(seq, ledger);
  if (opening === undefined) return 'ended';
  if (opening.isReturn === true) return undefined; // a return is refused by nothing that came later
  const stored = opening.grant === undefined ? undefined : grants.grant(opening.grant);
  return (
    grantEnded(opening, stored) ??
    (isLockedDown(opening, ledger, stored) ? 'lockdown' : keyMoved(opening, ledger))
  );
}

function openingOf(seq: number, ledger: LedgerView): Opening | undefined {
  for (const [, opening] of ledger.all('opening')) if (opening.seq === seq) return opening;
  return undefined;
}

function grantEnded({ grant }: Opening, stored: StoredGrant | undefined): Overtaken | undefined {
  if (grant === undefined) return undefined;
  if (stored === undefined || stored.revoked !== undefined) return 'revoked';
  return stored.grant.state === 'active' ? undefined : 'superseded';
}

/**
 * What a lockdown refuses was decided before it, whatever the wall clock, which may have been set back, says of the two.
 * What it does not refuse (a command, a fob to attach) goes on in one that was there: only a later one ends it.
 */
function isLockedDown(
  opening: Opening,
  ledger: LedgerView,
  stored: StoredGrant | undefined,
): boolean {
  const staff = stored?.grant.options.staff === true;
  const isRefused = opening.operation === 'pickup' || opening.operation === 'unlock';
  for (const [, { scope, allowStaff, since }] of ledger.all('lockdown')) {
    const concerns = scope === 'site' || scope === opening.accessPoint;
    if (concerns && (isRefused || since > opening.since) && !(allowStaff && staff)) return true;
  }
  return false;
}

function keyMoved(
  { key, device, slot, operation }: Opening,
  ledger: LedgerView,
): Overtaken | undefined {
  if (operation !== 'pickup' || key === undefined) return undefined;
  const place = ledger.get('key', key)?.place;
  if (place === undefined || place.kind !== 'slot') return 'key-moved';
  return place.box === device && place.slot === slot ? undefined : 'key-moved';
}
