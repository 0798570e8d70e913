/** Making, changing and taking back a grant: in force before it resolves. */
import { grantId, type HolderId } from '../../access/model.ts';
import { holderFor } from '../people.ts';
import type { SyncChange } from '../sync-change.ts';
import { drawnUuid } from '../uuid.ts';
import { digestOf, stateOnChange } from '../vendor-record.ts';
import { MODE_NAMES, wantedGrant } from './access-grant.ts';
import { BY, type DialectParts, idHere, KINDS } from './dialect-parts.ts';
import { keepPerson, known } from './dialect-people.ts';
import type { GrantFields, MethodFields, RequestedFields } from './fields.ts';
import { changesBetween, withChanges } from './grant-changes.ts';
import { placesOf, targetsOf } from './grant-places.ts';
import type { Requested, Wanted } from './grant-requests.ts';
import { checkReservation, withoutOverridden } from './reservation.ts';
import { invalid, notFound, SeamError } from './seam-error.ts';
import type { Shelved } from './shelf.ts';

const DRAWN_DIGITS = 6;

export type Grant = Shelved<GrantFields>;

/** @throws SeamError 404, or 400 where neither is given */
export function grantOf(
  { shelves }: DialectParts,
  asked: {
    readonly access_grant_id?: string | undefined;
    readonly access_grant_key?: string | undefined;
  },
): Grant {
  const { access_grant_id, access_grant_key } = asked;
  if (access_grant_id === undefined && access_grant_key === undefined) {
    throw invalid('access_grant_id', 'one of access_grant_id and access_grant_key is needed');
  }
  const id = access_grant_id?.toLowerCase();
  const found = shelves.grants
    .all()
    .find(
      ({ fields, record }) =>
        (id === undefined || fields.access_grant_id === id || record.ref === id) &&
        (access_grant_key === undefined || fields.access_grant_key === access_grant_key),
    );
  if (found === undefined) throw notFound('access_grant');
  return found;
}

export async function create(parts: DialectParts, wanted: Wanted): Promise<Grant> {
  const { sync, desk } = parts;
  const request = digestOf(wanted);
  const before = madeBefore(parts, wanted, request);
  if (before !== undefined) return before;
  const starts_at = wanted.starts_at ?? nowText(parts);
  const ends_at = wanted.ends_at ?? null;
  checkTimes({ starts_at, ends_at }, parts);
  const places = placesOf(parts, wanted);
  const { reservation_key } = wanted;
  if (reservation_key !== undefined) {
    checkReservation({ starts_at, ends_at, ...places }, ofReservation(parts, reservation_key));
  }
  const made = methodsFor(wanted.requested_access_methods, parts);
  const fields: GrantFields = {
    access_grant_id: drawnUuid(desk.random),
    user_identity_id: await personOf(parts, wanted),
    name: wanted.name ?? null,
    ...(wanted.access_grant_key === undefined ? {} : { access_grant_key: wanted.access_grant_key }),
    ...(reservation_key === undefined ? {} : { reservation_key }),
    ...(wanted.customization_profile_id === undefined
      ? {}
      : { customization_profile_id: wanted.customization_profile_id }),
    starts_at,
    ends_at,
    created_at: nowText(parts),
    ...places,
    requested: made.requested,
    methods: made.methods,
    request,
  };
  const id = idHere(fields.access_grant_id);
  const change = { id, grant: wantedOf(parts, id, fields), record: recordOf(parts, id, fields) };
  // With a key the same can be asked again; without one the grant is enabled only once its making is written down.
  if (wanted.access_grant_key === undefined) await sync.make(change, { by: BY });
  else {
    const other = await sync.alone(async () => {
      // Asked for twice at one time: only one of them may stand, or one would outlive its key.
      const meanwhile = madeBefore(parts, wanted, request);
      if (meanwhile === undefined) await sync.applyNow([change], { by: BY });
      return meanwhile;
    });
    if (other !== undefined) return other;
  }
  await sync.apply(pendingWork(made.methods, parts), { by: BY });
  return grantOf(parts, fields);
}

/** A client that lost the answer asks again (vendor-apis.md 3.3); the grant is the same, and so is its code. */
function madeBefore(
  { shelves }: DialectParts,
  { access_grant_key: key }: Wanted,
  request: string,
): Grant | undefined {
  if (key === undefined) return undefined;
  const before = shelves.grants.find(({ access_grant_key }) => access_grant_key === key);
  if (before === undefined || before.fields.request === request) return before;
  throw new SeamError(409, 'duplicate_access_grant_key', 'this access_grant_key is taken');
}

function recordOf(parts: DialectParts, id: string, fields: GrantFields) {
  const { sync, stateOf } = parts;
  return {
    kind: KINDS.grant,
    origin: 'here',
    state: stateOf(targetsOf(parts, fields)),
    since: sync.desk.clock.now(),
    sealed: sync.seal(id, fields),
  } as const;
}

function wantedOf(parts: DialectParts, id: string, fields: GrantFields) {
  const { desk, sync } = parts;
  const wanted = wantedGrant(id, fields, {
    secrets: desk.secrets,
    holder: holderOf(parts, fields.user_identity_id),
    targets: targetsOf(parts, fields),
  });
  return withoutOverridden(wanted, sync.record(id), desk.ports().site.policies.accessLevels);
}

