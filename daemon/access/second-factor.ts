/** A card that needs a PIN: which grants the pair may belong to, and whether it is complete. */
import type { Knowledge, KnownMatch } from './knowledge.ts';
import { waitLeft } from './lockout.ts';
import type { Presentation } from './presentation.ts';

/** The grants that what was shown belongs to. After a card, a PIN is compared only with the PINs of its grants. */
export function matchesOf(known: Knowledge, presentation: Presentation): readonly KnownMatch[] {
  const stored = known.matches.filter(({ grant }) => grant.state !== 'pending');
  if (!isCompleted(known) && presentation.kind !== 'choice') return stored;
  const grants =
    known.pending !== undefined && 'grants' in known.pending ? known.pending.grants : [];
  return stored
    .filter(({ grant }) => grants.includes(grant.id))
    .filter(({ credential }) => !isCompleted(known) || credential.combineWith === 'card');
}

/** This presentation is the PIN to a card that was shown before, or chooses after such a PIN. */
export function isCompleted({ pending, presentation }: Knowledge): boolean {
  if (pending?.kind === 'second-factor') return presentation?.kind === 'code';
  return pending?.kind === 'choice' && presentation?.kind === 'choice' && pending.isCompleted;
}

export function needsSecondFactor({ grant, credential }: KnownMatch, known: Knowledge): boolean {
  if (isCompleted(known)) return false;
  if (credential.combineWith === 'card') return true;
  const isCard = credential.kind === 'card' || credential.kind === 'fob';
  return isCard && grant.credentials.some((each) => each.combineWith === 'card');
}

/** A locked or dead keypad makes the pair impossible, never a single factor. */
export function canEnterSecond({ grant }: KnownMatch, known: Knowledge): boolean {
  const digits = grant.credentials.find((each) => each.combineWith === 'card')?.digits ?? 0;
  return known.keypads.some(
    ({ isOnline, lockout }) =>
      isOnline && waitLeft(lockout, digits, known.now, known.policies.lockout) === 0,
  );
}
