/** What Seam shows, turned into what is wanted here. Pure but for the seal. */
import {
  type Credential,
  credentialId,
  grantId,
  type HolderId,
  type Target,
  type Window,
} from '../../access/model.ts';
import type { VendorDesk } from '../desk.ts';
import { narrower } from '../narrower.ts';
import { holderFor } from '../people.ts';
import type { SeenThing } from '../reading.ts';
import type { WantedGrant } from '../sync-change.ts';
import { digestOf, type PlaceState } from '../vendor-record.ts';
import { operationsOf, windowOf } from './access-grant.ts';
import { KINDS } from './dialect-parts.ts';
import { type SeamPlaces, targetAt } from './places.ts';
import { codeFieldsOf, grantFieldsOf, isReissued } from './vendor-fields.ts';
import type { AccessCode, AccessGrant, AccessMethod, UserIdentity } from './wire.ts';

/** A device that has another code than the grant's: a grant of its own for that device (vendor-apis.md 7, trap 7). */
export const DEVICE_CODE = 'device_code';

export interface GrantSeen {
  readonly grant: AccessGrant;
  readonly methods: readonly AccessMethod[];
  /** Of the grant, one a method and device. */
  readonly codes: readonly AccessCode[];
  readonly person: UserIdentity | undefined;
  /** What the store has now; its window holds on while a changed one is being programmed. */
  readonly before: Window | undefined;
}

export interface GrantThings {
  readonly main: SeenThing;
  readonly others: readonly SeenThing[];
  /** How it stands in each of their devices. */
  readonly places: readonly PlaceState[];
}

export function grantThings(
  id: string,
  seen: GrantSeen,
  desk: VendorDesk,
  places: SeamPlaces,
): GrantThings {
  const { grant, methods, codes } = seen;
  const holder = holderFor(
    desk.secrets,
    { email: seen.person?.email_address, phone: seen.person?.phone_number },
    `seam:${grant.user_identity_id ?? grant.access_grant_id}`,
  );
  const live = methods.filter(isLive);
  const isReissuing = live.some(isReissued);
  const window = windowFor(grant, seen.before, isReissuing, desk.about.zone);
  // Wished for is what any method has, in force or not: its code at a device is then no other one.
  const wishes = new Set(
    methods.flatMap(({ mode, code }) => (mode === 'code' && code ? [code] : [])),
  );
  const alone = codes.filter(
    (each) => isAlone(each, wishes) && (isReissuing || each.status !== 'setting'),
  );
  const isElsewhere = new Set(alone.map(({ device_id }) => device_id));
  const devices = [
    ...new Set([...(grant.device_ids ?? []), ...codes.map((each) => each.device_id)]),
  ];
  const targets = targetsOf(
    grant,
    devices.filter((each) => !isElsewhere.has(each)),
    places,
  );
  const states = placeStates(codes);
  const troubles = troublesOf(grant, methods);
  const fields = grantFieldsOf(grant, methods, devices, alone);
  const isHere =
    targets.length > 0 || alone.some(({ device_id }) => targetAt(places.devices, device_id));
  const others = alone.flatMap((code) => deviceThing(id, code, holder, window, desk, places) ?? []);
  const extra = {
    shown: digestOf(grant),
    others: others.map(({ ref }) => ref),
    codes: codes.map(({ access_code_id }) => access_code_id),
  };
  // Not settled there: it is looked at again without waiting for an event.
  const isWaiting =
    isReissuing ||
    methods.some(({ mode, is_issued }) => mode === 'code' && !is_issued) ||
    states.some(({ state }) => state === 'pending');
  const digest = digestOf([
    grant,
    methods.map((each) => [each, isLive(each)]),
    codes.map(({ access_code_id, code, device_id }) => [access_code_id, code, device_id]),
    seen.person ?? null,
    targets,
    states,
    troubles,
    isWaiting,
    isReissuing,
  ]);
  const common = { kind: KINDS.grant, ref: grant.access_grant_id, id, digest, fields };
  const told = { ...common, extra: { ...extra, isWaiting } };
  const settled = (wanted: SeenThing['wanted']): GrantThings => ({
    main: { ...told, wanted },
    others: 'cannot' in wanted ? [] : others,
    places: [...states, ...troubles],
  });
  if (isEnding(grant)) return settled({ cannot: 'it is being deleted there' });
  if (!isHere) return settled({ cannot: 'none of its doors is known here' });
  if (window === undefined) return settled({ cannot: 'its times have nothing in common' });
  const credentials = live.flatMap((method) => credentialFor(method, id, desk) ?? []);
  const wanted: WantedGrant = {
    id: grantId(id),
    source: { vendor: 'seam', ref: grant.access_grant_id, version: '' },
    holder,
    credentials,
    targets,
    window,
    operations: operationsOf(targets),
    options: {},
    state: 'active',
  };
  return settled({ grant: wanted });
}

