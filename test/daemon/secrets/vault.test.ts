import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { Vault } from '../../../daemon/secrets/vault.ts';
import { seededRandom } from '../../../simulator/random.ts';

const pepper = Uint8Array.from({ length: 32 }, (_, n) => n);
const vault = new Vault(pepper, seededRandom(1));

test('a PIN is found by HMAC-SHA-256 of its scope and digits, cut to sixteen bytes', () => {
  const expected = createHmac('sha256', pepper)
    .update('pin\0harbour-12\x00004711')
    .digest('hex')
    .slice(0, 32);
  assert.equal(vault.indexer('harbour-12').pin('004711'), expected);
});

test('the same digits elsewhere, or other digits here, are found nowhere', () => {
  const here = vault.indexer('a');
  assert.notEqual(here.pin('1234'), vault.indexer('b').pin('1234'));
  assert.notEqual(here.pin('01234'), here.pin('1234'));
  assert.notEqual(
    here.pin('1234'),
    new Vault(pepper.toReversed(), seededRandom(1)).indexer('a').pin('1234'),
  );
});

test('what was sealed opens for its owner alone, and not after a single changed bit', () => {
  fc.assert(
    fc.property(
      fc.string({ maxLength: 30 }),
      fc.string(),
      fc.string(),
      fc.nat(),
      (text, owner, other, at) => {
        const sealed = vault.seal(text, owner);
        assert.equal(vault.open(sealed, owner), text);
        if (other !== owner) assert.equal(vault.open(sealed, other), undefined);
        const bytes = Buffer.from(sealed, 'base64url');
        const n = at % bytes.length;
        bytes[n] = (bytes[n] ?? 0) ^ 1;
        assert.equal(vault.open(bytes.toString('base64url'), owner), undefined);
      },
    ),
    { numRuns: 50 },
  );
  assert.equal(vault.open('', 'g-1'), undefined);
});

test('a pepper of another length is refused', () => {
  assert.throws(() => new Vault(new Uint8Array(16), seededRandom(1)), /32 bytes, found 16/);
});
