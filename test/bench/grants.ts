/**
 * A house with many guests: every code carries two grants, one for the door here and one elsewhere, and one code in
 * nine opens only elsewhere. Codes lie scattered over the tree, which is the worst case for its cache.
 */
import { credentialId, type Grant, grantId, holderId } from '../../daemon/access/model.ts';
import type { Indexer } from '../../daemon/access/site-facts.ts';
import { resolveWindow } from '../../daemon/access/window.ts';
import { bucketOf, GrantDigest, grantHash } from '../../daemon/store/digest.ts';
import { type GrantRow, grantRow, resolved } from '../../daemon/store/grant-rows.ts';
import type { SnapshotBuilder } from '../../daemon/store/ports.ts';
import { instant } from '../../drivers/contract/time.ts';

export const DOOR = 'door';
export const ZONE = 'Europe/Stockholm';
/** As many grants as the own cloud sends in one part. */
const PART = 1000;
const YEAR = 365 * 86_400_000;
const FROM = instant(Date.UTC(2026, 0, 1));

/** Eight digits, each used once: a full-period walk through all of them. */
export function pinOf(guest: number): string {
  return ((guest * 61_803_399) % 100_000_000).toString().padStart(8, '0');
}

/** Guests whose code opens nothing here. */
export function isElsewhere(guest: number): boolean {
  return guest % 9 === 8;
}

export function grantOf(n: number, indexer: Indexer, rev = 1): Grant {
  const guest = n >> 1;
  const isHere = n % 2 === 0 && !isElsewhere(guest);
  const id = `g-${n.toString().padStart(7, '0')}`;
  return {
    id: grantId(id),
    rev,
    source: { vendor: 'cloud', ref: id, version: String(rev) },
    holder: holderId(`h-${guest}`),
    credentials: [
      { id: credentialId(`c-${guest}`), kind: 'pin', index: indexer.pin(pinOf(guest)), digits: 8 },
    ],
    targets: [{ kind: 'lock', id: isHere ? DOOR : `lock-${guest % 1000}` }],
    window: { kind: 'instants', start: FROM, end: instant(FROM + 3 * YEAR + (guest % 1000)) },
    operations: ['unlock'],
    options: {},
    state: 'active',
  };
}

export function grantsOf(count: number, indexer: Indexer, from = 0): readonly Grant[] {
  return Array.from({ length: count }, (_, n) => grantOf(from + n, indexer));
}

export function rowOf(grant: Grant): GrantRow {
  return grantRow(grant, resolved(grant.window, ZONE, resolveWindow));
}

/** What a cloud puts beside a snapshot of `count` grants, without having them all at once. */
export function digestOf(count: number): string {
  const digest = new GrantDigest();
  for (let n = 0; n < count; n++) {
    const id = `g-${n.toString().padStart(7, '0')}`;
    digest.toggle(bucketOf(id), grantHash(id, 1));
  }
  return digest.hex;
}

/** Parts that wait at the builder's door at a time; the sender is given its acknowledgements as they go in. */
const AT_ONCE = 20;

/**
 * Hands over `count` grants in parts and commits. Returns the milliseconds of the store alone: making the grants is
 * the sender's work and not counted.
 */
export async function fill(
  builder: SnapshotBuilder,
  count: number,
  indexer: Indexer,
  version = 1,
): Promise<number> {
  const parts = Math.ceil(count / PART);
  const digest = digestOf(count);
  let spent = 0;
  for (let first = 0; first < parts; first += AT_ONCE) {
    const some = Array.from({ length: Math.min(AT_ONCE, parts - first) }, (_, n) => {
      const from = (first + n) * PART;
      return grantsOf(Math.min(PART, count - from), indexer, from);
    });
    const before = performance.now();
    await Promise.all(some.map((part, n) => builder.part(first + n + 1, part)));
    spent += performance.now() - before;
  }
  const before = performance.now();
  const outcome = await builder.commit({ parts, version, digest });
  spent += performance.now() - before;
  if (outcome.kind !== 'applied') throw new Error(`the snapshot is ${outcome.kind}`);
  return spent;
}
