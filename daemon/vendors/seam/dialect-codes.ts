/** Access codes: one code at one device. Those that come from a grant's methods are shown beside them. */
import { z } from 'zod';
import { bodies, codeBody, wantedCode } from './access-code.ts';
import { derivedCodes } from './access-grant.ts';
import { BY, type DialectParts, idHere, KINDS, rankOf } from './dialect-parts.ts';
import {
  CHANGE,
  endpoint,
  flag,
  limit,
  moment,
  READ,
  REMOVE,
  type SeamEndpoint,
  uuid,
  uuids,
  WRITE,
} from './endpoint.ts';
import type { CodeFields } from './fields.ts';
import { grantOf } from './grant-making.ts';
import { drawnUuid } from './ids.ts';
import { pageOf } from './page.ts';
import { invalid, notFound, SeamError } from './seam-error.ts';
import type { Shelved } from './shelf.ts';
import { targetOf } from './site-devices.ts';

const DRAWN_DIGITS = 6;

const digits = z
  .string()
  .regex(/^\d+$/, { error: 'digits only' })
  .min(4, { error: 'at least 4 digits' })
  .max(12, { error: 'at most 12 digits' });

const common = {
  code: digits.optional(),
  name: z.string().max(256).nullish(),
  starts_at: moment.nullish(),
  ends_at: moment.nullish(),
  preferred_code_length: z.int().min(4).max(12).optional(),
  allow_external_modification: flag.optional(),
  is_external_modification_allowed: flag.optional(),
  attempt_for_offline_device: flag.default(true),
  prefer_native_scheduling: flag.default(true),
  use_backup_access_code_pool: flag.optional(),
  is_offline_access_code: flag.optional(),
  use_offline_access_code: flag.optional(),
  is_one_time_use: flag.optional(),
  max_time_rounding: z.enum(['1hour', '1day', '1h', '1d']).optional(),
  sync: z.unknown().optional(),
};

const createSchema = z.strictObject({
  device_id: uuid,
  common_code_key: z.string().min(1).max(256).optional(),
  ...common,
});
const updateSchema = z.strictObject({
  access_code_id: uuid,
  device_id: uuid.optional(),
  type: z.enum(['ongoing', 'time_bound']).optional(),
  is_managed: flag.optional(),
  ...common,
});

type Code = Shelved<CodeFields>;

