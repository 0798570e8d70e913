/** The methods of grants: listed, taken back, and cards given their number. */
import { z } from 'zod';
import { toJsonObject } from '../../access/body.ts';
import { derivedCodes, methodBody } from './access-grant.ts';
import { unlockByKey } from './cloud-key.ts';
import type { DialectParts } from './dialect-parts.ts';
import { entranceAt } from './dialect-places.ts';
import { type Call, endpoint, READ, REMOVE, type SeamEndpoint, uuid, WRITE } from './endpoint.ts';
import type { GrantFields, MethodFields } from './fields.ts';
import { grantOf, keep, nowText } from './grant-making.ts';
import { fits, key } from './grant-requests.ts';
import { invalid, notFound } from './seam-error.ts';

export function methodEndpoints(parts: DialectParts): readonly SeamEndpoint[] {
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
        // Kept in the journal, so without what is secret.
        const shown = methodBody(assigned, { workspace: devices.workspace, isPrivate: false });
        const result = toJsonObject(shown);
        return { action_attempt: await parts.attempts.done('ASSIGN_CREDENTIAL', '', result) };
      },
    ),
    endpoint(
      '/access_methods/unlock_door',
      WRITE,
      z.strictObject({ access_method_id: uuid, acs_entrance_id: uuid }),
      async ({ access_method_id, acs_entrance_id }) => {
        const { grant, method } = find(access_method_id);
        const entrance = entranceAt(parts, acs_entrance_id);
        parts.limits.take('unlock', entrance.uuid);
        return { action_attempt: await unlockByKey(grant, method, entrance, parts) };
      },
    ),
    endpoint(
      '/access_methods/encode',
      WRITE,
      z.strictObject({ access_method_id: uuid, acs_encoder_id: uuid }),
      ({ access_method_id }) => {
        if (find(access_method_id).method.mode !== 'card') {
          throw invalid('access_method_id', 'this method is no card');
        }
        // Cards are given their number by assign_card; nothing here writes on one.
        throw notFound('acs_encoder');
      },
    ),
  ];
}

function without(fields: GrantFields, gone: readonly MethodFields[]): GrantFields {
  return { ...fields, methods: fields.methods.filter((each) => !gone.includes(each)) };
}
