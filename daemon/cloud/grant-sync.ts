/**
 * The cloud's side of desired state: finds out what a bridge lacks by comparing digests, 256 ranges of ids at a time,
 * and sends that and nothing else. A million grants that are equal cost one message; one that differs, a few.
 */
import { z } from 'zod';
import { bucketOf, digestOf, GrantDigest, grantHash } from '../store/digest.ts';
import type { CloudClient } from './client.ts';
import type { Reply } from './messages.ts';
import type { UnderstoodGrant } from './wire-grant.ts';

/** What the cloud wants a bridge to have. */
export interface DesiredGrants {
  /** All of them, by id and revision. */
  revisions(): Iterable<{ readonly id: string; readonly rev: number }>;
  /** The whole grant, its secrets sealed. */
  grant(id: string): Promise<UnderstoodGrant>;
}

export type SyncResult =
  | { readonly kind: 'same'; readonly version: number }
  | {
      readonly kind: 'sent';
      readonly version: number;
      readonly put: number;
      readonly revoked: number;
    }
  | { readonly kind: 'refused'; readonly reply: Reply };

const bucketsSchema = z.object({
  version: z.int(),
  count: z.int(),
  digest: z.string(),
  buckets: z.array(z.string()).length(256),
});
const bucketSchema = z.object({
  grants: z.array(z.tuple([z.string(), z.number()])),
  more: z.boolean(),
});

/** Grants in one part of a snapshot, and its size as JSON (conventions 1.7). */
const PART_GRANTS = 100;
const PART_BYTES = 40 * 1024;
/** As JSON, with room for the envelope and the signature (conventions 1.7). */
const DELTA_BYTES = 40 * 1024;
const DELTA_REVOCATIONS = 400;

/** The whole picture in parts, named `snap`, when it is the bridge's turn; the reply to the last, or to the first that was refused. */
export async function sendSnapshot(
  client: CloudClient,
  snap: string,
  version: number,
  grants: readonly UnderstoodGrant[],
): Promise<Reply> {
  const parts = partsOf(grants);
  const digest = digestOf(grants);
  let reply: Reply | undefined;
  await client.snapshotTurn();
  for (const [index, part] of parts.entries()) {
    const place = { part: index + 1, parts: parts.length };
    reply = await client.send('grants.snapshot', { snap, version, ...place, grants: part, digest });
    if (reply.status !== 'ok') return reply;
  }
  if (reply === undefined) throw new Error('a snapshot has at least one part');
  return reply;
}

function partsOf(grants: readonly UnderstoodGrant[]): UnderstoodGrant[][] {
  const parts: UnderstoodGrant[][] = [[]];
  let bytes = 0;
  for (const grant of grants) {
    const size = Buffer.byteLength(JSON.stringify(grant)) + 1;
    const part = parts.at(-1) ?? [];
    if (part.length > 0 && (part.length >= PART_GRANTS || bytes + size > PART_BYTES)) {
      parts.push([grant]);
      bytes = size;
    } else {
      part.push(grant);
      bytes += size;
    }
  }
  return parts;
}

interface Change {
  readonly put: string[];
  readonly revoke: { readonly id: string; readonly rev: number }[];
}

export async function bringUpToDate(
  client: CloudClient,
  desired: DesiredGrants,
): Promise<SyncResult> {
  const compared = await client.send('grants.compare', {});
  if (compared.status !== 'ok') return { kind: 'refused', reply: compared };
  const there = bucketsSchema.parse(compared.data);
  const here = bucketed(desired);
  if (here.digest.hex === there.digest) return { kind: 'same', version: there.version };
  const change: Change = { put: [], revoke: [] };
  const buckets = here.digest.buckets();
  for (let bucket = 0; bucket < buckets.length; bucket += 1) {
    if (buckets[bucket] === there.buckets[bucket]) continue;
    const theirs = await idsOf(client, bucket);
    if (!(theirs instanceof Map)) return { kind: 'refused', reply: theirs };
    differences(here.revisions[bucket] ?? new Map(), theirs, change);
  }
  return send(client, desired, change, there.version);
}

function bucketed(desired: DesiredGrants): {
  readonly digest: GrantDigest;
  readonly revisions: readonly Map<string, number>[];
} {
  const digest = new GrantDigest();
  const revisions = Array.from({ length: 256 }, () => new Map<string, number>());
  for (const { id, rev } of desired.revisions()) {
    const bucket = bucketOf(id);
    digest.toggle(bucket, grantHash(id, rev));
    revisions[bucket]?.set(id, rev);
  }
  return { digest, revisions };
}

async function idsOf(client: CloudClient, bucket: number): Promise<Map<string, number> | Reply> {
  const ids = new Map<string, number>();
  let after: string | undefined;
  for (;;) {
    const body = { bucket, ...(after === undefined ? {} : { after }) };
    const reply = await client.send('grants.compare', body);
    if (reply.status !== 'ok') return reply;
    const page = bucketSchema.parse(reply.data);
    for (const [id, rev] of page.grants) ids.set(id, rev);
    const last = page.grants.at(-1);
    if (!page.more || last === undefined) return ids;
    [after] = last;
  }
}

function differences(
  wanted: ReadonlyMap<string, number>,
  theirs: ReadonlyMap<string, number>,
  change: Change,
): void {
  for (const [id, rev] of wanted) if ((theirs.get(id) ?? -1) < rev) change.put.push(id);
  for (const [id, rev] of theirs) if (!wanted.has(id)) change.revoke.push({ id, rev });
}

/** Revocations first: nobody keeps access for the time that others are given it. */
async function send(
  client: CloudClient,
  desired: DesiredGrants,
  { put, revoke }: Change,
  from: number,
): Promise<SyncResult> {
  let version = from;
  const step = async (grants: UnderstoodGrant[], revocations: Change['revoke']) => {
    const body = { from: version, to: version + 1, put: grants, revoke: revocations };
    const reply = await client.send('grants.delta', body);
    if (reply.status === 'ok') version += 1;
    return reply;
  };
  for (let at = 0; at < revoke.length; at += DELTA_REVOCATIONS) {
    const reply = await step([], revoke.slice(at, at + DELTA_REVOCATIONS));
    if (reply.status !== 'ok') return { kind: 'refused', reply };
  }
  let batch: UnderstoodGrant[] = [];
  let bytes = 0;
  for (const id of put) {
    const grant = await desired.grant(id);
    const size = Buffer.byteLength(JSON.stringify(grant)) + 1;
    if (batch.length > 0 && bytes + size > DELTA_BYTES) {
      const reply = await step(batch, []);
      if (reply.status !== 'ok') return { kind: 'refused', reply };
      batch = [];
      bytes = 0;
    }
    batch.push(grant);
    bytes += size;
  }
  if (batch.length > 0) {
    const reply = await step(batch, []);
    if (reply.status !== 'ok') return { kind: 'refused', reply };
  }
  return { kind: 'sent', version, put: put.length, revoked: revoke.length };
}
