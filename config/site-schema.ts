/** The site, and the choices that hold everywhere in it. */
import { z } from 'zod';
import { calendarDate, duration, filePath, hours, secretReference, zone } from './values.ts';

const lockout = z
  .strictObject({
    freeFailures: z
      .int()
      .min(1)
      .max(20)
      .default(5)
      .describe('wrong codes at one keypad before the first wait'),
    firstWait: duration('1s', '1h').prefault('60s').describe('doubles with each wrong code more'),
    longestWait: duration('1m', '24h').prefault('1h'),
    decayEvery: duration('1m', '24h')
      .prefault('1h')
      .describe('time after which one wrong code is forgotten'),
  })
  .refine(({ firstWait, longestWait }) => firstWait <= longestWait, {
    error: 'not below firstWait',
    path: ['longestWait'],
  });

const policies = z.strictObject({
  clockUntrusted: z
    .enum(['deny', 'grace', 'assume'])
    .default('grace')
    .describe(
      'limited grants while the time is not certain: refused, let through for graceHours, or judged by the clock as it is',
    ),
  clockSource: z
    .enum(['synchronised', 'assumed'])
    .default('synchronised')
    .describe(
      'synchronised: the wall clock counts once the system has reached a time server; assumed: it is right as it is, because something else sees to that',
    ),
  graceHours: z.int().min(1).max(168).default(12).describe('in all, since the time was certain'),
  auditFull: z
    .enum(['allow_staff', 'allow', 'deny'])
    .default('allow_staff')
    .describe('who is let in while entries cannot be stored'),
  holidays: z
    .array(
      z.strictObject({
        date: calendarDate,
        windows: z.array(hours).max(16).default([]).describe('its own hours; none: closed'),
      }),
    )
    .max(1000)
    .default([]),
  lockout: lockout.prefault({}),
  antiPassbackMinutes: z
    .int()
    .min(1)
    .max(10_080)
    .default(480)
    .describe('after which nobody counts as inside any more'),
  pinDigits: z.int().min(4).max(16).default(6).describe('length of codes that are drawn here'),
});

export const siteSchema = z.strictObject({
  id: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,63}$/, '1 to 64 of a-z, 0-9 and "-"')
    .describe('never changes: stored codes belong to it'),
  name: z.string().min(1).max(128).optional().describe('for people'),
  zone: zone.describe('IANA time zone of the doors'),
  zoneBefore: zone
    .optional()
    .describe('the zone that it had: confirms that grants in its wall times move to the new one'),
  alone: z
    .boolean()
    .default(true)
    .describe('false where other boxes serve the same grants: counted ones must then name theirs'),
  policies: policies.prefault({}),
});

export const storeSchema = z.strictObject({
  directory: filePath.describe('journal, grants and keys; local disk, nobody else in it'),
  retentionDays: z
    .int()
    .min(0)
    .max(400)
    .default(90)
    .describe('what happened is forgotten after so many days, once the cloud has it; 0 keeps all'),
});

export const secretsSchema = z.strictObject({
  pinPepper: secretReference
    .default('credential:pin-pepper')
    .describe(
      '32 bytes (or 64 hex digits) under which codes are stored; a site without it is lost',
    ),
  sealingKey: secretReference
    .optional()
    .describe('X25519 private JWK that clouds seal codes to; made in the store when missing'),
  signingKey: secretReference
    .optional()
    .describe('Ed25519 private JWK that signs checkpoints; made in the store when missing'),
});
