/** A code replaced by another: the new one must be valid, and the old one dead, everywhere; both are proven by events. */
import type { DeviceId } from '../../drivers/contract/device.ts';
import { plain } from './body.ts';
import type { Entry } from './entry.ts';
import type { StoredGrant } from './lookup.ts';
import type { CredentialIndex, Grant } from './model.ts';

/** What a device with a code memory of its own was last read to hold under the grant. */
export interface CodeMemory {
  readonly device: DeviceId;
  readonly holds: 'new' | 'old' | 'both' | 'none' | 'unknown';
}

export interface PinRotation {
  readonly newValid: boolean;
  readonly oldDead: boolean;
  /** Devices that are not read back as holding the new code and only it. */
  readonly waiting: readonly DeviceId[];
}

/**
 * Undefined: no code of the grant was replaced. `isCarried` says whether a live grant carries the code, as the
 * deciding connection reads the store now.
 */
export function pinRotation(
  before: Grant,
  after: Grant,
  memories: readonly CodeMemory[],
  isCarried: (index: CredentialIndex) => boolean,
): PinRotation | undefined {
  const added = without(after, before);
  const removed = without(before, after);
  if (added.length === 0 || removed.length === 0) return undefined;
  return {
    newValid: added.every(isCarried) && memories.every(({ holds }) => NEW_VALID.includes(holds)),
    oldDead: !removed.some(isCarried) && memories.every(({ holds }) => OLD_DEAD.includes(holds)),
    waiting: memories.filter(({ holds }) => holds !== 'new').map(({ device }) => device),
  };
}

const NEW_VALID: readonly CodeMemory['holds'][] = ['new', 'both'];
const OLD_DEAD: readonly CodeMemory['holds'][] = ['new', 'none'];

function without(grant: Grant, other: Grant): readonly CredentialIndex[] {
  const pins = ({ credentials }: Grant) =>
    credentials.filter(({ kind }) => kind === 'pin').map(({ index }) => index);
  return pins(grant).filter((index) => !pins(other).includes(index));
}

/** To be recorded once for each of the two, when it has become true. */
export function pinRotatedEntry(
  { id, rev, holder }: Grant,
  proves: 'new-valid' | 'old-dead',
  memories: readonly CodeMemory[],
): Entry {
  const devices = memories.map(({ device }) => device);
  return {
    type: 'grant.pin_rotated',
    sub: holder,
    body: plain({ grant: id, rev, proves, devices }),
  };
}

/**
 * What a put of `after` over `before` proves at once, where no device keeps codes of its own: what is recorded with
 * the put. `matches` are the grants that the deciding connection finds by a code, after the put.
 */
export function rotationEntries(
  before: StoredGrant | undefined,
  after: Grant,
  matches: (index: CredentialIndex) => readonly StoredGrant[],
): readonly Entry[] {
  if (before === undefined || before.revoked !== undefined) return [];
  const isCarried = (index: CredentialIndex) =>
    matches(index).some(({ grant, revoked }) => grant.id === after.id && revoked === undefined);
  const rotation = pinRotation(before.grant, after, [], isCarried);
  if (rotation === undefined) return [];
  return [
    ...(rotation.newValid ? [pinRotatedEntry(after, 'new-valid', [])] : []),
    ...(rotation.oldDead ? [pinRotatedEntry(after, 'old-dead', [])] : []),
  ];
}