/** Of a grant that this site made there: only what this site decides, so that its being programmed is no change. */
export function mirrorDigest(grant: AccessGrant): string {
  const end = grant.ends_at === null ? null : Date.parse(grant.ends_at);
  return digestOf([Date.parse(grant.starts_at), end]);
}

/** Of a code (vendor-apis.md 3.5). */
const STATUSES: ReadonlySet<string> = new Set(['unset', 'setting', 'set', 'removing', 'unknown']);

/** One code at one device, made by itself. */
export function codeThing(
  id: string,
  code: AccessCode,
  desk: VendorDesk,
  places: SeamPlaces,
): SeenThing {
  const target = targetAt(places.devices, code.device_id);
  const common = {
    kind: KINDS.code,
    ref: code.access_code_id,
    id,
    digest: digestOf([code, target ?? null]),
    fields: codeFieldsOf(code),
  };
  if (target === undefined)
    return { ...common, wanted: { cannot: 'its device is not known here' } };
  if (isEnding(code) || code.status === 'removing') {
    return { ...common, wanted: { cannot: 'it is being deleted there' } };
  }
  if (!STATUSES.has(code.status)) {
    return { ...common, wanted: { cannot: 'its status there is not known here' } };
  }
  if (code.type === 'time_bound' && (code.starts_at == null || code.ends_at == null)) {
    return { ...common, wanted: { cannot: 'it is bound to times that are not told' } };
  }
  const credential = pinOf(code.access_code_id, code.code, id, desk);
  if (credential === undefined)
    return { ...common, wanted: { cannot: 'it has no code that can be typed here' } };
  const carrier = desk.ports().site.bridge;
  return {
    ...common,
    wanted: {
      grant: {
        id: grantId(id),
        source: { vendor: 'seam', ref: code.access_code_id, version: '' },
        holder: holderFor(desk.secrets, {}, `seam-code:${code.access_code_id}`),
        credentials: [credential],
        targets: [target],
        window: windowOf({ starts_at: code.starts_at ?? null, ends_at: code.ends_at ?? null }),
        ...(code.is_one_time_use === true ? { uses: { max: 1, carrier } } : {}),
        operations: operationsOf([target]),
        options: {},
        state: 'active',
      },
    },
  };
}

/** Issued, or issued before and about to be again: a revoked method of an update is no revocation (trap 8). */
function isLive(method: AccessMethod): boolean {
  return !isEnding(method) && (method.is_issued || isReissued(method));
}

function isEnding(thing: {
  readonly warnings?: AccessGrant['warnings'] | null | undefined;
  readonly pending_mutations?: AccessGrant['pending_mutations'] | null | undefined;
}): boolean {
  const isSaid = (thing.warnings ?? []).some(
    ({ warning_code, error_code }) => (warning_code ?? error_code) === 'being_deleted',
  );
  const isAsked = (thing.pending_mutations ?? []).some(
    ({ mutation_code }) => mutation_code === 'deleting' || mutation_code === 'revoking_access',
  );
  return isSaid || isAsked;
}

/** The code that the device has differs from the one that was wished for. */
function isAlone(code: AccessCode, wishes: ReadonlySet<string>): boolean {
  return code.code != null && !wishes.has(code.code) && !isEnding(code);
}

