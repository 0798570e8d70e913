import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { iso } from '../../../daemon/local-api/fields.ts';
import { instant } from '../../../drivers/contract/time.ts';

test('a moment is written as the language itself writes it, whichever it is', () => {
  fc.assert(
    fc.property(fc.integer({ min: -8.64e15, max: 8.64e15 }), (at) => {
      assert.equal(iso(instant(at)), new Date(at).toISOString());
    }),
  );
  for (const at of [0, -1, 951_782_400_000, 1_793_577_600_123, -62_198_755_200_000]) {
    assert.equal(iso(instant(at)), new Date(at).toISOString());
  }
  assert.equal(iso(instant(Number.POSITIVE_INFINITY)), '+275760-09-13T00:00:00.000Z');
});
