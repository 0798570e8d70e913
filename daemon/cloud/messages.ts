/** Envelopes of wire v1 (conventions 1.5, 1.6): what stands around every command, reply and event, and their limits. */
import { z } from 'zod';
import { ENTRY_TYPES, type Json, type JsonObject } from '../access/entry.ts';
import { type BodyOf, COMMAND_BODIES, type CommandType, isCommandType } from './commands.ts';
import { BRIDGE_ID, REQUESTER } from './topics.ts';

export const COMMAND_TYP = 'kb-cmd+jws';
export const ACK_TYP = 'kb-ack+jws';
export const CHECKPOINT_TYP = 'kb-chk+jws';

/** Nesting of a body; the body itself is the first. */
const DEEPEST = 8;
const LONGEST_TEXT = 256;
/** Texts that may be longer, each bounded by its own schema. */
const LONG_TEXTS: ReadonlySet<string> = new Set(['sealed', 'sealedFob', 'echo']);

const ZERO_TO_64_BIT = /^(0|[1-9]\d{0,19})$/;

/** 64 bits: a number while it is exact, decimal text beyond. */
const counter = z.union([
  z.int().positive().transform(BigInt),
  z.string().regex(ZERO_TO_64_BIT).transform(BigInt),
]);

/** Strict: what an envelope says must be understood whole. */
export const envelopeSchema = z.strictObject({
  v: z.literal(1),
  id: z.uuid(),
  type: z.string().max(64),
  aud: z.string().max(64),
  /** Seconds since 1970. */
  iat: z.int().nonnegative(),
  exp: z.int().nonnegative(),
  ctr: counter.optional(),
  nonce: z.string().min(8).max(64).optional(),
  requester: z.string().regex(REQUESTER),
  body: z.record(z.string(), z.unknown()),
});
export type Envelope = z.infer<typeof envelopeSchema>;

/** The part of an envelope that must be readable for a refusal to reach its sender. */
export const addressSchema = envelopeSchema
  .pick({ id: true, type: true, aud: true, requester: true })
  .loose();

export const ackSchema = z.strictObject({
  v: z.literal(1),
  aud: z.string().max(64),
  iat: z.int().nonnegative(),
  epoch: z.string().min(1).max(64),
  seq: z.int().nonnegative(),
});
export type Ack = z.infer<typeof ackSchema>;

/** A command whose envelope and body are understood. */
export type WireCommand = {
  readonly [T in CommandType]: Omit<Envelope, 'type' | 'body'> & {
    readonly type: T;
    readonly body: BodyOf<T>;
  };
}[CommandType];

export type CommandRead =
  | { readonly kind: 'command'; readonly command: WireCommand }
  | {
      readonly kind: 'bad';
      readonly why: string;
      readonly code: 'bad_request' | 'unsupported' | 'limit_exceeded';
    };

/** Reads the body that the envelope's type calls for. */
export function readCommand(envelope: Envelope): CommandRead {
  const { type } = envelope;
  if (!isCommandType(type))
    return { kind: 'bad', why: `no command "${type}"`, code: 'unsupported' };
  const limit = beyondLimits(envelope.body);
  if (limit !== undefined) return { kind: 'bad', why: limit, code: 'limit_exceeded' };
  const read = COMMAND_BODIES[type].safeParse(envelope.body);
  if (!read.success) return { kind: 'bad', why: firstFault(read.error), code: 'bad_request' };
  return { kind: 'command', command: commandOf(envelope, type, read.data) };
}

// The schema that read the body was picked by the type: the two belong together, which the compiler cannot follow.
function commandOf(envelope: Envelope, type: CommandType, body: unknown): WireCommand {
  return { ...envelope, type, body } as WireCommand;
}

/** Where and what, never the value that was found. */
function firstFault(error: z.ZodError): string {
  const [issue] = error.issues;
  if (issue === undefined) return 'not understood';
  return `${['body', ...issue.path.map(String)].join('.')}: ${issue.message}`.slice(0, 256);
}

