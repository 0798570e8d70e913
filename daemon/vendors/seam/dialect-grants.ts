/** Access grants and their methods: made, changed and taken back here, and in force before the answer is sent. */
import { z } from 'zod';
import type { HolderId, Target } from '../../access/model.ts';
import { holderFor } from '../people.ts';
import { digestOf } from '../vendor-record.ts';
import type { SyncChange } from '../vendor-sync.ts';
import { derivedCodes, grantBody, MODE_NAMES, methodBody, wantedGrant } from './access-grant.ts';
import { BY, type DialectParts, idHere, KINDS, rankOf } from './dialect-parts.ts';
import { displayName, keepPerson, known, personSchema } from './dialect-people.ts';
import {
  type Call,
  CHANGE,
  endpoint,
  limit,
  listOf,
  moment,
  READ,
  REMOVE,
  type SeamEndpoint,
  uuid,
  uuids,
  WRITE,
} from './endpoint.ts';
import { type GrantFields, type MethodFields, MODES, type RequestedFields } from './fields.ts';
import { drawnUuid } from './ids.ts';
import { pageOf } from './page.ts';
import { invalid, notFound, SeamError } from './seam-error.ts';
import type { Shelved } from './shelf.ts';
import { targetOf } from './site-devices.ts';

const DRAWN_DIGITS = 6;

const requestedSchema = z.strictObject({
  mode: z.enum(MODES),
  code: z
    .string()
    .regex(/^\d+$/, { error: 'digits only' })
    .min(4, { error: 'at least 4 digits' })
    .max(9, { error: 'at most 9 digits' })
    .optional(),
  instant_key_max_use_count: z.int().min(1).optional(),
});
type Requested = z.output<typeof requestedSchema>;

const key = z.string().min(1).max(256);
const name = z.string().max(256).nullish();

const createSchema = z
  .strictObject({
    user_identity_id: uuid.optional(),
    user_identity: personSchema.optional(),
    requested_access_methods: z.array(requestedSchema).max(32),
    device_ids: uuids.optional(),
    acs_entrance_ids: uuids.optional(),
    space_ids: uuids.optional(),
    space_keys: listOf(key).optional(),
    location: z
      .strictObject({
        name: z.string().optional(),
        device_ids: uuids.optional(),
        acs_entrance_ids: uuids.optional(),
      })
      .optional(),
    location_ids: uuids.optional(),
    starts_at: moment.optional(),
    ends_at: moment.nullish(),
    name,
    access_grant_key: key.optional(),
    reservation_key: key.optional(),
    customization_profile_id: uuid.optional(),
  })
  .refine(
    ({ user_identity, user_identity_id }) =>
      (user_identity === undefined) !== (user_identity_id === undefined),
    { error: 'exactly one of user_identity_id and user_identity', path: ['user_identity'] },
  );
type Wanted = z.output<typeof createSchema>;

const listSchema = z.object({
  access_grant_ids: uuids.optional(),
  access_grant_key: z.string().nullable().optional(),
  access_code_id: uuid.optional(),
  device_id: uuid.optional(),
  acs_entrance_id: uuid.optional(),
  acs_system_id: uuid.optional(),
  space_id: uuid.optional(),
  location_id: uuid.optional(),
  user_identity_id: uuid.optional(),
  reservation_key: z.string().optional(),
  customer_key: z.string().optional(),
  limit: limit(500),
  page_cursor: z.string().nullish(),
});

type Grant = Shelved<GrantFields>;

