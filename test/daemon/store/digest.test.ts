/** The digest as its page defines it, worked out a second time from the definition. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { bucketOf, digestOf, GrantDigest, grantHash } from '../../../daemon/store/digest.ts';

const sha256 = (text: string) => createHash('sha256').update(text).digest();

test('a digest is the XOR of SHA-256(id NUL rev), in buckets by the first byte of SHA-256(id)', () => {
  const grant = fc.record({ id: fc.string({ minLength: 1, unit: 'grapheme' }), rev: fc.nat() });
  const sets = fc.uniqueArray(grant, { selector: ({ id }) => id, maxLength: 20 });
  fc.assert(
    fc.property(sets, (grants) => {
      const buckets = Array.from({ length: 256 }, () => Buffer.alloc(32));
      const digest = new GrantDigest();
      for (const { id, rev } of grants) {
        const sum = buckets[sha256(id).readUInt8(0)] ?? Buffer.alloc(0);
        const hash = sha256(`${id}\0${rev}`);
        for (let i = 0; i < 32; i++) sum[i] = (sum[i] ?? 0) ^ (hash[i] ?? 0);
        digest.toggle(bucketOf(id), grantHash(id, rev));
      }
      assert.deepEqual(
        digest.buckets(),
        buckets.map((sum) => sum.toString('hex')),
      );
      assert.equal(digest.hex, digestOf(grants));
      for (const { id, rev } of grants) digest.toggle(bucketOf(id), grantHash(id, rev));
      assert.equal(digest.hex, '0'.repeat(64));
    }),
    { numRuns: 30 },
  );
});
