/** IntServ Access v1 in its own words (vendor-apis 4). Everything is a POST of JSON. */
import { z } from 'zod';
import { moment } from '../moment.ts';

export const EVENTS_MOST = 1000;
/** `/events/list` looks back so far where it is not told. */
export const LOOK_BACK_MS = 7 * 24 * 3_600_000;

const uuid = z.uuid();
const name = z.string().max(32);

export const keySpecSchema = z.object({
  /** Missing for a `code` that is to be drawn. */
  identification: z.string().min(1).max(128).nullish(),
  type: z.enum(['proximity', 'code']),
});
export type KeySpec = z.output<typeof keySpecSchema>;

export const personSchema = z.object({
  id: uuid.nullish(),
  first_name: name.nullish(),
  last_name: name.nullish(),
});

/** Body of `/accesskeys/add`: makes one, or changes the one that `id` or else `key` names. */
export const addSchema = z.object({
  id: uuid.nullish(),
  key: keySpecSchema.nullish(),
  /** Second factor with a proximity key; never echoed. */
  pin: z
    .string()
    .regex(/^\d{4}$/, 'exactly 4 digits')
    .nullish(),
  valid_from_date: moment.nullish(),
  valid_to_date: moment.nullish(),
  access_levels: z.array(uuid).max(256).nullish(),
  person: personSchema.nullish(),
});
export type AddRequest = z.output<typeof addSchema>;

/** Answer of `/accesskeys/add`. */
export const accessKeySchema = z.looseObject({
  id: z.string(),
  key: z.looseObject({ identification: z.string().nullish(), type: z.string() }),
  valid_from_date: z.string().nullish(),
  valid_to_date: z.string().nullish(),
  access_levels: z.array(z.string()).nullish(),
  person: z
    .looseObject({
      id: z.string(),
      first_name: z.string().nullish(),
      last_name: z.string().nullish(),
    })
    .nullish(),
});

export const removeSchema = z
  .object({ id: uuid.nullish(), key: keySpecSchema.nullish() })
  .refine(({ id, key }) => id != null || key != null, { error: 'id or key' });

const STATUSES = ['NotApplied', 'Pending', 'PartiallyApplied', 'Applied', 'Failed'] as const;

export const statusSchema = z.looseObject({
  /** A word of a newer version says no more than that it is not settled; the systems below are told all the same. */
  status: z.enum(STATUSES).catch('Pending'),
  systems_where_applied: z
    .array(z.looseObject({ system_id: z.string(), applied_at: z.string().nullish() }))
    .nullish(),
  systems_where_pending: z.array(z.looseObject({ system_id: z.string() })).nullish(),
  systems_where_failed: z
    .array(z.looseObject({ system_id: z.string(), error_type: z.string().nullish() }))
    .nullish(),
});
export type Status = z.output<typeof statusSchema>;

export const levelsSchema = z.looseObject({
  /** Only which there are is looked at; `null`: one that does not say which it is. */
  levels: z.array(z.looseObject({ id: z.string() }).nullable().catch(null)),
});

export const eventsRequestSchema = z.object({
  from_date: moment.nullish(),
  to_date: moment.nullish(),
  systems: z.array(z.string()).nullish(),
  include_access_granted: z.boolean().nullish(),
  include_access_denied: z.boolean().nullish(),
  limit: z.int().min(1).max(EVENTS_MOST).nullish(),
  continuation_key: z.string().max(200).nullish(),
});

/** As far as it is looked at. */
const eventSchema = z.looseObject({
  event_time: z.string(),
  /** Unique within one system and one `event_time`. */
  sequence_id: z.union([z.string(), z.number()]),
  system_id: z.string().max(128),
  /** One that is no id is nobody's key. */
  key_id: z
    .string()
    .regex(/^[\x21-\x7e]{1,128}$/)
    .nullish()
    .catch(null),
});
export type IntservEvent = z.output<typeof eventSchema>;

export const eventsSchema = z.looseObject({
  /** Events are complete up to here only: a slow system adds older ones later. The next reading begins with it. */
  least_sync_time: z
    .string()
    .refine((text) => Number.isFinite(Date.parse(text)), { error: 'a date' }),
  has_more: z.boolean(),
  continuation_key: z.string().nullish(),
  /** One that is not understood must not hold up the others, which are read again and again until then. */
  events: z
    .array(eventSchema.nullable().catch(null))
    .transform((events) => events.filter((event) => event !== null)),
});