function ofReservation({ shelves }: DialectParts, key: string): readonly GrantFields[] {
  const all = shelves.grants.all().map(({ fields }) => fields);
  return all.filter(({ reservation_key }) => reservation_key === key);
}

/** New times of a grant that is of a reservation. @throws SeamError 409 */
export function checkNewTimes(parts: DialectParts, fields: GrantFields): void {
  const { reservation_key, access_grant_id } = fields;
  if (reservation_key === undefined) return;
  const others = ofReservation(parts, reservation_key).filter(
    (each) => each.access_grant_id !== access_grant_id,
  );
  // Its doors are those that it was made with.
  checkReservation({ ...fields, device_ids: [], acs_entrance_ids: [], space_ids: [] }, others);
}

/** Changed, and in force when it resolves; the vendor is told of what is the vendor's. */
export async function keep(
  parts: DialectParts,
  { id, record, fields: before }: Grant,
  fields: GrantFields,
  more: readonly SyncChange[] = [],
): Promise<void> {
  const { sync, desk } = parts;
  const rev = (desk.grants.grant(grantId(id))?.grant.rev ?? 0) + 1;
  const extra = withChanges(record, rev, changesBetween(before, fields));
  const kept = { sealed: sync.seal(id, fields), extra };
  const next = sync.changed(record, stateOnChange(record), kept);
  await sync.apply([{ id, grant: wantedOf(parts, id, fields), record: next }, ...more], { by: BY });
}

export async function remove({ sync }: DialectParts, { id, record, fields }: Grant): Promise<void> {
  // One that was asked for may be there though no answer came.
  const state = record.ref === undefined && record.state !== 'creating' ? 'gone' : 'to-revoke';
  const messages = fields.methods
    .map(({ access_method_id }) => idHere(access_method_id))
    .filter((message) => sync.record(message) !== undefined)
    .map((message): SyncChange => ({ id: message, record: null }));
  await sync.apply([{ id, revoke: true, record: sync.changed(record, state) }, ...messages], {
    by: BY,
  });
}

/** What cannot be done here stays visible until somebody has done it: a mobile key needs the vendor's own app. */
export function pendingWork(
  methods: readonly MethodFields[],
  { sync }: DialectParts,
): SyncChange[] {
  return methods
    .filter(({ mode, issued_at }) => mode === 'mobile_key' && issued_at === null)
    .map(({ access_method_id }) => ({
      id: idHere(access_method_id),
      record: {
        kind: 'message',
        origin: 'here',
        state: 'to-send',
        detail: 'a mobile key was asked for, which cannot be issued here',
        since: sync.desk.clock.now(),
      },
    }));
}

export function methodsFor(wanted: readonly Requested[], parts: DialectParts) {
  const created_at = nowText(parts);
  const { random, secrets } = parts.desk;
  const requested: RequestedFields[] = [];
  const methods: MethodFields[] = [];
  for (const [place, { mode, code, instant_key_max_use_count }] of wanted.entries()) {
    const digits = mode === 'code' ? (code ?? secrets.drawPin(DRAWN_DIGITS)) : undefined;
    if (mode === 'code' && digits === undefined) {
      throw invalid(`requested_access_methods.${place}.code`, 'too few codes are left to draw one');
    }
    const access_method_id = drawnUuid(random);
    const isIssued = mode === 'code' || mode === 'cloud_key';
    methods.push({
      access_method_id,
      mode,
      code: digits ?? null,
      created_at,
      issued_at: isIssued ? created_at : null,
    });
    requested.push({
      mode,
      ...(code === undefined ? {} : { code }),
      ...(mode === 'mobile_key'
        ? { instant_key_max_use_count: instant_key_max_use_count ?? 1 }
        : {}),
      display_name: MODE_NAMES[mode],
      created_at,
      created_access_method_ids: [access_method_id],
    });
  }
  return { requested, methods };
}

async function personOf(parts: DialectParts, wanted: Wanted): Promise<string> {
  const { user_identity, user_identity_id } = wanted;
  if (user_identity !== undefined) {
    return (known(parts, user_identity) ?? (await keepPerson(parts, user_identity)))
      .user_identity_id;
  }
  const id = user_identity_id?.toLowerCase();
  const found = parts.shelves.people.find((each) => each.user_identity_id === id);
  if (found === undefined) throw notFound('user_identity');
  return found.fields.user_identity_id;
}

function holderOf({ shelves, desk }: DialectParts, identity: string): HolderId {
  const person = shelves.people.find((each) => each.user_identity_id === identity)?.fields;
  const contacts = { email: person?.email_address, phone: person?.phone_number };
  return holderFor(desk.secrets, contacts, `seam:${identity}`);
}

export function checkTimes(
  { starts_at, ends_at }: Pick<GrantFields, 'starts_at' | 'ends_at'>,
  { desk }: DialectParts,
): void {
  if (ends_at === null) return;
  if (Date.parse(ends_at) <= Date.parse(starts_at)) throw invalid('ends_at', 'after starts_at');
  if (Date.parse(ends_at) <= desk.clock.now()) throw invalid('ends_at', 'in the future');
}

export function nowText({ desk }: DialectParts): string {
  return new Date(desk.clock.now()).toISOString();
}
