/** Grants as decisions know them: what carries the credential shown, joined with what was counted under it. */
import type { KnownMatch } from './knowledge.ts';
import { type CredentialRecord, credentialRecord, type LedgerView } from './ledger.ts';
import type { GrantMatch } from './lookup.ts';
import { type Credential, isKeyId, type KeyId, type Policies, type Target } from './model.ts';
import type { Pending } from './presentation.ts';
import type { KnowledgePorts } from './site-facts.ts';
import { useOf } from './uses.ts';

export function namedKeys(targets: readonly Target[]): readonly KeyId[] {
  return targets.flatMap(({ kind, id }) => (kind === 'key' && isKeyId(id) ? [id] : []));
}

export function levelsOf(
  matches: readonly GrantMatch[],
  { accessLevels }: Policies,
): { readonly [name: string]: readonly Target[] } {
  const found: Record<string, readonly Target[]> = {};
  const visit = (targets: readonly Target[]): void => {
    for (const { kind, id } of targets) {
      const level = kind === 'access_level' && !Object.hasOwn(found, id) && accessLevels.get(id);
      if (!level) continue;
      found[id] = level;
      visit(level);
    }
  };
  for (const { grant } of matches) visit(grant.targets);
  return found;
}

/** Only what a decision reads: neither sealed digits nor other people's hashes go into the evidence. */
export function knownMatch(
  match: GrantMatch,
  pending: Pending | undefined,
  { ledger }: KnowledgePorts,
): KnownMatch {
  const { grant, credential } = match;
  const known: { -readonly [Member in keyof KnownMatch]: KnownMatch[Member] } = {
    grant: grant.credentials.some(isMarked)
      ? { ...grant, credentials: grant.credentials.map(unmarked) }
      : grant,
    credential: unsealed(credential),
    window: match.window,
    revoked: match.revoked,
  };
  if (grant.uses !== undefined) {
    const use = useOf(ledger, grant.id);
    if (use !== undefined) known.use = use;
  }
  const record = recordOf(match, pending, ledger);
  if (record !== undefined) known.credentialRecord = record;
  const presence = ledger.get('area', grant.holder);
  if (presence !== undefined) known.presence = presence;
  return known;
}

/** Of the credential shown, or of the card that it completes: what disables comes first. */
function recordOf(
  { grant, credential }: GrantMatch,
  pending: Pending | undefined,
  ledger: LedgerView,
): CredentialRecord | undefined {
  const record = credentialRecord(ledger, grant.id, credential.id);
  if (pending?.kind !== 'second-factor' || record?.disabled === true) return record;
  const mine = pending.credentials.filter((_, at) => pending.grants[at] === grant.id);
  const cards = mine.flatMap((id) => credentialRecord(ledger, grant.id, id) ?? []);
  return cards.find(({ disabled }) => disabled) ?? record ?? cards[0];
}

function isMarked({ duress, sealed }: Credential): boolean {
  return duress !== undefined || sealed !== undefined;
}

function unsealed(credential: Credential): Credential {
  if (credential.sealed === undefined) return credential;
  const { sealed: _sealed, ...shown } = credential;
  return shown;
}

/** Whether a code that was not shown is one of duress is nobody's business. */
function unmarked(credential: Credential): Credential {
  if (credential.duress === undefined) return unsealed(credential);
  const { duress: _duress, ...others } = credential;
  return unsealed(others);
}
