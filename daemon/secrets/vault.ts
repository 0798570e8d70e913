/**
 * What the pepper is for: keyed hashes by which credentials are found, and sealed codes that a lock or a vendor's
 * page needs back. The pepper is 32 random bytes kept outside the database (conventions 2.3).
 */
import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  hkdfSync,
  type KeyObject,
} from 'node:crypto';
import type { Random } from '../../drivers/contract/time.ts';
import { cardIndex, identityOf, pinIndex } from '../access/identity.ts';
import type { Indexer } from '../access/site-facts.ts';

const NONCE = 12;
const TAG = 16;

export class Vault {
  /** A `KeyObject` once: from a Buffer the same HMAC takes nine times as long (performance, trap T3). */
  readonly #hashing: KeyObject;
  readonly #sealing: KeyObject;
  readonly #random: Random;

  constructor(pepper: Uint8Array, random: Random) {
    if (pepper.length !== 32) {
      throw new RangeError(`the PIN pepper is 32 bytes, found ${pepper.length}`);
    }
    this.#hashing = createSecretKey(pepper);
    this.#sealing = createSecretKey(
      Buffer.from(hkdfSync('sha256', pepper, '', 'latchkey sealed codes 1', 32)),
    );
    this.#random = random;
  }

  /** Keyed hashes within one scope (the site). */
  indexer(scope: string): Indexer {
    const hmac = (message: string) =>
      createHmac('sha256', this.#hashing).update(message).digest('hex');
    return {
      pin: (digits) => pinIndex(hmac, scope, digits),
      card: (card) => cardIndex(hmac, scope, identityOf(card)),
    };
  }

  /** Base64url of nonce, AES-256-GCM ciphertext and tag; `owner` (a grant or holder id) is bound to it. */
  seal(text: string, owner: string): string {
    const nonce = this.#random.bytes(NONCE);
    const cipher = createCipheriv('aes-256-gcm', this.#sealing, nonce);
    cipher.setAAD(Buffer.from(owner));
    const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
    return Buffer.concat([nonce, body, cipher.getAuthTag()]).toString('base64url');
  }

  /** Undefined when it was sealed for another owner, under another pepper, or was changed. */
  open(sealed: string, owner: string): string | undefined {
    const bytes = Buffer.from(sealed, 'base64url');
    if (bytes.length < NONCE + TAG) return undefined;
    const cipher = createDecipheriv('aes-256-gcm', this.#sealing, bytes.subarray(0, NONCE));
    cipher.setAAD(Buffer.from(owner));
    cipher.setAuthTag(bytes.subarray(bytes.length - TAG));
    try {
      const body = bytes.subarray(NONCE, bytes.length - TAG);
      return cipher.update(body, undefined, 'utf8') + cipher.final('utf8');
    } catch (error) {
      // `final` throws this where the tag does not fit; anything else is a mistake of ours.
      if (error instanceof Error && error.message.includes('unable to authenticate'))
        return undefined;
      throw error;
    }
  }
}
