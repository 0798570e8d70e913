/** Keys as decisions know them: what we are told of a key, joined with where the ledger has it. */
import type { Instant } from '../../drivers/contract/time.ts';
import type { KnownKey } from './knowledge.ts';
import type { KeyCustody, LedgerView } from './ledger.ts';
import type { GrantMatch } from './lookup.ts';
import { type AccessPoint, type CredentialIndex, type KeyId, keyId } from './model.ts';
import type { KnowledgePorts } from './site-facts.ts';

/** A key that is no longer in the store but still out is known by the ledger alone: it may come back anywhere. */
export function keyKnown(id: string, { grants, ledger }: KnowledgePorts): KnownKey | undefined {
  const key = grants.key(keyId(id));
  const custody = ledger.get('key', id);
  if (key === undefined && custody === undefined) return undefined;
  const fob = custody?.fob === undefined ? key?.fob : custody.fob;
  return {
    id: keyId(id),
    virtual: key?.virtual ?? false,
    roaming: key?.roaming ?? true,
    hasFob: fob !== undefined && fob !== null,
    ...(key?.home === undefined ? {} : { home: key.home }),
    ...(custody === undefined ? {} : { custody, ...loanOf(custody, { grants }) }),
  };
}

/** The grant a key was taken under may be longer, shorter or gone by now; its present end is when the key is due. */
function loanOf(
  { place }: KeyCustody,
  { grants }: Pick<KnowledgePorts, 'grants'>,
): Pick<KnownKey, 'loan'> {
  if (place.kind !== 'holder') return {};
  const stored = place.grant === undefined ? undefined : grants.grant(place.grant);
  if (stored === undefined) {
    return { loan: { over: false, ...(place.due === undefined ? {} : { due: place.due }) } };
  }
  const { grant, window, revoked } = stored;
  const due = earliest(window.end, revoked?.at);
  const { remindMinutes } = grant.options;
  return {
    loan: {
      over: revoked !== undefined || grant.state === 'superseded',
      ...(due === undefined ? {} : { due }),
      ...(remindMinutes === undefined ? {} : { remindMinutes }),
    },
  };
}

function earliest(a: Instant | undefined, b: Instant | undefined): Instant | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return a < b ? a : b;
}

/** A fob attached or detached here counts before what the store says. */
export function keyOfFob(
  fob: CredentialIndex,
  { grants, ledger }: Pick<KnowledgePorts, 'grants' | 'ledger'>,
): KeyId | undefined {
  for (const [id, custody] of ledger.all('key')) if (custody.fob === fob) return keyId(id);
  const key = grants.keyByFob(fob);
  if (key === undefined) return undefined;
  return ledger.get('key', key.id)?.fob === undefined ? key.id : undefined;
}

/** Keys that lie in the box, may lie there, or are with somebody who is concerned. */
export function keysAround(
  { box }: AccessPoint,
  matches: readonly GrantMatch[],
  ledger: LedgerView,
): readonly KeyId[] {
  const found: KeyId[] = [];
  for (const [id, { place, lastSlot }] of ledger.all('key')) {
    const isHere =
      (place.kind === 'slot' && place.box === box?.device) ||
      (place.kind === 'unknown' && box !== undefined && lastSlot?.box === box.device) ||
      (place.kind === 'holder' && matches.some(({ grant }) => grant.id === place.grant));
    if (isHere) found.push(keyId(id));
  }
  return found;
}