export function grantEndpoints(parts: DialectParts): readonly SeamEndpoint[] {
  const { shelves } = parts;
  const bodyOf = ({ fields }: Grant, { isPrivate }: Call) => {
    const person = shelves.people.find((each) => each.user_identity_id === fields.user_identity_id);
    const { workspace } = parts.devices;
    return grantBody(fields, { workspace, isPrivate, holderName: displayName(person?.fields) });
  };
  const find = (asked: {
    readonly access_grant_id?: string | undefined;
    readonly access_grant_key?: string | undefined;
  }) => grantOf(parts, asked);

  return [
    endpoint('/access_grants/create', WRITE, createSchema, async (wanted, call) => ({
      access_grant: bodyOf(await create(parts, wanted), call),
    })),
    endpoint(
      '/access_grants/get',
      READ,
      z.object({ access_grant_id: uuid.optional(), access_grant_key: key.optional() }),
      (asked, call) => ({ access_grant: bodyOf(find(asked), call) }),
    ),
    endpoint('/access_grants/list', READ, listSchema, (asked, call) => {
      const found = shelves.grants.all().filter(({ fields }) => fits(fields, asked, parts));
      const cursor = { limit: asked.limit, cursor: asked.page_cursor };
      const page = pageOf(found, ({ fields, id }) => rankOf(fields, id), cursor, call);
      return {
        access_grants: page.items.map((grant) => bodyOf(grant, call)),
        pagination: page.pagination,
      };
    }),
    endpoint(
      '/access_grants/update',
      CHANGE,
      z.strictObject({
        access_grant_id: uuid.optional(),
        access_grant_key: key.optional(),
        starts_at: moment.optional(),
        ends_at: moment.nullish(),
        name,
      }),
      async (asked) => {
        const grant = find(asked);
        const { fields } = grant;
        const next = {
          ...fields,
          starts_at: asked.starts_at ?? fields.starts_at,
          ends_at: asked.ends_at === undefined ? fields.ends_at : asked.ends_at,
          name: asked.name === undefined ? fields.name : asked.name,
        };
        if (asked.starts_at !== undefined || asked.ends_at !== undefined) checkTimes(next, parts);
        await keep(parts, grant, next);
        return {};
      },
    ),
    endpoint(
      '/access_grants/delete',
      REMOVE,
      z.strictObject({ access_grant_id: uuid }),
      async (asked) => {
        await remove(parts, find(asked));
        return {};
      },
    ),
    endpoint(
      '/access_grants/request_access_methods',
      WRITE,
      z.strictObject({
        access_grant_id: uuid,
        requested_access_methods: z.array(requestedSchema).min(1).max(32),
      }),
      async ({ access_grant_id, requested_access_methods }, call) => {
        const grant = find({ access_grant_id });
        const made = methodsFor(requested_access_methods, parts);
        const next = {
          ...grant.fields,
          requested: [...grant.fields.requested, ...made.requested],
          methods: [...grant.fields.methods, ...made.methods],
        };
        await keep(parts, grant, next, pendingWork(made.methods, parts));
        return { access_grant: bodyOf(find({ access_grant_id }), call) };
      },
    ),
    ...methodEndpoints(parts),
  ];
}

function methodEndpoints(parts: DialectParts): readonly SeamEndpoint[] {
  const { shelves, devices } = parts;
  const find = (id: string) => {
    for (const grant of shelves.grants.all()) {
      const method = grant.fields.methods.find(
        (each) => each.access_method_id === id.toLowerCase(),
      );
      if (method !== undefined) return { grant, method };
    }
    throw notFound('access_method');
  };
  const bodyOf = (method: MethodFields, { isPrivate }: Call) =>
    methodBody(method, { workspace: devices.workspace, isPrivate });
  return [
    endpoint(
      '/access_methods/list',
      READ,
      z.object({
        access_grant_id: uuid.optional(),
        access_grant_key: key.optional(),
        access_code_id: uuid.optional(),
        device_id: uuid.optional(),
        acs_entrance_id: uuid.optional(),
        space_id: uuid.optional(),
      }),
      (asked, call) => {
        const { access_grant_id, access_grant_key, access_code_id } = asked;
        if (Object.values(asked).every((each) => each === undefined)) {
          throw invalid('access_grant_id', 'one of the filters is needed');
        }
        const named = access_grant_id !== undefined || access_grant_key !== undefined;
        const grants = named
          ? [grantOf(parts, asked)]
          : shelves.grants.all().filter(({ fields }) => fits(fields, asked, parts));
        const wanted = new Set(
          grants.flatMap(({ fields }) =>
            derivedCodes(fields)
              .filter((each) => each.access_code_id === access_code_id)
              .map(({ method }) => method.access_method_id),
          ),
        );
        const methods = grants
          .flatMap(({ fields }) => fields.methods)
          .filter((each) => access_code_id === undefined || wanted.has(each.access_method_id));
        return { access_methods: methods.map((method) => bodyOf(method, call)) };
      },
    ),
    endpoint('/access_methods/get', READ, z.object({ access_method_id: uuid }), (asked, call) => ({
      access_method: bodyOf(find(asked.access_method_id).method, call),
    })),
    endpoint(
      '/access_methods/delete',
      REMOVE,
      z
        .strictObject({
          access_method_id: uuid.optional(),
          access_grant_id: uuid.optional(),
          reservation_key: key.optional(),
        })
        .refine((asked) => Object.values(asked).filter((each) => each !== undefined).length === 1, {
          error: 'exactly one of access_method_id, access_grant_id and reservation_key',
        }),
      async ({ access_method_id, access_grant_id, reservation_key }) => {
        if (access_method_id !== undefined) {
          const { grant, method } = find(access_method_id);
          await keep(parts, grant, without(grant.fields, [method]));
          return {};
        }
        const grants =
          access_grant_id === undefined
            ? shelves.grants
                .all()
                .filter(({ fields }) => fields.reservation_key === reservation_key)
            : [grantOf(parts, { access_grant_id })];
        for (const grant of grants) {
          await keep(parts, grant, without(grant.fields, grant.fields.methods));
        }
        return {};
      },
    ),
    endpoint(
      '/access_methods/assign_card',
      WRITE,
      z.strictObject({ access_method_id: uuid, card_number: z.string().min(1).max(256) }),
      async ({ access_method_id, card_number }) => {
        const { grant, method } = find(access_method_id);
        if (method.mode !== 'card') throw invalid('access_method_id', 'this method is no card');
        try {
          parts.desk.secrets.indexFob(card_number);
        } catch (error) {
          if (!(error instanceof RangeError)) throw error;
          throw invalid('card_number', error.message);
        }
        const assigned = { ...method, code: card_number, issued_at: nowText(parts) };
        const methods = grant.fields.methods.map((each) => (each === method ? assigned : each));
        await keep(parts, grant, { ...grant.fields, methods });
        return { action_attempt: await parts.attempts.done('ASSIGN_CREDENTIAL', '', {}) };
      },
    ),
  ];
}

