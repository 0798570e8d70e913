/**
 * Members of Keycafe's organization: a membership has a code (and a badge), a permission says what it opens, without a
 * window and without end. Each permission is a grant of its own (vendor-apis 2.10).
 */
import {
  type Credential,
  credentialId,
  grantId,
  type KeyId,
  type Target,
} from '../../access/model.ts';
import type { VendorDesk } from '../desk.ts';
import { holderFor } from '../people.ts';
import type { SeenThing } from '../reading.ts';
import type { WantedGrant } from '../sync-change.ts';
import { digestOf } from '../vendor-record.ts';
import { contactsOf, type KeycafePlaces, keyIdFor, pinCredential } from './thing.ts';
import type { Membership, Permission } from './wire.ts';

export const MEMBERSHIP = 'membership';
export const PERMISSION = 'permission';
const MEMBER_CODE = credentialId('keycafe:member');
const BADGE = credentialId('keycafe:badge');

/** A record alone: what it opens, its permissions say. */
export function membershipThing(member: Membership): SeenThing {
  return {
    kind: MEMBERSHIP,
    ref: member.id,
    id: `keycafe:membership:${member.id}`,
    digest: digestOf(member),
    wanted: { nothing: true },
    fields: member,
    fingerprints: memberPrints(member.user),
  };
}

/** By any of which a membership whose answer was lost is found again; what was sent has the first. */
export function memberPrints(user: Parameters<typeof contactsOf>[0]): readonly string[] {
  return contactsOf(user).map((contact) => digestOf(contact));
}

export function permissionPrint({
  user,
  role,
  key,
  group,
  location,
}: Pick<Permission, 'user' | 'role' | 'key' | 'group' | 'location'>): string {
  return digestOf([
    user.id,
    role ?? null,
    key?.id ?? null,
    group?.id ?? null,
    location?.id ?? null,
  ]);
}

/**
 * @param member whom it is for; `undefined` where no membership was read for that user
 * @param known the key is in the store
 */
export function permissionThing(
  permission: Permission,
  member: Membership | undefined,
  id: string,
  desk: VendorDesk,
  places: KeycafePlaces,
  known: (key: KeyId) => boolean,
): SeenThing {
  const common = {
    kind: PERMISSION,
    ref: permission.id,
    id,
    fields: permission,
    fingerprints: [permissionPrint(permission)],
  };
  const wanted = permissionGrant(permission, member, id, desk, places, known);
  const digest = digestOf([
    permission,
    member,
    typeof wanted === 'string' ? wanted : wanted.targets,
  ]);
  return typeof wanted === 'string'
    ? { ...common, digest, wanted: { cannot: wanted } }
    : { ...common, digest, wanted: { grant: wanted } };
}

/** A sentence where it opens nothing here. */
export function permissionGrant(
  permission: Pick<Permission, 'user' | 'role' | 'key' | 'group' | 'location'> & {
    readonly id: string;
  },
  member: Membership | undefined,
  id: string,
  desk: VendorDesk,
  places: KeycafePlaces,
  known: (key: KeyId) => boolean,
): WantedGrant | string {
  // What other roles may do is written nowhere: they open nothing (P5).
  if (!(places.memberRoles ?? []).includes(permission.role ?? '')) {
    return `the role ${permission.role ?? 'without a name'} opens nothing here`;
  }
  if (member === undefined) return 'its user is no member of the organization';
  const target = targetOf(permission, places, known);
  if (typeof target === 'string') return target;
  const grant = grantId(id);
  const { email, mobile, id: user } = member.user;
  return {
    id: grant,
    source: { vendor: 'keycafe', ref: `permission:${permission.id}`, version: '' },
    holder: holderFor(desk.secrets, { email, phone: mobile }, `keycafe:user:${user}`),
    credentials: memberCredentials(member, grant, desk),
    targets: [target],
    window: { kind: 'ongoing' },
    operations: ['pickup', 'dropoff'],
    options: {},
    state: 'active',
  };
}

function targetOf(
  { key, group, location }: Pick<Permission, 'key' | 'group' | 'location'>,
  places: KeycafePlaces,
  known: (key: KeyId) => boolean,
): Target | string {
  if ([key, group, location].filter((each) => each != null).length !== 1) {
    return 'it names not exactly one of key, group and location';
  }
  if (key != null) {
    const id = keyIdFor(key.id, places);
    return known(id) ? { kind: 'key', id } : 'its key is not known here';
  }
  // No call is documented that tells which keys are in a group.
  if (location == null) return 'which keys its group has is not told';
  const point = places.locations[location.id];
  return point === undefined
    ? 'its location is none of this site'
    : { kind: 'location', id: point };
}

function memberCredentials(
  { code, badge }: Membership,
  grant: WantedGrant['id'],
  desk: VendorDesk,
): readonly Credential[] {
  const pin = code == null ? undefined : pinCredential(desk, MEMBER_CODE, code, grant);
  const fob = badge?.serialNumber == null ? undefined : badgeOf(badge.serialNumber, desk);
  return [...(pin === undefined ? [] : [pin]), ...(fob === undefined ? [] : [fob])];
}

/** A fob is a holder's or a key's, never both; a key's stays the key's. */
function badgeOf(serial: string, { secrets, grants }: VendorDesk): Credential | undefined {
  try {
    const index = secrets.indexFob(serial);
    return grants.keyByFob(index) === undefined ? { id: BADGE, kind: 'fob', index } : undefined;
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}
