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
  const name = Buffer.from(type).toString('hex');
  return hash('sha256', Buffer.from(`${prev}${hex64(seq)}${hex64(at)}${name}${digest}`, 'hex'));
}

/** Two's complement, as a time before 1970 has it. */
function hex64(whole: number): string {
  const positive = whole < 0 ? BigInt.asUintN(64, BigInt(whole)) : whole;
  return positive.toString(16).padStart(16, '0');
}

export function sha256(text: string): string {
  return hash('sha256', text);
}

/** UUID version 7 (RFC 9562 5.7): 48 bits of time, the rest drawn. */
export function uuid7(at: number, random: Random): string {
  const time = Math.max(0, Math.min(Math.trunc(at), 2 ** 48 - 1))
    .toString(16)
    .padStart(12, '0');
  const drawn = random.bytes(10);
  drawn[2] = ((drawn[2] ?? 0) & 0x3f) | 0x80; // the variant; the version takes the place of four bits
  const hex = Buffer.from(drawn.buffer, drawn.byteOffset, drawn.length).toString('hex');
  return `${time.slice(0, 8)}-${time.slice(8)}-7${hex.slice(1, 4)}-${hex.slice(4, 8)}-${hex.slice(8)}`;
}