function without(fields: GrantFields, gone: readonly MethodFields[]): GrantFields {
  return { ...fields, methods: fields.methods.filter((each) => !gone.includes(each)) };
}

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

async function create(parts: DialectParts, wanted: Wanted): Promise<Grant> {
  const { sync, shelves, desk } = parts;
  const request = digestOf(wanted);
  const before =
    wanted.access_grant_key === undefined
      ? undefined
      : shelves.grants.find(({ access_grant_key }) => access_grant_key === wanted.access_grant_key);
  if (before !== undefined) {
    // A client that lost the answer asks again (vendor-apis.md 3.3); the grant is the same, and so is its code.
    if (before.fields.request === request) return before;
    throw new SeamError(409, 'duplicate_access_grant_key', 'this access_grant_key is taken');
  }
  const starts_at = wanted.starts_at ?? nowText(parts);
  const ends_at = wanted.ends_at ?? null;
  checkTimes({ starts_at, ends_at }, parts);
  const places = placesOf(parts, wanted);
  const made = methodsFor(wanted.requested_access_methods, parts);
  const fields: GrantFields = {
    access_grant_id: drawnUuid(desk.random),
    user_identity_id: await personOf(parts, wanted),
    name: wanted.name ?? null,
    ...(wanted.access_grant_key === undefined ? {} : { access_grant_key: wanted.access_grant_key }),
    ...(wanted.reservation_key === undefined ? {} : { reservation_key: wanted.reservation_key }),
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
  else await sync.apply([change], { by: BY });
  await sync.apply(pendingWork(made.methods, parts), { by: BY });
  return grantOf(parts, fields);
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
  const { secrets } = parts.desk;
  return wantedGrant(id, fields, {
    secrets,
    holder: holderOf(parts, fields.user_identity_id),
    targets: targetsOf(parts, fields),
  });
}

/** Changed, and in force when it resolves; the vendor is told of what is the vendor's. */
async function keep(
  parts: DialectParts,
  { id, record }: Grant,
  fields: GrantFields,
  more: readonly SyncChange[] = [],
): Promise<void> {
  const { sync } = parts;
  const sealed = sync.seal(id, fields);
  const next =
    record.ref === undefined
      ? { ...record, sealed }
      : sync.changed(record, 'to-update', { sealed });
  await sync.apply([{ id, grant: wantedOf(parts, id, fields), record: next }, ...more], { by: BY });
}

async function remove({ sync }: DialectParts, { id, record, fields }: Grant): Promise<void> {
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
function pendingWork(methods: readonly MethodFields[], { sync }: DialectParts): SyncChange[] {
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

function methodsFor(wanted: readonly Requested[], parts: DialectParts) {
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

type Places = Pick<GrantFields, 'device_ids' | 'acs_entrance_ids' | 'space_ids'>;

/** All of them must be there: nothing is left out of a grant in silence. */
function placesOf({ devices }: DialectParts, wanted: Wanted): Places {
  const device_ids = [...(wanted.device_ids ?? []), ...(wanted.location?.device_ids ?? [])].map(
    (id) => {
      const found = devices.find(id);
      if (found === undefined) throw notFound('device');
      return found.uuid;
    },
  );
  const wantedEntrances = [
    ...(wanted.acs_entrance_ids ?? []),
    ...(wanted.location?.acs_entrance_ids ?? []),
  ];
  const entrances = devices.entrances();
  const acs_entrance_ids = wantedEntrances.map((id) => {
    const found = entrances.find((each) => each.uuid === id.toLowerCase());
    if (found === undefined) throw notFound('acs_entrance');
    return found.uuid;
  });
  const spaces = devices.spaces();
  const space_ids = [
    ...(wanted.space_ids ?? []).map((id) => spaces.find((each) => each.uuid === id.toLowerCase())),
    ...(wanted.space_keys ?? []).map((each) => spaces.find((space) => space.name === each)),
  ].map((found) => {
    if (found === undefined) throw notFound('space');
    return found.uuid;
  });
  if ((wanted.location_ids ?? []).length > 0) throw notFound('location');
  if (device_ids.length + acs_entrance_ids.length + space_ids.length === 0) {
    throw invalid('device_ids', 'a device, an entrance or a space is needed');
  }
  return {
    device_ids: [...new Set(device_ids)],
    acs_entrance_ids: [...new Set(acs_entrance_ids)],
    space_ids: [...new Set(space_ids)],
  };
}

/** What is no longer at the site opens nothing. */
function targetsOf({ devices }: DialectParts, places: Places): readonly Target[] {
  const entrances = devices
    .entrances()
    .filter(({ uuid: id }) => places.acs_entrance_ids.includes(id));
  const spaces = devices.spaces().filter(({ uuid: id }) => places.space_ids.includes(id));
  return [
    ...places.device_ids.flatMap((id) => {
      const device = devices.find(id);
      return device === undefined ? [] : [targetOf(device)];
    }),
    ...entrances.flatMap(({ point }) => point.locks.map((id): Target => ({ kind: 'lock', id }))),
    ...spaces.map((space): Target => ({ kind: 'access_level', id: space.name })),
  ];
}

function checkTimes(
  { starts_at, ends_at }: Pick<GrantFields, 'starts_at' | 'ends_at'>,
  { desk }: DialectParts,
): void {
  if (ends_at === null) return;
  if (Date.parse(ends_at) <= Date.parse(starts_at)) throw invalid('ends_at', 'after starts_at');
  if (Date.parse(ends_at) <= desk.clock.now()) throw invalid('ends_at', 'in the future');
}

function nowText({ desk }: DialectParts): string {
  return new Date(desk.clock.now()).toISOString();
}

function fits(
  fields: GrantFields,
  asked: Partial<z.output<typeof listSchema>>,
  { devices }: DialectParts,
): boolean {
  const { access_grant_key, access_code_id } = asked;
  const is = (wanted: string | undefined, has: (id: string) => boolean) =>
    wanted === undefined || has(wanted.toLowerCase());
  return (
    (asked.access_grant_ids === undefined ||
      asked.access_grant_ids.some((id) => id.toLowerCase() === fields.access_grant_id)) &&
    (access_grant_key === undefined || (fields.access_grant_key ?? null) === access_grant_key) &&
    is(access_code_id, (id) => derivedCodes(fields).some((each) => each.access_code_id === id)) &&
    is(asked.device_id, (id) => fields.device_ids.includes(id)) &&
    is(asked.acs_entrance_id, (id) => fields.acs_entrance_ids.includes(id)) &&
    is(asked.acs_system_id, (id) => id === devices.system && fields.acs_entrance_ids.length > 0) &&
    is(asked.space_id, (id) => fields.space_ids.includes(id)) &&
    is(asked.user_identity_id, (id) => fields.user_identity_id === id) &&
    (asked.reservation_key === undefined || asked.reservation_key === fields.reservation_key) &&
    asked.location_id === undefined &&
    asked.customer_key === undefined
  );
}
