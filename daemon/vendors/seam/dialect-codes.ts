/** Access codes: one code at one device. Those that come from a grant's methods are shown beside them. */
import { z } from 'zod';
import { bodies, codeBody } from './access-code.ts';
import {
  changedBy,
  changeOf,
  codeAt,
  codeFor,
  createSchema,
  freshCode,
  makeCodes,
  refuseOffline,
  revoked,
  timesOf,
  updateSchema,
} from './code-making.ts';
import { deviceAt } from './device-settings.ts';
import { BY, type DialectParts, rankOf } from './dialect-parts.ts';
import {
  CHANGE,
  endpoint,
  limit,
  READ,
  REMOVE,
  type SeamEndpoint,
  uuid,
  uuids,
  WRITE,
} from './endpoint.ts';
import { grantOf } from './grant-making.ts';
import { pageOf } from './page.ts';
import { invalid, notFound } from './seam-error.ts';

export function codeEndpoints(parts: DialectParts): readonly SeamEndpoint[] {
  const { limits, attempts, sync, shelves } = parts;
  const deviceOf = (id: string) => deviceAt(parts, id);
  return [
    endpoint('/access_codes/create', WRITE, createSchema, async (wanted, call) => {
      const device = deviceOf(wanted.device_id);
      limits.take('create-code', device.uuid);
      const times = timesOf(wanted, parts);
      refuseOffline(wanted);
      const fields = freshCode(parts, {
        device_id: device.uuid,
        code: codeFor(wanted, device.uuid, undefined, parts),
        name: wanted.name ?? null,
        ...times,
        common_code_key: wanted.common_code_key ?? null,
        is_one_time_use: wanted.is_one_time_use ?? false,
        is_external_modification_allowed:
          wanted.is_external_modification_allowed ?? wanted.allow_external_modification ?? false,
        uses_backup_pool: wanted.use_backup_access_code_pool ?? false,
      });
      await makeCodes(parts, [fields]);
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
      limits.take('update-code', codeAt(parts, wanted).fields.device_id);
      refuseOffline(wanted);
      if (wanted.is_managed === false) throw invalid('is_managed', 'codes here are managed');
      // As it is when its turn has come: what was taken back meanwhile is gone.
      const next = await sync.alone(async () => {
        const code = codeAt(parts, wanted);
        const changed = changedBy(wanted, code.fields, parts);
        await sync.applyNow([changeOf(code, changed, parts)], { by: BY });
        return changed;
      });
      const { code: _told, ...kept } = codeBody(next, parts, call);
      const result = { access_code: { ...kept, code: null } };
      return { action_attempt: await attempts.done('UPDATE_ACCESS_CODE', next.device_id, result) };
    }),
    endpoint(
      '/access_codes/delete',
      REMOVE,
      z.strictObject({
        access_code_id: uuid,
        device_id: uuid.optional(),
        sync: z.unknown().optional(),
      }),
      async (asked) => {
        const { id, record, fields } = codeAt(parts, asked);
        limits.take('delete-code', fields.device_id);
        // The spare that was given out in its place goes with it.
        const spare = shelves.codes.find((each) => each.access_code_id === fields.pulled_backup);
        const gone = [{ id, record }, ...(spare === undefined ? [] : [spare])];
        await sync.apply(
          gone.map((each) => revoked(each, parts)),
          { by: BY },
        );
        return { action_attempt: await attempts.done('DELETE_ACCESS_CODE', fields.device_id, {}) };
      },
    ),
    endpoint(
      '/access_codes/generate_code',
      READ,
      z.object({ device_id: uuid }),
      ({ device_id }, call) => {
        const device = deviceOf(device_id);
        const code = codeFor({}, device.uuid, undefined, parts);
        const drawn = freshCode(parts, { device_id: device.uuid, code });
        return { generated_code: { ...codeBody(drawn, parts, call), status: 'unset' } };
      },
    ),
  ];
}
