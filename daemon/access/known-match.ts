/** Grants as decisions know them: what carries the credential shown, joined with what was counted under it. */
import type { KnownMatch } from './knowledge.ts';
import type { GrantMatch } from './lookup.ts';
import { type Credential, type KeyId, keyId, type Policies, type Target } from './model.ts';
import type { Pending } from './presentation.ts';
import type { KnowledgePorts } from './site-facts.ts';
import { ALL_UNCONFIRMED } from './uses.ts';

export function namedKeys(targets: readonly Target[]): readonly KeyId[] {
  return targets.flatMap((target) =>
    target.kind === 'key' && target.id !== '' ? [keyId(target.id)] : [],
  );
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
  const cards = pending?.kind === 'second-factor' ? pending.credentials : [];
  const mine = cards.filter((id) => grant.credentials.some((each) => each.id === id));
  const records = [credential.id, ...mine].flatMap((id) => ledger.get('credential', id) ?? []);
  const record = records.find(({ disabled }) => disabled) ?? records[0];
  const use = ledger.get('use', grant.id) ?? ledger.get('use', ALL_UNCONFIRMED);
  const presence = ledger.get('area', grant.holder);
  return {
    grant: { ...grant, credentials: grant.credentials.map(unmarked) },
    credential: unsealed(credential),
    window: match.window,
    revoked: match.revoked,
    ...(grant.uses === undefined || use === undefined ? {} : { use }),
    ...(record === undefined ? {} : { credentialRecord: record }),
    ...(presence === undefined ? {} : { presence }),
  };
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
