/**
 * What is known of one thing at one vendor: which of theirs it is, what we last read of it and last said, and what is
 * still to do. Kept as cursors of the vendor, so that it changes in one transaction with the rows it speaks of.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { isObject, toJson } from '../access/body.ts';
import type { Json, JsonObject } from '../access/entry.ts';

/** `cannot`: theirs, and it cannot be had here; or ours, and the vendor will not take it. `gone`: no longer there. */
export const RECORD_STATES = [
  'in-step',
  'to-create',
  /** Asked for; whether the vendor made it is known only once it is read. */
  'creating',
  'to-update',
  'to-revoke',
  'to-send',
  'cannot',
  'gone',
] as const;
export type RecordState = (typeof RECORD_STATES)[number];

/** How it stands in one system or device of the vendor's. */
const placeSchema = z.object({
  place: z.string(),
  state: z.enum(['pending', 'active', 'failed']),
  detail: z.string().optional(),
});
export type PlaceState = z.infer<typeof placeSchema>;

const recordSchema = z.object({
  /** `access`, `key`, `accesskey`, `message`: the vendor's word for it. */
  kind: z.string(),
  /** The vendor's id, once it is known. */
  ref: z.string().optional(),
  /** `vendor`: read there. `here`: made by a dialect. `mirror`: a grant of another source, told to this vendor. */
  origin: z.enum(['vendor', 'here', 'mirror']),
  state: z.enum(RECORD_STATES),
  /** Why, for people: no secret, no name. */
  detail: z.string().optional(),
  /** Digest of theirs as last read. */
  seen: z.string().optional(),
  /** What of ours the vendor was last told. */
  sent: z.string().optional(),
  /** Their own fields, names and contacts among them: sealed, bound to the id. */
  sealed: z.string().optional(),
  places: z.array(placeSchema).optional(),
  /** Milliseconds since 1970 of the last change of `state`. */
  since: z.number(),
  /** Calls for it that failed in a row. */
  tries: z.number().optional(),
  /** More that one vendor needs; no secret. */
  extra: z.custom<JsonObject>((value) => isObject(toJson(value))).optional(),
});
export type VendorRecord = Readonly<z.infer<typeof recordSchema>>;

/** Of a thing that was changed here: what the vendor has is to be changed there, what it would not take is asked for again. */
export function stateOnChange({ ref, state }: VendorRecord): RecordState {
  if (ref !== undefined) return 'to-update';
  return state === 'cannot' ? 'to-create' : state;
}

const shardSchema = z.record(z.string(), recordSchema);

const SHARDS = 256;

export function shardOf(id: string): string {
  const first = createHash('sha256').update(id).digest().subarray(0, 1).toString('hex');
  return `records/${first}`;
}

export function shardNames(): readonly string[] {
  return Array.from({ length: SHARDS }, (_, at) => `records/${at.toString(16).padStart(2, '0')}`);
}

/** Reads one shard. @throws ZodError for what this version did not write */
export function recordsIn(value: Json | undefined): readonly [string, VendorRecord][] {
  return value === undefined || value === null ? [] : Object.entries(shardSchema.parse(value));
}

/** 32 hex digits over data as JSON with its names in order. */
export function digestOf(value: unknown): string {
  return createHash('sha256')
    .update(JSON.stringify(ordered(value)))
    .digest('hex')
    .slice(0, 32);
}

function ordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(ordered);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, each]) => each !== undefined)
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([name, each]) => [name, ordered(each)]),
  );
}
