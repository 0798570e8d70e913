/** A grant as the API takes and gives it; no number, digits or hash of a credential is ever given. */
import { z } from 'zod';
import { instant } from '../../drivers/contract/time.ts';
import type { StoredGrant } from '../access/lookup.ts';
import type { Schedule, Weekday, Window } from '../access/model.ts';
import { instantIn, isoOrNull, moment, openId } from './fields.ts';

const wallTime = z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?$/, 'YYYY-MM-DDTHH:MM[:SS]');
const timeOfDay = z.string().regex(/^(([01]\d|2[0-3]):[0-5]\d|24:00)$/, 'HH:MM');
const zone = z.string().min(1).max(64);
const dayWindow = z.strictObject({ from: timeOfDay, to: timeOfDay });
const operation = z.enum(['pickup', 'dropoff', 'unlock', 'attach-fob']);

const targetField = z.strictObject({
  kind: z.enum(['key', 'lock', 'slot', 'access_level', 'location']),
  id: openId,
});

const windowField = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('ongoing') }),
  z.strictObject({
    kind: z.literal('instants'),
    start: moment.optional(),
    end: moment.optional(),
  }),
  z.strictObject({ kind: z.literal('wall'), start: wallTime, end: wallTime, zone }),
  z.strictObject({ kind: z.literal('floating'), start: wallTime, end: wallTime }),
]);

const scheduleField = z.strictObject({
  zone: zone.default('site'),
  weekly: z
    .array(dayWindow.extend({ days: z.array(z.int().min(1).max(7)).min(1).max(7) }))
    .max(64)
    .describe('days: 1 is Monday'),
  exceptions: z
    .array(z.strictObject({ date: z.iso.date(), windows: z.array(dayWindow).max(16).default([]) }))
    .max(366)
    .optional(),
  holidays: z.boolean().optional(),
});

const credentialField = z
  .strictObject({
    id: openId.optional().describe('made when missing'),
    kind: z.enum(['pin', 'fob', 'card', 'mobile_key', 'cloud_key']),
    pin: z
      .string()
      .regex(/^\d{4,16}$/, '4 to 16 digits')
      .optional()
      .describe('missing for a PIN: one is drawn, once, and told in the reply'),
    number: z
      .string()
      .min(1)
      .max(256)
      .optional()
      .describe('10 hex digits of a fob, or technology:bits:hex'),
    enrolled: z.uuid().optional().describe('instead of a number: the ticket of one that was shown'),
    digits: z.int().min(4).max(16).optional().describe('length of a PIN that is drawn'),
    combineWith: z.literal('card').optional(),
    duress: z.literal(true).optional(),
  })
  .refine(({ kind, pin }) => kind === 'pin' || pin === undefined, {
    error: 'only a credential of kind pin has one',
    path: ['pin'],
  })
  .refine(({ kind, number }) => kind !== 'pin' || number === undefined, {
    error: 'a PIN has no number',
    path: ['number'],
  })
  .refine(({ kind, enrolled }) => kind === 'fob' || kind === 'card' || enrolled === undefined, {
    error: 'only a fob or card is shown',
    path: ['enrolled'],
  });
export type CredentialField = z.infer<typeof credentialField>;

export const grantBody = z.strictObject({
  rev: z.int().min(1).optional().describe('above the stored one; missing: the next'),
  holder: openId,
  credentials: z.array(credentialField).max(32).default([]),
  targets: z.array(targetField).min(1).max(256),
  window: windowField.default({ kind: 'ongoing' }),
  schedule: scheduleField.optional(),
  uses: z
    .strictObject({ max: z.int().min(1).max(1_000_000), reset: z.string().max(128).optional() })
    .optional(),
  operations: z.array(operation).min(1).max(4).default(['pickup', 'dropoff', 'unlock']),
  options: z
    .strictObject({
      staff: z.boolean().optional(),
      allowSetup: z.boolean().optional(),
      remindMinutes: z.int().min(0).max(10_080).optional(),
      antiPassback: z.enum(['off', 'soft', 'hard']).optional(),
    })
    .default({}),
});
export type GrantBody = z.infer<typeof grantBody>;

export const grantSchema = z.object({
  id: z.string(),
  rev: z.int(),
  source: z.object({ vendor: z.string(), ref: z.string() }),
  holder: z.string(),
  credentials: z.array(
    z.object({
      id: z.string(),
      kind: z.string(),
      digits: z.int().nullable(),
      combineWith: z.string().nullable(),
    }),
  ),
  targets: z.array(z.object({ kind: z.string(), id: z.string() })),
  window: z.object({ kind: z.string() }).loose(),
  starts: moment.nullable().describe('as resolved here and now'),
  ends: moment.nullable(),
  schedule: z.object({}).loose().nullable(),
  uses: z.object({ max: z.int() }).loose().nullable(),
  operations: z.array(z.string()),
  options: z.object({}).loose(),
  state: z.string(),
  revoked: z.object({ rev: z.int(), at: moment }).nullable(),
  unsupported: z.array(z.string()).describe('limits that this version does not know: it refuses'),
});
export type GrantReply = z.infer<typeof grantSchema>;

/** The mark of a duress code is not shown: it goes to the alarm channel only. */
export function grantReply({ grant, window, revoked }: StoredGrant): GrantReply {
  return {
    id: grant.id,
    rev: grant.rev,
    source: { vendor: grant.source.vendor, ref: grant.source.ref },
    holder: grant.holder,
    credentials: grant.credentials.map(({ id, kind, digits, combineWith }) => ({
      id,
      kind,
      digits: digits ?? null,
      combineWith: combineWith ?? null,
    })),
    targets: grant.targets.map((target) => ({ ...target })),
    window: windowReply(grant.window),
    starts: isoOrNull(window.start),
    ends: isoOrNull(window.end),
    schedule: grant.schedule === undefined ? null : { ...grant.schedule },
    uses: grant.uses === undefined ? null : { ...grant.uses },
    operations: [...grant.operations],
    options: { ...grant.options },
    state: grant.state,
    revoked: revoked === undefined ? null : { rev: revoked.rev, at: isoOrNull(revoked.at) ?? '' },
    unsupported: [...(grant.unsupported ?? [])],
  };
}

function windowReply(window: Window): GrantReply['window'] {
  if (window.kind !== 'instants') return { ...window };
  return { kind: 'instants', start: isoOrNull(window.start), end: isoOrNull(window.end) };
}

export function windowOf(field: z.infer<typeof windowField>): Window {
  if (field.kind !== 'instants') return field;
  return {
    kind: 'instants',
    ...(field.start === undefined ? {} : { start: instantIn(field.start) }),
    ...(field.end === undefined ? {} : { end: instant(instantIn(field.end)) }),
  };
}

export function scheduleOf(field: z.infer<typeof scheduleField>): Schedule {
  return {
    zone: field.zone,
    weekly: field.weekly.map(({ from, to, days }) => ({
      from,
      to,
      days: WEEKDAYS.filter((day) => days.includes(day)),
    })),
    ...(field.exceptions === undefined ? {} : { exceptions: field.exceptions }),
    ...(field.holidays === undefined ? {} : { holidays: field.holidays }),
  };
}

const WEEKDAYS: readonly Weekday[] = [1, 2, 3, 4, 5, 6, 7];