export function codeEndpoints(parts: DialectParts): readonly SeamEndpoint[] {
  const { devices, limits, attempts, sync, shelves, desk } = parts;
  const deviceOf = (id: string) => {
    const device = devices.find(id);
    if (device === undefined) throw notFound('device');
    return device;
  };
  return [
    endpoint('/access_codes/create', WRITE, createSchema, async (wanted, call) => {
      const device = deviceOf(wanted.device_id);
      limits.take('create-code', device.uuid);
      const times = timesOf(wanted, parts);
      refuseOffline(wanted);
      const created_at = new Date(desk.clock.now()).toISOString();
      const fields: CodeFields = {
        access_code_id: drawnUuid(desk.random),
        device_id: device.uuid,
        code: codeFor(wanted, device.uuid, undefined, parts),
        name: wanted.name ?? null,
        ...times,
        common_code_key: wanted.common_code_key ?? null,
        is_one_time_use: wanted.is_one_time_use ?? false,
        is_external_modification_allowed:
          wanted.is_external_modification_allowed ?? wanted.allow_external_modification ?? false,
        created_at,
      };
      const id = idHere(fields.access_code_id);
      const record = {
        kind: KINDS.code,
        origin: 'here',
        state: parts.stateOf([targetOf(device)]),
        since: desk.clock.now(),
        sealed: sync.seal(id, fields),
      } as const;
      await sync.make({ id, grant: wantedCode(id, fields, parts), record }, { by: BY });
      const access_code = codeBody(fields, parts, call);
      const { code: _told, ...kept } = access_code;
      // The attempt is kept in the journal, which holds no digits (P10).
      const action_attempt = await attempts.done('CREATE_ACCESS_CODE', device.uuid, {
        access_code: { ...kept, code: null },
      });
      return { access_code, action_attempt };
    }),
    endpoint(
      '/access_codes/get',
      READ,
      z.object({
        access_code_id: uuid.optional(),
        device_id: uuid.optional(),
        code: z.string().optional(),
      }),
      ({ access_code_id, device_id, code }, call) => {
        if (access_code_id === undefined && (device_id === undefined || code === undefined)) {
          throw invalid('access_code_id', 'it, or device_id with code, is needed');
        }
        const found = bodies(parts, call).find(({ body, fields }) =>
          access_code_id === undefined
            ? fields.device_id === device_id?.toLowerCase() && fields.code === code
            : body.access_code_id === access_code_id.toLowerCase(),
        );
        if (found === undefined) throw notFound('access_code');
        return { access_code: found.body };
      },
    ),
    endpoint(
      '/access_codes/list',
      READ,
      z.object({
        device_id: uuid.optional(),
        access_code_ids: uuids.optional(),
        access_method_id: uuid.optional(),
        access_grant_id: uuid.optional(),
        access_grant_key: z.string().min(1).optional(),
        customer_key: z.string().optional(),
        user_identifier_key: z.string().optional(),
        search: z.string().min(1).optional(),
        limit: limit(55_000),
        page_cursor: z.string().nullish(),
      }),
      (asked, call) => {
        const { access_grant_id, access_grant_key, access_method_id } = asked;
        if (asked.device_id !== undefined) deviceOf(asked.device_id);
        const isOfGrant = access_grant_id !== undefined || access_grant_key !== undefined;
        const grant = isOfGrant ? grantOf(parts, asked).fields.access_grant_id : undefined;
        const words = asked.search?.toLowerCase();
        const found = bodies(parts, call).filter(
          ({ body, method, grant: of }) =>
            (asked.device_id === undefined || body.device_id === asked.device_id.toLowerCase()) &&
            (asked.access_code_ids?.some((id) => id.toLowerCase() === body.access_code_id) ??
              true) &&
            (access_method_id === undefined || method === access_method_id.toLowerCase()) &&
            (grant === undefined || of === grant) &&
            asked.customer_key === undefined &&
            asked.user_identifier_key === undefined &&
            (words === undefined ||
              (body.name ?? '').toLowerCase().includes(words) ||
              (call.isPrivate && (body.code ?? '').includes(words))),
        );
        const cursor = { limit: asked.limit, cursor: asked.page_cursor };
        const page = pageOf(found, ({ body }) => rankOf(body, body.access_code_id), cursor, call);
        return {
          access_codes: page.items.map(({ body }) => body),
          pagination: page.pagination,
        };
      },
    ),
    endpoint('/access_codes/update', CHANGE, updateSchema, async (wanted, call) => {
      const { id, record, fields } = ownCode(parts, wanted.access_code_id);
      const device = deviceOf(wanted.device_id ?? fields.device_id);
      limits.take('update-code', device.uuid);
      refuseOffline(wanted);
      if (wanted.is_managed === false) throw invalid('is_managed', 'codes here are managed');
      const next: CodeFields = {
        ...fields,
        device_id: device.uuid,
        ...changedTimes(wanted, fields, parts),
        code:
          wanted.code === undefined && wanted.preferred_code_length === undefined
            ? fields.code
            : codeFor(wanted, device.uuid, fields.access_code_id, parts),
        name: wanted.name === undefined ? fields.name : wanted.name,
        is_one_time_use: wanted.is_one_time_use ?? fields.is_one_time_use,
        is_external_modification_allowed:
          wanted.is_external_modification_allowed ??
          wanted.allow_external_modification ??
          fields.is_external_modification_allowed,
      };
      const sealed = sync.seal(id, next);
      await sync.apply(
        [
          {
            id,
            grant: wantedCode(id, next, parts),
            record:
              record.ref === undefined
                ? { ...record, sealed }
                : sync.changed(record, 'to-update', { sealed }),
          },
        ],
        { by: BY },
      );
      const { code: _told, ...kept } = codeBody(next, parts, call);
      const result = { access_code: { ...kept, code: null } };
      return { action_attempt: await attempts.done('UPDATE_ACCESS_CODE', device.uuid, result) };
    }),
    endpoint(
      '/access_codes/delete',
      REMOVE,
      z.strictObject({
        access_code_id: uuid,
        device_id: uuid.optional(),
        sync: z.unknown().optional(),
      }),
      async ({ access_code_id, device_id }) => {
        const { id, record, fields } = ownCode(parts, access_code_id);
        if (device_id !== undefined && device_id.toLowerCase() !== fields.device_id) {
          throw notFound('access_code');
        }
        limits.take('delete-code', fields.device_id);
        const isThere = record.ref !== undefined || record.state === 'creating';
        const state = isThere ? 'to-revoke' : 'gone';
        await sync.apply([{ id, revoke: true, record: sync.changed(record, state) }], { by: BY });
        return { action_attempt: await attempts.done('DELETE_ACCESS_CODE', fields.device_id, {}) };
      },
    ),
    endpoint(
      '/access_codes/generate_code',
      READ,
      z.object({ device_id: uuid }),
      ({ device_id }, call) => {
        const device = deviceOf(device_id);
        const code = desk.secrets.drawPin(DRAWN_DIGITS);
        if (code === undefined) throw invalid('device_id', 'too few codes are left to draw one');
        const drawn: CodeFields = {
          access_code_id: drawnUuid(desk.random),
          device_id: device.uuid,
          code,
          name: null,
          starts_at: null,
          ends_at: null,
          common_code_key: null,
          is_one_time_use: false,
          is_external_modification_allowed: false,
          created_at: new Date(desk.clock.now()).toISOString(),
        };
        return { generated_code: { ...codeBody(drawn, parts, call), status: 'unset' } };
      },
    ),
  ];

  function ownCode(_parts: DialectParts, access_code_id: string): Code {
    const id = access_code_id.toLowerCase();
    const found = shelves.codes
      .all()
      .find(({ fields, record }) => fields.access_code_id === id || record.ref === id);
    if (found !== undefined) return found;
    const isDerived = shelves.grants
      .all()
      .some(({ fields }) => derivedCodes(fields).some((each) => each.access_code_id === id));
    if (isDerived) {
      throw invalid('access_code_id', 'this code belongs to an access grant; change that');
    }
    throw notFound('access_code');
  }
}

