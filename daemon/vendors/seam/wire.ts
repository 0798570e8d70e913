/** Seam's words on the wire, as far as they are read here (vendor-apis.md 3). More fields are let through unread. */
import { z } from 'zod';
import { rowsOf } from '../answer.ts';
import { moment } from '../moment.ts';

/** No limit over all is documented; this keeps us from being a burden. */
export const CALLS_PER_MINUTE = 300;

/** As ids here can hold it. */
const id = z
  .string()
  .min(1)
  .max(128)
  .refine((text) => text.isWellFormed() && !/[\u0000-\u001f]/.test(text), { error: 'an id' });
const text = z.string().max(4000);
/** The seed lists `error_code` for warnings too; either is read. */
const note = z.looseObject({
  warning_code: text.optional(),
  error_code: text.optional(),
  message: text.optional(),
  device_id: id.optional(),
});
const mutation = z.looseObject({ mutation_code: text });

export const accessGrantSchema = z.looseObject({
  access_grant_id: id,
  access_grant_key: text.nullish(),
  user_identity_id: id.nullish(),
  access_method_ids: z.array(id).default([]),
  device_ids: z.array(id).optional(),
  acs_entrance_ids: z.array(id).optional(),
  space_ids: z.array(id).default([]),
  requested_access_methods: z
    .array(
      z.looseObject({
        mode: text,
        code: text.optional(),
        instant_key_max_use_count: z.number().optional(),
      }),
    )
    .default([]),
  name: text.nullish(),
  reservation_key: text.nullish(),
  customization_profile_id: id.nullish(),
  created_at: moment,
  starts_at: moment,
  /** `null`: no end. Where it is missing, nobody said so. */
  ends_at: moment.nullable(),
  warnings: z.array(note).default([]),
  errors: z.array(note).default([]),
  pending_mutations: z.array(mutation).default([]),
});
export type AccessGrant = z.infer<typeof accessGrantSchema>;
/** Of a list. */
export const accessGrantRow = rowsOf(accessGrantSchema, 'access_grant_id', id);

export const accessMethodSchema = z.looseObject({
  access_method_id: id,
  mode: text,
  code: text.nullish(),
  is_issued: z.boolean(),
  issued_at: moment.nullish(),
  created_at: moment,
  warnings: z.array(note).default([]),
  errors: z.array(note).default([]),
  pending_mutations: z.array(mutation).default([]),
});
export type AccessMethod = z.infer<typeof accessMethodSchema>;
/** Of a list. */
export const accessMethodRow = rowsOf(accessMethodSchema, 'access_method_id', id);

export const accessCodeSchema = z.looseObject({
  access_code_id: id,
  device_id: id,
  code: text.nullish(),
  name: text.nullish(),
  type: z.enum(['time_bound', 'ongoing']),
  status: text,
  starts_at: moment.nullish(),
  ends_at: moment.nullish(),
  common_code_key: text.nullish(),
  is_one_time_use: z.boolean().nullish(),
  is_external_modification_allowed: z.boolean().nullish(),
  created_at: moment,
  warnings: z.array(note).nullish(),
  errors: z.array(note).nullish(),
  pending_mutations: z.array(mutation).nullish(),
});
export type AccessCode = z.infer<typeof accessCodeSchema>;
/** Of a list. */
export const accessCodeRow = rowsOf(accessCodeSchema, 'access_code_id', id);

export const userIdentitySchema = z.looseObject({
  user_identity_id: id,
  user_identity_key: text.nullish(),
  full_name: text.nullish(),
  email_address: text.nullish(),
  phone_number: text.nullish(),
});
export type UserIdentity = z.infer<typeof userIdentitySchema>;

export const eventSchema = z.looseObject({
  event_id: id,
  event_type: text,
  created_at: moment,
  access_grant_id: id.nullish(),
  access_grant_ids: z.array(id).nullish(),
  access_method_id: id.nullish(),
  access_code_id: id.nullish(),
  device_id: id.nullish(),
});
export type SeamEvent = z.infer<typeof eventSchema>;
/** Of a list; `null`: something happened, and nobody knows to what. */
export const eventRow = eventSchema.nullable().catch(null);

/** A status of another name says neither that it was done nor that it failed, and is asked after again. */
export const actionAttemptSchema = z.looseObject({
  action_attempt_id: id,
  status: z.enum(['pending', 'success', 'error']).catch('pending'),
  error: z.looseObject({ type: text }).nullish().catch(undefined),
});
export type ActionAttempt = z.infer<typeof actionAttemptSchema>;

/** What of a device is not understood is as if it were not told: it decides nothing, and holds up nothing. */
export const deviceSchema = z.looseObject({
  device_id: id,
  properties: z
    .looseObject({
      online: z.boolean().optional().catch(undefined),
      supported_code_lengths: z.array(z.number()).optional().catch(undefined),
    })
    .catch({}),
});
/** Of a list; `null`: one that does not say which it is. */
export const deviceRow = deviceSchema.nullable().catch(null);

export const paginationSchema = z.looseObject({
  has_next_page: z.boolean(),
  next_page_cursor: text.nullish(),
});

export const errorSchema = z.looseObject({ error: z.looseObject({ type: z.string().max(200) }) });
