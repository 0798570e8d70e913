/** What Keycafe shows, turned into what is wanted here; the connector reads, this decides what it means. */
import {
  type AccessPointId,
  accessPointId,
  type Credential,
  credentialId,
  type GrantId,
  grantId,
  holderId,
  type KeyId,
  keyId,
} from '../../access/model.ts';
import type { VendorDesk } from '../desk.ts';
import { holderFor } from '../people.ts';
import type { SeenThing } from '../reading.ts';
import type { WantedGrant } from '../sync-change.ts';
import { digestOf } from '../vendor-record.ts';
import { operationsOf, windowOf } from './mapping.ts';
import type { Access, Key } from './wire.ts';

/** How this site's things are called there, from the config. */
export interface KeycafePlaces {
  /** Keys of the config, by Keycafe's id. */
  readonly keys: Readonly<Record<string, string>>;
  /** Id here of a key that was made here and told there, by Keycafe's id. */
  readonly madeHere?: (ref: string) => string | undefined;
  readonly locations: Readonly<Record<string, string>>;
  /** `box:7`, by id of the bin. */
  readonly bins: Readonly<Record<string, string>>;
  readonly keyCodes: boolean;
  /** Roles of members whose codes and badges open what they are permitted; without any, members are not looked at. */
  readonly memberRoles?: readonly string[];
}

export const BOOKING_CODE = credentialId('keycafe:booking');
export const KEY_CODE = credentialId('keycafe:code');

/** The id here of a key that Keycafe calls so. */
export function keyIdFor(ref: string, places: Pick<KeycafePlaces, 'keys' | 'madeHere'>): KeyId {
  return keyId(places.keys[ref] ?? places.madeHere?.(ref) ?? `keycafe:${ref}`);
}

/** A key's own code is a grant of its own. */
export function codeGrantId(key: KeyId): GrantId {
  return grantId(`${key}:code`);
}

/** A PIN, or nothing where it is none that can be typed here. */
export function pinCredential(
  desk: Pick<VendorDesk, 'secrets'>,
  id: Credential['id'],
  digits: string,
  grant: GrantId,
): Credential | undefined {
  if (!/^\d{4,16}$/.test(digits)) return undefined;
  const { index } = desk.secrets.index('pin', digits, grant);
  const sealed = desk.secrets.keep(digits, grant);
  return { id, kind: 'pin', index, digits: digits.length, sealed };
}

/**
 * @param known the key is in the store, or was on the pages just read
 */
export function accessThing(
  access: Access,
  id: GrantId,
  desk: VendorDesk,
  places: KeycafePlaces,
  known: (key: KeyId) => boolean,
): SeenThing {
  const keys = (access.keys ?? (access.key == null ? [] : [access.key])).map(({ id: ref }) =>
    keyIdFor(ref, places),
  );
  const here = keys.filter(known);
  const common = {
    kind: 'access',
    ref: access.id,
    id,
    digest: digestOf([access, keys, here]),
    fields: access,
    fingerprints: fingerprintsOf(keys, access),
  };
  if (keys.length === 0) return { ...common, wanted: { cannot: 'it names no key' } };
  if (here.length === 0) return { ...common, wanted: { cannot: 'its key is not known here' } };
  const window = windowOf(access, desk.about.zone);
  if (typeof window === 'string') return { ...common, wanted: { cannot: window } };
  const code =
    access.bookingCode == null
      ? undefined
      : pinCredential(desk, BOOKING_CODE, access.bookingCode, id);
  const person = access.user;
  const grant: WantedGrant = {
    id,
    source: { vendor: 'keycafe', ref: access.id, version: '' },
    holder: holderFor(
      desk.secrets,
      { email: person?.email, phone: person?.mobile },
      person?.id == null ? `keycafe:access:${access.id}` : `keycafe:user:${person.id}`,
    ),
    credentials: code === undefined ? [] : [code],
    targets: here.map((key) => ({ kind: 'key', id: key })),
    window,
    operations: operationsOf(access.allowSetup === true),
    options: optionsOf(access),
    state: 'active',
  };
  return { ...common, wanted: { grant } };
}

const REMINDER_MINUTES = 60;

export function optionsOf({
  allowSetup,
  returnReminder,
}: {
  readonly allowSetup?: boolean | null | undefined;
  readonly returnReminder?: boolean | null | undefined;
}): WantedGrant['options'] {
  return {
    ...(allowSetup === true ? { allowSetup } : {}),
    ...(returnReminder === true ? { remindMinutes: REMINDER_MINUTES } : {}),
  };
}

