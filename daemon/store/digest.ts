/**
 * The digest of a set of grants that does not depend on their order: XOR of `SHA-256(id NUL rev)`, with rev in decimal
 * digits. In 256 buckets by the first byte of `SHA-256(id)`, so that two sides find what differs among a million
 * without sending them. Hex, lower case; an empty set is 64 zeros.
 */
import { hash } from 'node:crypto';

export const BUCKETS = 256;
const BYTES = 32;

/** A byte a character: a third of what a Buffer takes, and a million grants are two million hashes. */
export type ByteText = string;

export function bucketOf(id: string): number {
  return hash('sha256', id, 'binary').charCodeAt(0);
}

export function grantHash(id: string, rev: number): ByteText {
  return hash('sha256', `${id}\0${rev}`, 'binary');
}

export class GrantDigest {
  readonly #sums = Buffer.alloc(BUCKETS * BYTES);
  readonly #changed = new Set<number>();

  /** Adds a grant that is not in, or takes out one that is: the same step. Its hash is the one at `nth` of `sum`. */
  toggle(bucket: number, sum: ByteText, nth = 0): void {
    const from = nth * BYTES;
    const at = bucket * BYTES;
    for (let i = 0; i < BYTES; i++) {
      this.#sums[at + i] = (this.#sums[at + i] ?? 0) ^ sum.charCodeAt(from + i);
    }
    this.#changed.add(bucket);
  }

  bucket(bucket: number): Buffer {
    return Buffer.from(this.#sums.subarray(bucket * BYTES, (bucket + 1) * BYTES));
  }

  setBucket(bucket: number, sum: Uint8Array): void {
    this.#sums.set(sum, bucket * BYTES);
  }

  /** Buckets touched since the last call. */
  takeChanged(): readonly number[] {
    const changed = [...this.#changed];
    this.#changed.clear();
    return changed;
  }

  buckets(): readonly string[] {
    return Array.from({ length: BUCKETS }, (_, bucket) => this.bucket(bucket).toString('hex'));
  }

  get hex(): string {
    const total = Buffer.alloc(BYTES);
    for (let i = 0; i < this.#sums.length; i++) {
      total[i % BYTES] = (total[i % BYTES] ?? 0) ^ (this.#sums[i] ?? 0);
    }
    return total.toString('hex');
  }
}

/** Of a list without repeated ids: what a sender puts beside a snapshot. */
export function digestOf(grants: Iterable<{ readonly id: string; readonly rev: number }>): string {
  const digest = new GrantDigest();
  for (const { id, rev } of grants) digest.toggle(bucketOf(id), grantHash(id, rev));
  return digest.hex;
}
