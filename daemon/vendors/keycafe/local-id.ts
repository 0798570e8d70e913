/** Keycafe's ids are whole numbers; what was made here gets one that no Keycafe id and no other thing here has. */
import { createHash } from 'node:crypto';
import type { Random } from '../../../drivers/contract/time.ts';

/** Below 2^53, so that clients which read numbers as doubles keep all digits; above any id that Keycafe has given. */
const MADE = 8_000_000_000_000_000;
const DERIVED = 7_000_000_000_000_000;
const ROOM = 1_000_000_000_000_000n;

export function drawnId(random: Random): string {
  return String(MADE + within(Buffer.from(random.bytes(8))));
}

/**
 * The same for the same request key, so that a retry finds what the first call made: a thing of that kind, since a
 * client may well send the same key with all calls of one booking.
 */
export function idFromKey(kind: string, key: string): string {
  return String(MADE + within(sha256(`request ${kind} ${key}`)));
}

/** Of a thing that has a name here and no number there: a key of the config, an access point, a slot. */
export function derivedId(kind: string, name: string): string {
  return String(DERIVED + within(sha256(`${kind} ${name}`)));
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function within(bytes: Buffer): number {
  return Number(bytes.readBigUInt64BE(0) % ROOM);
}