/**
 * By any of which a create whose answer was lost is found again among the accesses: Keycafe shows all that it knows of a
 * person, who was named by a mail address or a number alone. What was sent has the first.
 */
export function fingerprintsOf(
  keys: readonly KeyId[],
  access: {
    readonly accessStartDate?: string | null | undefined;
    readonly accessStartTime?: string | null | undefined;
    readonly accessEndDate?: string | null | undefined;
    readonly accessEndTime?: string | null | undefined;
    readonly timeZone?: string | null | undefined;
    readonly name?: string | null | undefined;
    readonly user?:
      | {
          readonly email?: string | null | undefined;
          readonly mobile?: string | null | undefined;
        }
      | null
      | undefined;
  },
): readonly string[] {
  const bounds = [
    access.accessStartDate ?? null,
    access.accessStartTime ?? null,
    access.accessEndDate ?? null,
    access.accessEndTime ?? null,
    access.timeZone ?? null,
  ];
  const contacts = contactsOf(access.user ?? {});
  const names = contacts.length === 0 ? [access.name ?? null] : contacts;
  return names.map((name) => digestOf([keys, ...bounds, name]));
}

/** By what a person can be reached. */
export function contactsOf({
  email,
  mobile,
}: {
  readonly email?: string | null | undefined;
  readonly mobile?: string | null | undefined;
}): readonly string[] {
  const number = mobile?.replace(/\D/g, '');
  return [email?.toLowerCase() ?? '', number ?? ''].filter((each) => each !== '');
}

/** The key, and the grant that its own code is. */
export function keyThings(
  key: Key,
  id: KeyId,
  desk: VendorDesk,
  places: KeycafePlaces,
): readonly SeenThing[] {
  const { code, currentLocation, currentUser, ...plain } = key;
  const at =
    currentLocation != null
      ? { at: 'location', location: currentLocation.id }
      : currentUser != null
        ? { at: 'user' }
        : { at: 'nowhere' };
  const common = { kind: 'key', ref: key.id, id, fields: key, extra: at } as const;
  const isConfigured = places.keys[key.id] !== undefined;
  const home = key.homeLocation == null ? undefined : places.locations[key.homeLocation.id];
  const wanted = {
    key: {
      id,
      name: key.name,
      source: { vendor: 'keycafe', ref: key.id, version: '' },
      virtual: key.virtual === true,
      roaming: key.roaming !== false,
      ...fobOf(key.serialNumber, desk),
      ...(home === undefined ? {} : { home: homeOf(home) }),
      ...(key.notes == null || key.notes === '' ? {} : { notes: key.notes }),
    },
  } as const;
  const thing: SeenThing = {
    ...common,
    digest: digestOf([plain, code, at, isConfigured, home]),
    // A key of the config stays as the installer says; only what is beside it is kept.
    wanted: isConfigured ? { nothing: true } : wanted,
  };
  return [thing, ...codeThing(key, id, desk, places)];
}

function codeThing(
  key: Key,
  id: KeyId,
  desk: VendorDesk,
  { keyCodes }: KeycafePlaces,
): readonly SeenThing[] {
  if (!keyCodes || key.code == null || key.code === '') return [];
  return [codeGrantThing(id, key.id, key.code, desk)];
}

/** Ongoing, without a window, of nobody in particular. */
export function codeGrantThing(id: KeyId, ref: string, code: string, desk: VendorDesk): SeenThing {
  const grant = codeGrantId(id);
  const credential = pinCredential(desk, KEY_CODE, code, grant);
  const common = { kind: 'key-code', ref, id: grant, digest: digestOf([code, id]) };
  if (credential === undefined) {
    return { ...common, wanted: { cannot: 'its code is not 4 to 16 digits' } };
  }
  return {
    ...common,
    wanted: {
      grant: {
        id: grant,
        source: { vendor: 'keycafe', ref: `key-code:${ref}`, version: '' },
        holder: holderId(`keycafe:key-code:${ref}`),
        credentials: [credential],
        targets: [{ kind: 'key', id }],
        window: { kind: 'ongoing' },
        operations: ['pickup', 'dropoff'],
        options: {},
        state: 'active',
      },
    },
  };
}

/** The serial number of a fob; one that no reader here can give is learned at the first drop-off. */
export function fobOf(
  serial: string | null | undefined,
  { secrets }: Pick<VendorDesk, 'secrets'>,
): { readonly fob?: ReturnType<VendorDesk['secrets']['indexFob']> } {
  if (serial == null) return {};
  try {
    return { fob: secrets.indexFob(serial) };
  } catch (error) {
    if (error instanceof RangeError) return {};
    throw error;
  }
}

function homeOf(name: string): AccessPointId {
  return accessPointId(name);
}
