import assert from 'node:assert/strict';
import { createHmac, generateKeyPairSync, sign } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { CompactSign, compactVerify } from 'jose';
import {
  newKeyPair,
  privateKeyOf,
  publicHalf,
  publicKeyOf,
  seal,
  unseal,
} from '../../../daemon/cloud/jose.ts';
import { signNow, verifyCompact } from '../../../daemon/cloud/jws.ts';
import { compact } from './forge.ts';

const TYP = 'kb-cmd+jws';
const jwk = newKeyPair('Ed25519');
const key = privateKeyOf(jwk);
const trusted = publicKeyOf(publicHalf(jwk));
const keyOf = (kid: string) => (kid === 'cc-a' ? trusted : undefined);
const mac = (text: Buffer) => sign(null, text, key);

test('what jose signs is verified here and there, and no bend of it is', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.json(),
      fc.nat(),
      fc.constantFrom('', 'A', '=', '.', '\n', '-'),
      fc.boolean(),
      async (json, place, letter, isPut) => {
        const text = JSON.stringify(JSON.parse(json));
        const token = await new CompactSign(Buffer.from(text))
          .setProtectedHeader({ alg: 'Ed25519', kid: 'cc-a', typ: TYP })
          .sign(key);
        // Ed25519 draws nothing: both make the same bytes.
        assert.equal(signNow(JSON.parse(json), TYP, { kid: 'cc-a', key }), token);
        const verified = verifyCompact(token, TYP, keyOf);
        assert.equal(verified.kind, 'verified');
        assert.equal(
          verified.kind === 'verified' && Buffer.from(verified.payload).toString(),
          text,
        );
        const other = await compactVerify(token, trusted, { algorithms: ['Ed25519'] });
        assert.equal(Buffer.from(other.payload).toString(), text);
        const at = place % token.length;
        const bent = token.slice(0, at) + letter + token.slice(isPut ? at : at + 1);
        if (bent === token) return;
        const mine = verifyCompact(bent, TYP, keyOf);
        assert.notEqual(mine.kind, 'verified', bent);
      },
    ),
    { numRuns: 100 },
  );
});

const payload = { v: 1 };
const bends: readonly (readonly [what: string, token: () => string, kind: string])[] = [
  [
    'alg none',
    () => compact({ alg: 'none', kid: 'cc-a', typ: TYP }, payload, () => new Uint8Array(64)),
    'malformed',
  ],
  [
    'alg none without signature',
    () => compact({ alg: 'none', kid: 'cc-a', typ: TYP }, payload, () => new Uint8Array()),
    'malformed',
  ],
  [
    'the other name of the algorithm',
    () => compact({ alg: 'EdDSA', kid: 'cc-a', typ: TYP }, payload, mac),
    'malformed',
  ],
  [
    'an HMAC under the public key',
    () =>
      compact({ alg: 'HS512', kid: 'cc-a', typ: TYP }, payload, (text) =>
        createHmac('sha512', publicHalf(jwk).x).update(text).digest(),
      ),
    'malformed',
  ],
  [
    'a key brought along',
    () => {
      const own = newKeyPair('Ed25519');
      const header = { alg: 'Ed25519', kid: 'cc-a', typ: TYP, jwk: publicHalf(own) };
      return compact(header, payload, (text) => sign(null, text, privateKeyOf(own)));
    },
    'malformed',
  ],
  [
    'a certificate brought along',
    () => compact({ alg: 'Ed25519', kid: 'cc-a', typ: TYP, x5c: ['AA'] }, payload, mac),
    'malformed',
  ],
  [
    'a critical extension',
    () =>
      compact({ alg: 'Ed25519', kid: 'cc-a', typ: TYP, crit: ['b64'], b64: false }, payload, mac),
    'malformed',
  ],
  [
    'an unknown type',
    () => compact({ alg: 'Ed25519', kid: 'cc-a', typ: 'JWT' }, payload, mac),
    'malformed',
  ],
  [
    'the type of another message',
    () => compact({ alg: 'Ed25519', kid: 'cc-a', typ: 'kb-ack+jws' }, payload, mac),
    'malformed',
  ],
  ['no kid', () => compact({ alg: 'Ed25519', typ: TYP }, payload, mac), 'malformed'],
  [
    'an unknown kid',
    () => compact({ alg: 'Ed25519', kid: 'cc-b', typ: TYP }, payload, mac),
    'unknown-key',
  ],
  [
    'a stranger under a known name',
    () =>
      compact({ alg: 'Ed25519', kid: 'cc-a', typ: TYP }, payload, (text) =>
        sign(null, text, generateKeyPairSync('ed25519').privateKey),
      ),
    'bad-signature',
  ],
  ['plain JSON', () => JSON.stringify(payload), 'malformed'],
  ['nothing', () => '', 'malformed'],
  [
    'the flattened serialisation',
    () => JSON.stringify({ protected: 'e30', payload: 'e30', signature: 'AA' }),
    'malformed',
  ],
  [
    'leftover bits in the signature',
    () => {
      const token = compact({ alg: 'Ed25519', kid: 'cc-a', typ: TYP }, payload, mac);
      const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
      return token.slice(0, -1) + letters[letters.indexOf(token.slice(-1)) ^ 1];
    },
    'malformed',
  ],
];

for (const [what, token, kind] of bends) {
  test(`a token with ${what} is ${kind}`, () => {
    assert.equal(verifyCompact(token(), TYP, keyOf).kind, kind);
  });
}

test('a sealed secret opens for its owner only, and two seals of it look different', async () => {
  const mine = newKeyPair('X25519');
  const sealed = [await seal('471113', publicHalf(mine)), await seal('471113', publicHalf(mine))];
  assert.notEqual(sealed[0], sealed[1]);
  for (const each of sealed) {
    assert.equal(await unseal(each, privateKeyOf(mine)), '471113');
    assert.equal(await unseal(each, privateKeyOf(newKeyPair('X25519'))), undefined);
    assert.equal(await unseal(each.slice(0, -2), privateKeyOf(mine)), undefined);
    assert.ok(!Buffer.from(each.split('.')[3] ?? '', 'base64url').includes('471113'));
  }
});
