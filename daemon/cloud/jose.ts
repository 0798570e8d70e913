/** Keys as JWK, and sealing with `jose`. Signatures are `jws.ts`. */
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto';
import { CompactEncrypt, compactDecrypt } from 'jose';
import { z } from 'zod';

/** Public half of a key on curve 25519 as a JWK (RFC 8037). */
export const publicJwkSchema = z.object({
  kty: z.literal('OKP'),
  crv: z.enum(['Ed25519', 'X25519']),
  x: z.string().regex(/^[A-Za-z0-9_-]{43}$/, '32 bytes in base64url'),
});
export type PublicJwk = z.infer<typeof publicJwkSchema>;

export const privateJwkSchema = publicJwkSchema.extend({
  d: z.string().regex(/^[A-Za-z0-9_-]{43}$/, '32 bytes in base64url'),
});
export type PrivateJwk = z.infer<typeof privateJwkSchema>;

export interface SigningKey {
  readonly kid: string;
  readonly key: KeyObject;
}

/** A new key pair. Its private half belongs in a file of mode 0600 and nowhere else. */
export function newKeyPair(curve: 'Ed25519' | 'X25519'): PrivateJwk {
  const { privateKey } =
    curve === 'Ed25519' ? generateKeyPairSync('ed25519') : generateKeyPairSync('x25519');
  return privateJwkSchema.parse(privateKey.export({ format: 'jwk' }));
}

export function publicHalf({ kty, crv, x }: PrivateJwk): PublicJwk {
  return { kty, crv, x };
}

export function privateKeyOf(jwk: PrivateJwk): KeyObject {
  return createPrivateKey({ format: 'jwk', key: { ...jwk } });
}

export function publicKeyOf(jwk: PublicJwk): KeyObject {
  return createPublicKey({ format: 'jwk', key: { ...jwk } });
}

/** Seals text for the owner of an X25519 key: compact JWE, ECDH-ES, A256GCM (conventions 1.6). */
export async function seal(secret: string, to: PublicJwk): Promise<string> {
  return new CompactEncrypt(Buffer.from(secret))
    .setProtectedHeader({ alg: 'ECDH-ES', enc: 'A256GCM' })
    .encrypt(publicKeyOf(to));
}

/** The text, or `undefined` where the token is not one sealed to this key. */
export async function unseal(sealed: string, key: KeyObject): Promise<string | undefined> {
  try {
    const { plaintext } = await compactDecrypt(sealed, key, {
      keyManagementAlgorithms: ['ECDH-ES'],
      contentEncryptionAlgorithms: ['A256GCM'],
    });
    return new TextDecoder('utf-8', { fatal: true }).decode(plaintext);
  } catch (problem) {
    // What jose and the decoder throw here all mean the same, and to tell them apart would be an oracle.
    if (problem instanceof Error) return undefined;
    throw problem;
  }
}
