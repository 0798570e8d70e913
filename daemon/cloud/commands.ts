/** Every command of wire v1 (conventions 1.7): what its body holds, how long it may live, and how it shows that it is fresh. */
import { z } from 'zod';
import { publicJwkSchema } from './jose.ts';
import type { KeyPower } from './trust-store.ts';
import { KID } from './trust-store.ts';
import {
  identifier,
  replyKeySchema,
  revision,
  sealedSecret,
  wireGrantSchema,
} from './wire-grant.ts';

const device = z.string().regex(/^[a-z0-9-]{1,32}$/, 'a device id of a-z 0-9 -');
const slot = z.int().min(1).max(4096);
const sequence = z.int().nonnegative();
const epoch = z.string().min(1).max(64);
const word = z.string().max(256);
const digest = z.string().regex(/^[0-9a-f]{1,128}$/, 'lower-case hex');
const snapshotName = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'a name of A-Z a-z 0-9 _ -');
const settings = z.record(z.string().max(64), z.unknown());

/** The end of year 9999: what is later was counted in another unit, and a floor of the clock never goes back. */
const LATEST = 253_402_300_799_999;
const revocation = z.object({ id: identifier, rev: revision });

const open = z.object({
  dev: device,
  slot: slot.optional(),
  /** How long the opening is held, milliseconds. */
  ms: z.int().min(1).max(30_000).optional(),
  by: word.optional(),
  reason: word.optional(),
});

/** Bodies drop what they do not know: a newer cloud may say more than an older bridge understands. */
const BODIES = {
  'grant.put': z.object({ grant: wireGrantSchema, replyKey: replyKeySchema.optional() }),
  'grant.revoke': revocation,
  'grants.snapshot': z.object({
    snap: snapshotName,
    /** Of the whole picture; what `grants.delta` starts from afterwards. */
    version: sequence,
    part: z.int().min(1).max(64),
    parts: z.int().min(1).max(64),
    grants: z.array(wireGrantSchema).max(1000),
    /** Order-free digest of all parts together. */
    digest,
  }),
  'grants.delta': z.object({
    from: sequence,
    to: sequence,
    put: z.array(wireGrantSchema).max(1000),
    revoke: z.array(revocation).max(1000),
  }),
  'grants.compare': z.object({
    bucket: z.int().min(0).max(255).optional(),
    /** Go on after this id. */
    after: identifier.optional(),
  }),
  'key.put': z.object({
    key: z.object({
      id: identifier,
      rev: revision,
      name: word,
      virtual: z.boolean().default(false),
      roaming: z.boolean().default(false),
      /** Access point it belongs to. */
      home: identifier.optional(),
      notes: word.optional(),
      /** Number of the fob on its ring, sealed to the bridge. */
      sealedFob: sealedSecret.optional(),
    }),
  }),
  'key.remove': revocation,
  unlock: open,
  'slot.open': open.extend({ slot }),
  lock: z.object({ dev: device }),
  lockdown: z.object({
    scope: z.string().min(1).max(64),
    level: z.literal('deny_entry'),
    allowStaff: z.boolean(),
  }),
  release: z.object({ lockdownId: z.string().min(1).max(64) }),
  config: z.object({ version: sequence, set: settings }),
  ping: z.object({ echo: z.string().max(1024).optional() }),
  time: z.object({
    unixMs: z.int().nonnegative().max(LATEST),
    errMs: z.int().min(0).max(3_600_000),
    nonce: z.string().max(64).optional(),
  }),
  'keypad.reset': z.object({ dev: device }),
  /** How often it was used, where a journal that was lost knew it. */
  'uses.confirm': z.object({ grant: identifier, count: z.int().min(0).max(1_000_000) }),
  'events.resend': z.object({ epoch, from: z.int().min(1), to: z.int().min(1) }),
  'device.identify': z.object({ dev: device }),
  /** As in the site's config; `wire` is the bus that the settings name, where the site has none of that name. */
  'device.add': z.object({ dev: device, settings, wire: settings.optional() }),
  'device.remove': z.object({ dev: device }),
  'diag.get': z.object({}),
  /** `settings` is `{version}`: what is to run, from the package sources that the machine trusts. */
  'update.start': z.object({ settings }),
  'key.rotate': z.object({
    add: z
      .object({
        kid: z.string().regex(KID),
        jwk: publicJwkSchema.extend({ crv: z.literal('Ed25519') }),
      })
      .optional(),
    retire: z.string().regex(KID).optional(),
  }),
} as const;

export type CommandType = keyof typeof BODIES;
export type BodyOf<T extends CommandType> = z.infer<(typeof BODIES)[T]>;

export const COMMAND_TYPES = Object.keys(BODIES).filter(isCommandType);

export function isCommandType(name: string): name is CommandType {
  return Object.hasOwn(BODIES, name);
}

export interface CommandRule {
  /** Longest `exp - iat`, seconds. */
  readonly life: number;
  readonly counter: boolean;
  readonly nonce: boolean;
  readonly powers: readonly KeyPower[];
  /** Acts at once and means nothing later; without a nonce it needs a clock that can be trusted. */
  readonly momentary: boolean;
}

const DAY = 86_400;
const CC: readonly KeyPower[] = ['cc'];
const OPS: readonly KeyPower[] = ['ops'];
const BOTH: readonly KeyPower[] = ['cc', 'ops'];

function rule(
  life: number,
  powers: readonly KeyPower[],
  more: Partial<CommandRule> = {},
): CommandRule {
  return { life, powers, counter: true, nonce: false, momentary: false, ...more };
}

const FRESH = { nonce: true, momentary: true } as const;

export const RULES: { readonly [T in CommandType]: CommandRule } = {
  'grant.put': rule(7 * DAY, CC),
  'grant.revoke': rule(7 * DAY, CC),
  'grants.snapshot': rule(DAY, CC),
  'grants.delta': rule(DAY, CC),
  'grants.compare': rule(DAY, CC),
  'key.put': rule(7 * DAY, CC),
  'key.remove': rule(7 * DAY, CC),
  unlock: rule(30, CC, FRESH),
  'slot.open': rule(30, CC, FRESH),
  lock: rule(60, CC, { momentary: true }),
  lockdown: rule(DAY, CC),
  release: rule(300, CC, FRESH),
  config: rule(DAY, OPS),
  ping: rule(60, BOTH),
  time: rule(30, BOTH, { ...FRESH, counter: false }),
  'keypad.reset': rule(300, CC, FRESH),
  // What is stated late would give uses that were spent meanwhile.
  'uses.confirm': rule(300, CC, FRESH),
  'events.resend': rule(3_600, BOTH),
  'device.identify': rule(300, BOTH, { momentary: true }),
  'device.add': rule(DAY, OPS),
  'device.remove': rule(DAY, OPS),
  'diag.get': rule(300, BOTH),
  'update.start': rule(300, OPS, FRESH),
  'key.rotate': rule(300, ['cc', 'ops', 'rec'], FRESH),
};

export const COMMAND_BODIES: { readonly [T in CommandType]: (typeof BODIES)[T] } = BODIES;
