/** Access grants: made, changed and taken back here, and in force before the answer is sent. */
import { z } from 'zod';
import { grantBody } from './access-grant.ts';
import { type DialectParts, rankOf } from './dialect-parts.ts';
import { displayName } from './dialect-people.ts';
import {
  type Call,
  CHANGE,
  endpoint,
  moment,
  READ,
  REMOVE,
  type SeamEndpoint,
  uuid,
  WRITE,
} from './endpoint.ts';
import {
  checkNewTimes,
  checkTimes,
  create,
  type Grant,
  grantOf,
  keep,
  methodsFor,
  pendingWork,
  remove,
} from './grant-making.ts';
import { createSchema, fits, key, listSchema, name, requestedSchema } from './grant-requests.ts';
import { pageOf } from './page.ts';

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
        if (asked.starts_at !== undefined || asked.ends_at !== undefined) {
          checkTimes(next, parts);
          checkNewTimes(parts, next);
        }
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
  ];
}
