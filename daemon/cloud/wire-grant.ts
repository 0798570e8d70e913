/**
 * A grant as it travels, and the grant that rules know. What this version does not understand of a grant is taken for
 * a limit: its name goes into `unsupported`, and the grant refuses until it is understood (P5).
 */
import { z } from 'zod';
import { instant } from '../../drivers/contract/time.ts';
import type {
  CredentialId,
  CredentialKind,
  DayWindow,
  Grant,
  GrantId,
  GrantOptions,
  HolderId,
  Operation,
  Schedule,
  Target,
  Weekday,
  Window,
} from '../access/model.ts';
import { publicJwkSchema } from './jose.ts';

export const identifier = z
  .string()
  .regex(/^[A-Za-z0-9_.:-]{1,128}$/, 'an id of A-Z a-z 0-9 _ . : -');
const wallTime = z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?$/, 'YYYY-MM-DDTHH:MM[:SS]');
const timeOfDay = z.string().regex(/^(([01]\d|2[0-3]):[0-5]\d|24:00)$/, 'HH:MM');
const date = z.string().regex(/^\d{4}-\d\d-\d\d$/, 'YYYY-MM-DD');
const zone = z.string().min(1).max(64);
const unixMs = z.int().min(-8.64e15).max(8.64e15);
export const revision = z.int().nonnegative();

/** A secret sealed to the bridge: a compact JWE. */
export const sealedSecret = z
  .string()
  .max(2048)
  .regex(/^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+){3}$/, 'a compact JWE');

const credentialSchema = z.looseObject({
  id: identifier,
  kind: z.enum(['pin', 'fob', 'card', 'mobile_key', 'cloud_key']),
  /** Missing for a `pin` that the bridge is to draw. */
  sealed: sealedSecret.optional(),
  combineWith: z.literal('card').optional(),
  duress: z.literal(true).optional(),
  /** Length of a PIN that is drawn. */
  digits: z.int().min(4).max(16).optional(),
});

const KNOWN_CREDENTIAL = ['id', 'kind', 'sealed', 'combineWith', 'duress', 'digits'];

const dayWindow = z.strictObject({ from: timeOfDay, to: timeOfDay });

const windowSchema = z.union(
  [
    z.strictObject({ kind: z.literal('ongoing') }),
    z.strictObject({
      kind: z.literal('instants'),
      start: unixMs.optional(),
      end: unixMs.optional(),
    }),
    z.strictObject({ kind: z.literal('wall'), start: wallTime, end: wallTime, zone }),
    z.strictObject({ kind: z.literal('floating'), start: wallTime, end: wallTime }),
  ],
  {
    error:
      'one of {kind: ongoing}, {kind: instants, start?, end?} in ms since 1970, ' +
      '{kind: wall, start, end, zone} and {kind: floating, start, end} as YYYY-MM-DDTHH:MM',
  },
);

const scheduleSchema = z.strictObject({
  zone,
  weekly: z.array(dayWindow.extend({ days: z.array(z.int().min(1).max(7)).min(1).max(7) })).max(64),
  exceptions: z
    .array(z.strictObject({ date, windows: z.array(dayWindow).max(16) }))
    .max(366)
    .optional(),
  holidays: z.boolean().optional(),
});

const usesSchema = z.strictObject({
  max: z.int().min(1).max(1_000_000),
  reset: z.string().max(128).optional(),
  carrier: z.string().max(64).optional(),
});

const optionsSchema = z.strictObject({
  staff: z.boolean().optional(),
  allowSetup: z.boolean().optional(),
  remindMinutes: z.int().min(0).max(10_080).optional(),
  antiPassback: z.enum(['off', 'soft', 'hard']).optional(),
});

/**
 * The grant of `grant.put`. Fields whose shape is not known here (a new kind of window, say) must not make the whole
 * command fail, or a newer cloud could not even store it: they are read as unknown and become `unsupported`.
 */
export const wireGrantSchema = z.looseObject({
  id: identifier,
  rev: revision,
  holder: identifier,
  credentials: z.array(credentialSchema).max(32),
  targets: z
    .array(z.looseObject({ kind: z.string().max(32), id: z.string().min(1).max(256) }))
    .max(256),
  window: z.looseObject({ kind: z.string().max(32) }),
  schedule: z.looseObject({}).optional(),
  uses: z.looseObject({}).optional(),
  operations: z.array(z.string().max(32)).max(16),
  options: z.looseObject({}).optional(),
});
export type WireGrant = z.infer<typeof wireGrantSchema>;
export type WireCredential = WireGrant['credentials'][number];

/** The wire's shape as this version fully understands it, for the published schema and for the client. */
export const understoodGrantSchema = z.strictObject({
  id: identifier,
  rev: revision,
  holder: identifier,
  credentials: z.array(z.strictObject(credentialSchema.shape)).max(32),
  targets: z
    .array(
      z.strictObject({
        kind: z.enum(['key', 'lock', 'slot', 'access_level', 'location']),
        id: z.string().min(1).max(256),
      }),
    )
    .max(256),
  window: windowSchema,
  schedule: scheduleSchema.optional(),
  uses: usesSchema.optional(),
  operations: z.array(z.enum(['pickup', 'dropoff', 'unlock', 'attach-fob'])).max(16),
  options: optionsSchema.optional(),
});
export type UnderstoodGrant = z.infer<typeof understoodGrantSchema>;

