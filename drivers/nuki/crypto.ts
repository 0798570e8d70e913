/** The cryptography of the Nuki Smart Lock API V2.1: X25519, HSalsa20, HMAC-SHA-256, XSalsa20-Poly1305. */
import {
  createHmac,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  timingSafeEqual,
} from 'node:crypto';
import { hsalsa, xsalsa20poly1305 } from '@noble/ciphers/salsa.js';
import { fromHex, joinBytes } from '../wire/hex.ts';

/** DER of a raw X25519 key: the fixed bytes before the 32 of the key (RFC 8410). */
const PRIVATE_PREFIX = fromHex('302e020100300506032b656e04220420');
const PUBLIC_PREFIX = fromHex('302a300506032b656e032100');
const SIGMA = 'expand 32-byte k';

const KEY_BYTES = 32;
export const BOX_NONCE_BYTES = 24;
/** What a box adds: the Poly1305 tag. */
export const BOX_TAG_BYTES = 16;

export function publicKey(privateKey: Uint8Array): Uint8Array {
  const exported = createPublicKey(importPrivate(privateKey)).export({
    format: 'der',
    type: 'spki',
  });
  return new Uint8Array(exported.subarray(PUBLIC_PREFIX.length));
}

/** dh1: the raw shared secret of two key pairs. Throws for a public key that gives none. */
export function sharedSecret(privateKey: Uint8Array, theirPublic: Uint8Array): Uint8Array {
  return new Uint8Array(
    diffieHellman({
      privateKey: importPrivate(privateKey),
      publicKey: createPublicKey({
        key: Buffer.from(joinBytes(PUBLIC_PREFIX, theirPublic)),
        format: 'der',
        type: 'spki',
      }),
    }),
  );
}

/** kdf1: the long-term key of one authorization, from the raw shared secret. */
export function longTermKey(secret: Uint8Array): Uint8Array {
  const out = new Uint32Array(8);
  hsalsa(words(new TextEncoder().encode(SIGMA)), words(secret), new Uint32Array(4), out);
  const key = new Uint8Array(KEY_BYTES);
  const view = new DataView(key.buffer);
  for (const [index, word] of out.entries()) view.setUint32(4 * index, word, true);
  return key;
}

/** h1 */
export function authenticator(key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(
    createHmac('sha256', key)
      .update(joinBytes(...parts))
      .digest(),
  );
}

export function isAuthentic(expected: Uint8Array, found: Uint8Array): boolean {
  return expected.length === found.length && timingSafeEqual(expected, found);
}

/** e1 */
export function seal(key: Uint8Array, nonce: Uint8Array, plain: Uint8Array): Uint8Array {
  return xsalsa20poly1305(key, nonce).encrypt(plain);
}

/** `undefined` where the box was not made with this key and nonce. */
export function unseal(
  key: Uint8Array,
  nonce: Uint8Array,
  box: Uint8Array,
): Uint8Array | undefined {
  if (box.length < BOX_TAG_BYTES) return undefined;
  try {
    return xsalsa20poly1305(key, nonce).decrypt(box);
  } catch {
    return undefined; // the tag does not fit: not for us, or changed on the way
  }
}

function importPrivate(raw: Uint8Array) {
  return createPrivateKey({
    key: Buffer.from(joinBytes(PRIVATE_PREFIX, raw)),
    format: 'der',
    type: 'pkcs8',
  });
}

function words(bytes: Uint8Array): Uint32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Uint32Array.from({ length: bytes.length / 4 }, (_, index) =>
    view.getUint32(4 * index, true),
  );
}
