/** What is asked of access grants, field by field as in Seam's OpenAPI; what is not known there is refused. */
import { z } from 'zod';
import { derivedCodes } from './access-grant.ts';
import type { DialectParts } from './dialect-parts.ts';
import { personSchema } from './dialect-people.ts';
import { limit, listOf, moment, uuid, uuids } from './endpoint.ts';
import { type GrantFields, MODES } from './fields.ts';

export const requestedSchema = z.strictObject({
  mode: z.enum(MODES),
  code: z
    .string()
    .regex(/^\d+$/, { error: 'digits only' })
    .min(4, { error: 'at least 4 digits' })
    .max(9, { error: 'at most 9 digits' })
    .optional(),
  instant_key_max_use_count: z.int().min(1).optional(),
});
export type Requested = z.output<typeof requestedSchema>;

export const key = z.string().min(1).max(256);
export const name = z.string().max(256).nullish();

export const createSchema = z
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
export type Wanted = z.output<typeof createSchema>;

export const listSchema = z.object({
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

export function fits(
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
