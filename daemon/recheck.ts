/**
 * The last look before the wire (P6): between the decision and the opening's turn on the bus its grant may have been
 * revoked or changed, the site locked down, or the key moved. Then nothing is opened.
 */
import { type Actuation, type DeviceId, FIRE_HOLD } from '../drivers/contract/device.ts';
import { doorId, type LedgerView, type Opening } from './access/ledger.ts';
import type { GrantLookup, StoredGrant } from './access/lookup.ts';

/** Why an opening may not go to the wire any more; `undefined`: it may. */
export type Overtaken =
  | 'ended'
  | 'revoked'
  | 'superseded'
  | 'changed'
  | 'lockdown'
  | 'key-moved'
  | 'fire';

/** Of what rests on no entry of its own, and of what moves nothing, there is nothing to look at again. */
export function whyNot(
  { kind, id, device }: Actuation,
  ledger: LedgerView,
  grants: GrantLookup,
): Overtaken | undefined {
  const seq = /^a-(\d+)$/.exec(id)?.[1];
  if (seq === undefined) return undefined;
  // Locking ends openings and is none: of what overtakes those, only a fire alarm is a reason against it.
  if (kind === 'lock') return isReleased(device, ledger) ? 'fire' : undefined;
  return overtaken(Number(seq), ledger, grants);
}

function isReleased(lock: DeviceId, ledger: LedgerView): boolean {
  return ledger.get('slot', doorId(lock))?.fire === true;
}

export function overtaken(
  seq: number,
  ledger: LedgerView,
  grants: GrantLookup,
): Overtaken | undefined {
  const opening = openingOf(seq, ledger);
  if (opening === undefined) return 'ended';
  const { slot, device, hold = 0 } = opening;
  // The door stands released already, and a lock that times its newest opening would lock sooner.
  if (slot === undefined && hold < FIRE_HOLD && isReleased(device, ledger)) return 'fire';
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

/** Another revision may be a narrower one: whoever shows the credential again is judged by it. */
function grantEnded(
  { grant, rev }: Opening,
  stored: StoredGrant | undefined,
): Overtaken | undefined {
  if (grant === undefined) return undefined;
  if (stored === undefined || stored.revoked !== undefined) return 'revoked';
  if (stored.grant.state !== 'active') return 'superseded';
  return rev === undefined || rev === stored.grant.rev ? undefined : 'changed';
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
