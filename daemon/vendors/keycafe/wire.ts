/** Keycafe API v0 in its own words. Bounds and formats are those of its pages; what is read is read leniently. */
import { z } from 'zod';
import { rowsOf } from '../answer.ts';

const LOCALES = ['en', 'fr', 'ja', 'es', 'nl', 'it', 'pt'] as const;
/** Items on a page of any list. */
export const PAGE_SIZE = 50;
export const PER_MINUTE = 60;
export const PENALTY_MS = 60_000;

/** int64 on the wire; as text here, where nobody counts with it. */
const idSchema = z
  .union([z.int().nonnegative(), z.string().regex(/^\d{1,19}$/)])
  .transform((id) => String(id));

const date = z.string().regex(/^\d{4}-\d\d-\d\d$/, 'YYYY-MM-DD');
const time = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'HH:mm');
/** Deprecated bounds: ISO 8601 without milliseconds and with `Z`. */
const isoSeconds = z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/, 'YYYY-MM-DDTHH:mm:ssZ');

const accessUserSchema = z.object({
  id: idSchema.optional(),
  email: z.email().max(254).optional(),
  /** Digits with the country's code, no plus. */
  mobile: z
    .string()
    .regex(/^\+?[\d ().-]{5,30}$/)
    .transform((text) => text.replace(/\D/g, ''))
    .optional(),
});

const bounds = {
  accessStartDate: date.optional(),
  accessStartTime: time.optional(),
  accessEndDate: date.optional(),
  accessEndTime: time.optional(),
  timeZone: z.string().min(1).max(64).optional(),
};

/** Body of `POST /access`. */
export const accessRequestSchema = z.object({
  user: accessUserSchema.nullish(),
  key: z
    .object({ id: idSchema.optional(), serialNumber: z.string().min(1).max(64).optional() })
    .nullish(),
  ...bounds,
  name: z.string().max(255).nullish(),
  returnReminder: z.boolean().default(false),
  suppressGuestNotifications: z.boolean().default(false),
  locale: z.enum(LOCALES).nullish(),
  allowSetup: z.boolean().default(false),
  startDate: isoSeconds.optional(),
  endDate: isoSeconds.optional(),
});
export type AccessRequest = z.output<typeof accessRequestSchema>;

/** Body of `PUT /access/{id}`: the only fields that can be edited. */
export const accessUpdateSchema = z.strictObject({
  ...bounds,
  name: z.string().max(255).optional(),
  returnReminder: z.boolean().optional(),
});
export type AccessUpdate = z.output<typeof accessUpdateSchema>;

/** Body of `POST /key`. */
export const keyRequestSchema = z.object({
  name: z.string().trim().min(1).max(255),
  description: z.string().max(60).nullish(),
  serialNumber: z
    .string()
    .regex(/^[0-9A-Za-z:-]{4,64}$/)
    .nullish(),
  notes: z.string().max(100).nullish(),
  pickupNote: z.string().max(240).nullish(),
  address: z.union([z.string().max(255), z.looseObject({})]).nullish(),
  homeLocation: z.object({ id: idSchema }).nullish(),
  virtual: z.boolean().default(false),
  code: z
    .string()
    .regex(/^\d{4,16}$/)
    .nullish(),
  organization: z.object({ id: idSchema }).nullish(),
  roaming: z.boolean().default(true),
});
export type KeyRequest = z.output<typeof keyRequestSchema>;

const text = z.string().nullish();

/** An access as it is shown. */
export const accessSchema = z.looseObject({
  id: idSchema,
  bookingCode: text,
  checkinLink: text,
  accessStartDate: text,
  accessStartTime: text,
  accessEndDate: text,
  accessEndTime: text,
  timeZone: text,
  startDate: text,
  endDate: text,
  returnReminder: z.boolean().nullish(),
  allowSetup: z.boolean().nullish(),
  suppressGuestNotifications: z.boolean().nullish(),
  name: text,
  locale: text,
  user: z
    .looseObject({
      id: idSchema.nullish(),
      email: text,
      mobile: text,
      firstName: text,
      lastName: text,
    })
    .nullish(),
  key: z.looseObject({ id: idSchema, serialNumber: text }).nullish(),
  keys: z.array(z.looseObject({ id: idSchema })).nullish(),
});
export type Access = z.output<typeof accessSchema>;
/** Of a list. */
export const accessRow = rowsOf(accessSchema, 'id', idSchema);
/** What is kept of one, wherever it came from. */
export const accessFieldsSchema = accessSchema.partial();
export type AccessFields = z.output<typeof accessFieldsSchema>;

