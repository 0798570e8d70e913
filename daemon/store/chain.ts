/**
 * The hash chain of the journal (conventions 2.6): `hash = SHA-256(prev | seq | at | type | digest)`, with prev and
 * digest 32 bytes, seq and at 64 bit big-endian (at in milliseconds), type in UTF-8. The digest stands for the
 * content, so that a body can be erased later and the chain still verifies.
 */
import { hash } from 'node:crypto';
import type { Random } from '../../drivers/contract/time.ts';
import type { Stamp } from '../access/entry.ts';

export interface Content {
  readonly id: string;
  readonly device: string | undefined;
  readonly sub: string | undefined;
  readonly stamp: Stamp;
  /** The body as JSON, exactly as stored. */
  readonly bodyText: string;
}

/** What stands before the first entry: the epoch is part of the chain. */
export function genesis(epoch: string): string {
  return sha256(`latchkey journal ${epoch}`);
}

/** SHA-256 of the JSON array `[id, device, sub, boot, uptime, lo, hi, state, bodyText]`, `null` for what is missing. */
export function contentDigest({ id, device, sub, stamp, bodyText }: Content): string {
  const { boot, uptime, clock } = stamp;
  const hi = Number.isFinite(clock.hi) ? clock.hi : null;
  return sha256(
    JSON.stringify([
      id,
      device ?? null,
      sub ?? null,
      boot,
      uptime,
      clock.lo,
      hi,
      clock.state,
      bodyText,
    ]),
  );
}

export function entryHash(
  prev: string,
  seq: number,
  at: number,
  type: string,
  digest: string,
): string {
  const numbers = Buffer.alloc(16);
  numbers.writeBigUInt64BE(BigInt(seq), 0);
  numbers.writeBigInt64BE(BigInt(at), 8);
  const parts = [Buffer.from(prev, 'hex'), numbers, Buffer.from(type), Buffer.from(digest, 'hex')];
  return hash('sha256', Buffer.concat(parts));
}

export function sha256(text: string): string {
  return hash('sha256', text);
}

/** UUID version 7 (RFC 9562 5.7): 48 bits of time, the rest drawn. */
export function uuid7(at: number, random: Random): string {
  const bytes = Buffer.alloc(16);
  bytes.writeUIntBE(Math.max(0, Math.min(Math.trunc(at), 2 ** 48 - 1)), 0, 6);
  bytes.set(random.bytes(10), 6);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x70, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = bytes.toString('hex');
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    hex.slice(12, 16),
    hex.slice(16, 20),
    hex.slice(20),
  ].join('-');
}