function beyondLimits(body: unknown, depth = 1, name = 'body'): string | undefined {
  if (typeof body === 'string') {
    return body.length > LONGEST_TEXT && !LONG_TEXTS.has(name)
      ? `${name.slice(0, 64)}: text longer than ${LONGEST_TEXT}`
      : undefined;
  }
  if (typeof body !== 'object' || body === null) return undefined;
  if (depth > DEEPEST) return `nested deeper than ${DEEPEST}`;
  for (const [key, value] of Object.entries(body)) {
    const found = beyondLimits(value, depth + 1, Array.isArray(body) ? name : key);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The closed list of what a reply may say went wrong. */
const REPLY_CODES = [
  'bad_request',
  'bad_signature',
  'unknown_key',
  'wrong_audience',
  'replay',
  'expired',
  'nonce_stale',
  'clock_untrusted',
  'conflict',
  'not_found',
  'unsupported',
  'busy',
  'device_offline',
  'timeout',
  'jammed',
  'lockdown',
  'limit_exceeded',
  'storage_full',
  'internal',
  'unknown',
  'denied',
] as const;
export type ReplyCode = (typeof REPLY_CODES)[number];

const jsonObject = z.record(z.string(), z.unknown());

export const replySchema = z.object({
  v: z.literal(1),
  id: z.uuid(),
  type: z.string(),
  /** `accepted` at most once, before the final reply with the same id. */
  status: z.enum(['ok', 'accepted', 'error']),
  /** A copy of a reply that was given before; nothing was done again. */
  dup: z.boolean(),
  code: z.enum(REPLY_CODES).nullable(),
  msg: z.string().max(256).nullable(),
  data: jsonObject,
  /** When the reply was made, milliseconds since 1970. */
  ts: z.int(),
  clock: z.enum(['trusted', 'holdover', 'floor', 'broken']),
});

/** As `replySchema` reads it, spelled out so that it is plain JSON for the store. */
export interface Reply {
  readonly v: 1;
  readonly id: string;
  readonly type: string;
  readonly status: 'ok' | 'accepted' | 'error';
  readonly dup: boolean;
  readonly code: ReplyCode | null;
  readonly msg: string | null;
  readonly data: JsonObject;
  readonly ts: number;
  readonly clock: 'trusted' | 'holdover' | 'floor' | 'broken';
}

export const eventSchema = z.object({
  v: z.literal(1),
  epoch: z.string(),
  seq: z.int().positive(),
  id: z.string(),
  type: z.enum(ENTRY_TYPES),
  /** ISO 8601 in UTC; never rewritten, see `system.clock_corrected`. */
  ts: z.string(),
  clock: z.object({
    state: z.enum(['trusted', 'holdover', 'floor', 'broken']),
    /** Half the width of the interval `[lo, hi]`; `null`: not known. */
    errMs: z.number().nullable(),
    lo: z.number(),
    hi: z.number().nullable(),
  }),
  /** Start of the machine, and milliseconds of its clock that never jumps. */
  boot: z.string(),
  mono: z.number(),
  dev: z.string().optional(),
  sub: z.string().optional(),
  body: jsonObject,
  prev: z.string(),
  hash: z.string(),
});

export interface WireEvent {
  readonly v: 1;
  readonly epoch: string;
  readonly seq: number;
  readonly id: string;
  readonly type: (typeof ENTRY_TYPES)[number];
  readonly ts: string;
  readonly clock: {
    readonly state: Reply['clock'];
    readonly errMs: number | null;
    readonly lo: number;
    readonly hi: number | null;
  };
  readonly boot: string;
  readonly mono: number;
  readonly dev?: string;
  readonly sub?: string;
  readonly body: JsonObject;
  readonly prev: string;
  readonly hash: string;
}

/** One event, or several of one class in the order of the journal. */
export const eventsSchema = z.union([
  eventSchema,
  z.object({ v: z.literal(1), batch: z.array(eventSchema).min(1) }),
]);

export const statusSchema = z.object({
  v: z.literal(1),
  online: z.boolean(),
  /** One connection; the will carries the same, so that a late will cannot mark a newer session dead. */
  session: z.string(),
  bdSeq: z.int().nonnegative(),
  ts: z.int(),
  reason: z.string().max(64),
});

export interface WireStatus {
  readonly v: 1;
  readonly online: boolean;
  readonly session: string;
  readonly bdSeq: number;
  readonly ts: number;
  readonly reason: string;
}

export const stateSchema = z.object({
  v: z.literal(1),
  ts: z.int(),
  bridge: z.string().regex(BRIDGE_ID),
  site: z.string(),
  /** Session nonces, newest first. */
  nonces: z.array(z.string()).max(2),
  /** What this bridge understands beyond the first release of wire v1. */
  caps: z.array(z.string()),
  epoch: z.string(),
  lastSeq: z.int().nonnegative(),
  acked: z.int().nonnegative(),
  grantsVersion: z.int().nonnegative(),
  grantsDigest: z.string(),
  grants: z.int().nonnegative(),
  /**
   * Milliseconds since 1970 before which a whole snapshot is better not sent: each bridge of a fleet has its own
   * moment after a connect. Deltas need not wait.
   */
  snapshotFrom: z.int().optional(),
  clock: z.object({
    state: z.enum(['trusted', 'holdover', 'floor', 'broken']),
    errMs: z.number().nullable(),
  }),
  /** Only while not all is well: little space is left, or entries cannot be stored. */
  storage: z.enum(['low', 'unsafe']).optional(),
  /** Highest counter seen, by kid: from where a cloud that lost its own can go on. */
  counters: z.record(z.string(), z.string()),
  lockdowns: z.array(z.object({ id: z.string(), scope: z.string(), allowStaff: z.boolean() })),
  versions: z.record(z.string(), z.string()),
});
export type WireState = z.infer<typeof stateSchema>;

const count = z.int().nonnegative();

export const deviceStateSchema = z.object({
  v: z.literal(1),
  ts: z.int(),
  dev: z.string(),
  driver: z.string(),
  link: z.enum(['up', 'down']),
  /** Milliseconds since the device last proved that it is there; `null`: not since the start. */
  proofAgeMs: z.number().nullable(),
  lock: z.string().optional(),
  door: z.enum(['open', 'closed']).optional(),
  tamper: z.boolean().optional(),
  battery: z.number().min(0).max(100).optional(),
  faults: z.array(z.string()).optional(),
  /** By slot number: door and presence, as far as the box can tell. */
  slots: z
    .record(z.string(), z.object({ open: z.boolean().optional(), key: z.boolean().optional() }))
    .optional(),
  /** Since the start of the daemon, as of `ts`: how well the wire to the device works. */
  statistics: z
    .object({
      polls: count,
      replies: count,
      retries: count,
      timeouts: count,
      checksumErrors: count,
      noiseBytes: count,
      actuations: count,
    })
    .optional(),
});
export type WireDeviceState = z.infer<typeof deviceStateSchema>;

/** One line of the operator's log, where a site publishes them. */
export const logLineSchema = z.object({
  v: z.literal(1),
  ts: z.int(),
  event: z.string().max(64),
  fields: jsonObject,
  /** Lines before this one that were too many. */
  dropped: z.int().positive().optional(),
});

export interface WireLogLine {
  readonly v: 1;
  readonly ts: number;
  readonly event: string;
  readonly fields: JsonObject;
  readonly dropped?: number;
}

/** Signed with the bridge's own key: the chain up to `seq` can no longer be rewritten unseen (conventions 2.6). */
export const checkpointSchema = z.strictObject({
  v: z.literal(1),
  bridge: z.string(),
  epoch: z.string(),
  seq: z.int().nonnegative(),
  hash: z.string(),
  ts: z.int(),
});
export type Checkpoint = z.infer<typeof checkpointSchema>;

export function encode(message: Json | object): Uint8Array {
  return Buffer.from(JSON.stringify(message));
}