/** A key as it is shown: `currentLocation` only while checked in, `currentUser` only while checked out. */
export const keySchema = z.looseObject({
  id: idSchema,
  name: z.string(),
  description: text,
  pickupNote: text,
  notes: text,
  serialNumber: text,
  homeLocation: z.looseObject({ id: idSchema }).nullish(),
  currentLocation: z.looseObject({ id: idSchema }).nullish(),
  currentUser: z.looseObject({ id: idSchema.nullish() }).nullish(),
  virtual: z.boolean().nullish(),
  code: text,
  roaming: z.boolean().nullish(),
});
export type Key = z.output<typeof keySchema>;
/** Of a list. */
export const keyRow = rowsOf(keySchema, 'id', idSchema);
export const keyFieldsSchema = keySchema.partial();
export type KeyFields = z.output<typeof keyFieldsSchema>;

/** Codes of members have 4 to 6 digits, and open what their permissions name. */
const memberCode = z.string().regex(/^\d{4,6}$/, '4 to 6 digits');

/** A member of the organization as it is shown. Where the badge is told is ours: no page says so. */
export const membershipSchema = z.looseObject({
  id: idSchema,
  code: text,
  user: z.looseObject({ id: idSchema, type: text, email: text, mobile: text }),
  badge: z.looseObject({ serialNumber: text }).nullish(),
});
export type Membership = z.output<typeof membershipSchema>;
/** Of a list. */
export const membershipRow = rowsOf(membershipSchema, 'id', idSchema);

/** Body of `POST /organizationMembership`; its path and fields are ours. */
export const membershipRequestSchema = z.object({
  user: accessUserSchema.refine(
    ({ email, mobile }) => email !== undefined || mobile !== undefined,
    {
      error: 'email or mobile',
    },
  ),
  code: memberCode.nullish(),
});
export type MembershipRequest = z.output<typeof membershipRequestSchema>;

const named = z.looseObject({ id: idSchema });

/** The one role that a page names; what the others are called is not known. */
export const ADMINISTRATOR = 'ADMINISTRATOR';

/** A standing right of a member, as it is shown. */
export const permissionSchema = z.looseObject({
  id: idSchema,
  role: text,
  user: named,
  key: named.nullish(),
  group: named.nullish(),
  location: named.nullish(),
});
export type Permission = z.output<typeof permissionSchema>;
/** Of a list. */
export const permissionRow = rowsOf(permissionSchema, 'id', idSchema);

/** Body of `POST /permission`: exactly one of `key`, `group` and `location`. */
export const permissionRequestSchema = z
  .object({
    user: z.object({ id: idSchema }),
    role: z.string().min(1).max(64),
    key: z.object({ id: idSchema }).nullish(),
    group: z.object({ id: idSchema }).nullish(),
    location: z.object({ id: idSchema }).nullish(),
  })
  .refine(
    ({ key, group, location }) =>
      [key, group, location].filter((each) => each != null).length === 1,
    {
      error: 'exactly one of key, group and location',
      path: ['key'],
    },
  );
export type PermissionRequest = z.output<typeof permissionRequestSchema>;
export const permissionUpdateSchema = z.strictObject({ role: z.string().min(1).max(64) });

/** Body of `POST /webhook`: where events are told, and with which Basic credentials. */
export const webhookRequestSchema = z.object({
  url: z.url({ protocol: /^https?$/ }).max(2000),
  username: z
    .string()
    .min(1)
    .max(255)
    .regex(/^[^:]*$/, 'no colon'),
  password: z.string().max(255),
});
export type WebhookRequest = z.output<typeof webhookRequestSchema>;

/** What a webhook brings, and what `GET /event` lists. */
export const eventSchema = z.looseObject({
  id: idSchema,
  dateCreated: z.string(),
  type: z.enum(['PICKUP', 'DROPOFF', 'ACCESS_CREATED', 'ACCESS_CANCELLED']),
  key: z.looseObject({ id: idSchema }).nullish(),
  access: z.looseObject({ id: idSchema }).nullish(),
  anonymous: z.boolean().nullish(),
});
export type Event = z.output<typeof eventSchema>;

/** Matched by `errorId` only: `errorMessage` comes in the language that was asked for. */
export const errorSchema = z.looseObject({
  error: z.looseObject({ errorId: z.string(), errorMessage: z.string().optional() }),
  fieldErrors: z
    .array(z.looseObject({ field: z.string(), errorMessage: z.string().optional() }))
    .optional(),
});

/** The pages of a list that its `Link` header names, by `rel`. */
export function linksIn(header: string | undefined): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const [, url = '', rel = ''] of (header ?? '').matchAll(
    /<([^>]*)>\s*;[^,]*?rel="?(\w+)"?/g,
  )) {
    found.set(rel, url);
  }
  return found;
}
