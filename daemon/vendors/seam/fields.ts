/** What is kept, sealed, of each thing that Seam's page knows: its own fields, which our grant model has no place for. */
import { z } from 'zod';

export const MODES = ['code', 'card', 'mobile_key', 'cloud_key'] as const;
export type Mode = (typeof MODES)[number];

const methodFields = z.object({
  access_method_id: z.string(),
  mode: z.enum(MODES),
  /** Digits; null where the method has none, or none yet. */
  code: z.string().nullable(),
  created_at: z.string(),
  /** `null` until it can be used. */
  issued_at: z.string().nullable(),
  /** Of the vendor, while it programs new times: the code is not dead (vendor-apis.md 7, trap 8). */
  is_reissuing: z.boolean().optional(),
});
export type MethodFields = Readonly<z.infer<typeof methodFields>>;

const requestedFields = z.object({
  mode: z.enum(MODES),
  code: z.string().optional(),
  instant_key_max_use_count: z.number().optional(),
  display_name: z.string(),
  created_at: z.string(),
  created_access_method_ids: z.array(z.string()),
});
export type RequestedFields = Readonly<z.infer<typeof requestedFields>>;

export const grantFields = z.object({
  access_grant_id: z.string(),
  user_identity_id: z.string(),
  name: z.string().nullable(),
  access_grant_key: z.string().optional(),
  reservation_key: z.string().optional(),
  customization_profile_id: z.string().optional(),
  starts_at: z.string(),
  ends_at: z.string().nullable(),
  created_at: z.string(),
  device_ids: z.array(z.string()),
  acs_entrance_ids: z.array(z.string()),
  space_ids: z.array(z.string()),
  requested: z.array(requestedFields),
  methods: z.array(methodFields),
  /** Devices that took another code than the one that was wished for (vendor-apis.md 7, trap 7). */
  device_codes: z.array(z.object({ device_id: z.string(), code: z.string() })).optional(),
  /** Digest of the request that made it, so that a repeated one is known. */
  request: z.string().optional(),
});
export type GrantFields = Readonly<z.infer<typeof grantFields>>;

export const codeFields = z.object({
  access_code_id: z.string(),
  device_id: z.string(),
  code: z.string(),
  name: z.string().nullable(),
  /** Both or neither. */
  starts_at: z.string().nullable(),
  ends_at: z.string().nullable(),
  common_code_key: z.string().nullable(),
  is_one_time_use: z.boolean(),
  is_external_modification_allowed: z.boolean(),
  created_at: z.string(),
  /** A spare code may be asked for while it is in use. */
  uses_backup_pool: z.boolean().optional(),
  /** Id of the spare that was given out for it. */
  pulled_backup: z.string().optional(),
  is_backup: z.boolean().optional(),
});
export type CodeFields = Readonly<z.infer<typeof codeFields>>;

export const personFields = z.object({
  user_identity_id: z.string(),
  user_identity_key: z.string().nullable(),
  full_name: z.string().nullable(),
  email_address: z.string().nullable(),
  phone_number: z.string().nullable(),
  created_at: z.string(),
});
export type PersonFields = Readonly<z.infer<typeof personFields>>;

export const webhookFields = z.object({
  webhook_id: z.string(),
  url: z.string(),
  event_types: z.array(z.string()),
  secret: z.string(),
});
export type WebhookFields = Readonly<z.infer<typeof webhookFields>>;

export const deviceFields = z.object({
  device_id: z.string(),
  /** As the client calls it. */
  name: z.string().optional(),
  custom_metadata: z.record(z.string(), z.union([z.string(), z.boolean()])),
  /** As its installer or client reported them; without, all that the box reads. */
  code_lengths: z.array(z.number()).optional(),
});
export type DeviceFields = Readonly<z.infer<typeof deviceFields>>;