/** While new times are being programmed only what old and new both allow holds: never wider, and nobody shut out early. */
function windowFor(
  grant: AccessGrant,
  before: Window | undefined,
  isReissuing: boolean,
  zone: string,
): Window | undefined {
  const told = windowOf(grant);
  return isReissuing && before !== undefined ? narrower(before, told, zone) : told;
}

function targetsOf(
  grant: AccessGrant,
  devices: readonly string[],
  places: SeamPlaces,
): readonly Target[] {
  const found = [
    ...devices.map((each) => targetAt(places.devices, each)),
    ...(grant.acs_entrance_ids ?? []).map((each) => targetAt(places.entrances, each)),
    ...grant.space_ids.map((each) => targetAt(places.spaces, each)),
  ].filter((each) => each !== undefined);
  return [...new Map(found.map((each) => [`${each.kind} ${each.id}`, each])).values()];
}

function credentialFor(method: AccessMethod, id: string, desk: VendorDesk): Credential | undefined {
  // Card numbers are not told by Seam, and mobile keys open by its own apps.
  return method.mode === 'code' ? pinOf(method.access_method_id, method.code, id, desk) : undefined;
}

function pinOf(
  ref: string,
  code: string | null | undefined,
  id: string,
  { secrets }: VendorDesk,
): Credential | undefined {
  if (code == null || !/^\d{4,16}$/.test(code)) return undefined;
  const grant = grantId(id);
  const { index } = secrets.index('pin', code, grant);
  const sealed = secrets.keep(code, grant);
  return { id: credentialId(ref), kind: 'pin', index, digits: code.length, sealed };
}

function deviceThing(
  of: string,
  code: AccessCode,
  holder: HolderId,
  window: Window | undefined,
  desk: VendorDesk,
  places: SeamPlaces,
): SeenThing | undefined {
  const target = targetAt(places.devices, code.device_id);
  const id = `seam-device-${code.access_code_id}`;
  const credential = pinOf(code.access_code_id, code.code, id, desk);
  if (target === undefined || credential === undefined || window === undefined) return undefined;
  return {
    kind: DEVICE_CODE,
    ref: code.access_code_id,
    id,
    digest: digestOf([code, target, holder, window]),
    extra: { of },
    wanted: {
      grant: {
        id: grantId(id),
        source: { vendor: 'seam', ref: code.access_code_id, version: '' },
        holder,
        credentials: [credential],
        targets: [target],
        window,
        operations: operationsOf([target]),
        options: {},
        state: 'active',
      },
    },
  };
}

/** How the code stands in each device of theirs: an answer of 200 means accepted, not in force (trap 19). */
export function placeStates(codes: readonly AccessCode[]): readonly PlaceState[] {
  return codes.map(({ device_id, status, errors }) => {
    const fault = errors?.[0];
    const detail = fault?.error_code;
    const state = fault !== undefined ? 'failed' : status === 'setting' ? 'pending' : 'active';
    return { place: device_id, state, ...(detail === undefined ? {} : { detail }) };
  });
}

/** Of these a person must know; what the others tell is seen by reading, or passes (vendor-apis.md 3.5). */
const TROUBLES: ReadonlySet<string> = new Set([
  'underprovisioned_access',
  'device_does_not_support_access_codes',
  'device_time_constraints_violated',
]);

/** What Seam says it could not do for a grant or one of its methods, by device where it names one. */
function troublesOf(grant: AccessGrant, methods: readonly AccessMethod[]): readonly PlaceState[] {
  const told = grant.warnings.filter(({ warning_code, error_code }) =>
    TROUBLES.has(warning_code ?? error_code ?? ''),
  );
  const failed = [...grant.errors, ...told].map((note) => ({ note, place: grant.access_grant_id }));
  const ofMethods = methods.flatMap(({ errors, access_method_id: place }) =>
    errors.map((note) => ({ note, place })),
  );
  return [...failed, ...ofMethods].map(({ note, place }) => ({
    place: note.device_id ?? place,
    state: 'failed',
    detail: note.error_code ?? note.warning_code ?? 'failed',
  }));
}