/** Codes that an algorithm in the lock knows can be neither chosen nor revoked; there are none here. */
function refuseOffline(wanted: {
  readonly is_offline_access_code?: boolean | undefined;
  readonly use_offline_access_code?: boolean | undefined;
}): void {
  if (wanted.is_offline_access_code === true || wanted.use_offline_access_code === true) {
    throw invalid('is_offline_access_code', 'no device here has offline access codes');
  }
}

/** Both or neither (vendor-apis.md 3.6). */
function timesOf(
  wanted: {
    readonly starts_at?: string | null | undefined;
    readonly ends_at?: string | null | undefined;
  },
  { desk }: DialectParts,
): Pick<CodeFields, 'starts_at' | 'ends_at'> {
  const starts_at = wanted.starts_at ?? null;
  const ends_at = wanted.ends_at ?? null;
  if (starts_at === null && ends_at === null) return { starts_at, ends_at };
  if (starts_at === null) throw invalid('starts_at', 'both starts_at and ends_at, or neither');
  if (ends_at === null) throw invalid('ends_at', 'both starts_at and ends_at, or neither');
  if (Date.parse(ends_at) <= Date.parse(starts_at)) throw invalid('ends_at', 'after starts_at');
  if (Date.parse(ends_at) <= desk.clock.now()) throw invalid('ends_at', 'in the future');
  return { starts_at, ends_at };
}

function changedTimes(
  wanted: z.output<typeof updateSchema>,
  fields: CodeFields,
  parts: DialectParts,
): Pick<CodeFields, 'starts_at' | 'ends_at'> {
  const isSaid = wanted.starts_at !== undefined || wanted.ends_at !== undefined;
  if (wanted.type === 'ongoing') {
    if (wanted.starts_at != null || wanted.ends_at != null) {
      throw invalid('type', 'an ongoing code has no times');
    }
    return { starts_at: null, ends_at: null };
  }
  const starts_at = wanted.starts_at === undefined ? fields.starts_at : wanted.starts_at;
  const ends_at = wanted.ends_at === undefined ? fields.ends_at : wanted.ends_at;
  if (wanted.type === 'time_bound' && starts_at === null) {
    throw invalid('starts_at', 'a time-bound code has both times');
  }
  return isSaid ? timesOf({ starts_at, ends_at }, parts) : { starts_at, ends_at };
}

/** The one asked for, or a drawn one. One device knows a code once, as far as codes made here go. */
function codeFor(
  wanted: {
    readonly code?: string | undefined;
    readonly preferred_code_length?: number | undefined;
  },
  device: string,
  own: string | undefined,
  { desk, shelves }: DialectParts,
): string {
  const code = wanted.code ?? desk.secrets.drawPin(wanted.preferred_code_length ?? DRAWN_DIGITS);
  if (code === undefined) {
    throw invalid('preferred_code_length', 'too few codes of this length are left');
  }
  const taken = shelves.codes.find(
    (each) =>
      each.device_id === device &&
      each.code === code &&
      each.access_code_id !== own &&
      (each.ends_at === null || Date.parse(each.ends_at) > desk.clock.now()),
  );
  if (taken !== undefined) {
    throw new SeamError(
      409,
      'duplicate_access_code',
      'this device has an access code with this code',
    );
  }
  return code;
}