/** Where drawn PINs are sealed to; signed in the body, so that nobody else can put their own key there. */
export const replyKeySchema = publicJwkSchema.extend({ crv: z.literal('X25519') });

/** What can be said of a grant before its credentials are opened. */
export type GrantOutline = Omit<Grant, 'credentials'>;

const KNOWN_GRANT = Object.keys(wireGrantSchema.shape);
const TARGET_KINDS = ['key', 'lock', 'slot', 'access_level', 'location'] as const;
const OPERATIONS: readonly Operation[] = ['pickup', 'dropoff', 'unlock', 'attach-fob'];

export function outlineOf(wire: WireGrant): GrantOutline {
  const unsupported = Object.keys(wire).filter((name) => !KNOWN_GRANT.includes(name));
  const known = <T>(name: string, schema: z.ZodType<T>, value: unknown): T | undefined => {
    if (value === undefined) return undefined;
    const read = schema.safeParse(value);
    if (!read.success) unsupported.push(name);
    return read.success ? read.data : undefined;
  };
  const window = known('window', windowSchema, wire.window);
  const schedule = known('schedule', scheduleSchema, wire.schedule);
  const uses = known('uses', usesSchema, wire.uses);
  const options = known('options', optionsSchema, wire.options);
  const targets = wire.targets.map((target): Target | undefined => {
    const kind = TARGET_KINDS.find((each) => each === target.kind);
    return kind === undefined || Object.keys(target).length > 2
      ? undefined
      : { kind, id: target.id };
  });
  if (targets.includes(undefined)) unsupported.push('targets');
  const operations = OPERATIONS.filter((each) => wire.operations.includes(each));
  if (operations.length < new Set(wire.operations).size) unsupported.push('operations');
  for (const credential of wire.credentials) {
    const unknown = Object.keys(credential).filter((name) => !KNOWN_CREDENTIAL.includes(name));
    unsupported.push(...unknown.map((name) => `credentials.${name}`));
  }
  return {
    id: grantIdOf(wire.id),
    rev: wire.rev,
    source: { vendor: 'cloud', ref: wire.id, version: String(wire.rev) },
    holder: wire.holder as HolderId,
    targets: targets.filter((target) => target !== undefined),
    window: window === undefined ? { kind: 'ongoing' } : windowOf(window),
    ...(schedule === undefined ? {} : { schedule: scheduleOf(schedule) }),
    ...(uses === undefined ? {} : { uses: withoutUndefined(uses) }),
    operations,
    options: options === undefined ? {} : optionsOf(options),
    state: 'active',
    ...(unsupported.length === 0 ? {} : { unsupported: [...new Set(unsupported)] }),
  };
}

export function grantIdOf(text: string): GrantId {
  return text as GrantId;
}

export function credentialIdOf(text: string): CredentialId {
  return text as CredentialId;
}

/** Text a card or fob may be sealed as, and the PIN's digits. */
export function isPlausible(kind: CredentialKind, secret: string): boolean {
  return kind === 'pin' ? /^\d{4,16}$/.test(secret) : secret.length > 0 && secret.length <= 256;
}

function windowOf(window: z.infer<typeof windowSchema>): Window {
  if (window.kind !== 'instants') return window;
  return {
    kind: 'instants',
    ...(window.start === undefined ? {} : { start: instant(window.start) }),
    ...(window.end === undefined ? {} : { end: instant(window.end) }),
  };
}

function scheduleOf({
  zone,
  weekly,
  exceptions,
  holidays,
}: z.infer<typeof scheduleSchema>): Schedule {
  return {
    zone,
    weekly: weekly.map(({ from, to, days }) => ({ from, to, days: days.map(weekdayOf) })),
    ...(exceptions === undefined
      ? {}
      : {
          exceptions: exceptions satisfies readonly {
            date: string;
            windows: readonly DayWindow[];
          }[],
        }),
    ...(holidays === undefined ? {} : { holidays }),
  };
}

const WEEKDAYS: readonly Weekday[] = [1, 2, 3, 4, 5, 6, 7];

function weekdayOf(day: number): Weekday {
  const found = WEEKDAYS.find((each) => each === day);
  if (found === undefined) throw new RangeError(`no weekday ${day}`);
  return found;
}

function optionsOf(options: z.infer<typeof optionsSchema>): GrantOptions {
  return withoutUndefined(options);
}

/** Zod gives optional fields as possibly undefined; the model has them present or absent. */
function withoutUndefined<T extends object>(
  value: T,
): { [K in keyof T]: Exclude<T[K], undefined> } {
  const entries = Object.entries(value).filter(([, each]) => each !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]: Exclude<T[K], undefined> };
}
