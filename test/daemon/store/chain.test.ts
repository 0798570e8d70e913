import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { ENTRY_TYPES } from '../../../daemon/access/entry.ts';
import { entryHash, uuid7 } from '../../../daemon/store/chain.ts';
import { seededRandom } from '../../../simulator/random.ts';

const digests = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes));

test('an entry is hashed as bytes: prev, number and time in 64 bits, type, digest', () => {
  fc.assert(
    fc.property(
      digests,
      fc.nat(Number.MAX_SAFE_INTEGER),
      fc.integer({ min: Number.MIN_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER }),
      fc.constantFrom(...ENTRY_TYPES),
      digests,
      (prev, seq, at, type, digest) => {
        const numbers = Buffer.alloc(16);
        numbers.writeBigUInt64BE(BigInt(seq), 0);
        numbers.writeBigInt64BE(BigInt(at), 8);
        const bytes = Buffer.concat([prev, numbers, Buffer.from(type), digest]);
        assert.equal(
          entryHash(prev.toString('hex'), seq, at, type, digest.toString('hex')),
          createHash('sha256').update(bytes).digest('hex'),
        );
      },
    ),
  );
});

test('an id is a UUID of version 7: its time, and nothing else that could be foretold', () => {
  fc.assert(
    fc.property(fc.integer({ min: -5, max: 2 ** 49 }), fc.integer(), (at, seed) => {
      const id = uuid7(at, seededRandom(seed));
      assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      const time = Number.parseInt(id.replace('-', '').slice(0, 12), 16);
      assert.equal(time, Math.min(Math.max(at, 0), 2 ** 48 - 1));
      const drawn = Buffer.from(seededRandom(seed).bytes(10)).toString('hex');
      const bits = id.replaceAll('-', '');
      assert.equal(bits.slice(13, 16) + bits.slice(17), drawn.slice(1, 4) + drawn.slice(5));
    }),
  );
});
