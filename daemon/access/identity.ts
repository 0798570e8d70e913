/**
 * The normal form of a card's number, and how credentials become keyed hashes. Identities match exactly, and only
 * within one technology (serial-hardware 9).
 */
import type { CardBits, CardTechnology } from '../../drivers/contract/device.ts';
import { type CredentialIndex, credentialIndex } from './model.ts';

/** `hex` is lower case, two digits a byte, left-justified as the reader gave it. */
export interface CardIdentity {
  readonly technology: CardTechnology;
  readonly bitCount: number;
  readonly hex: string;
}

const TECHNOLOGIES: readonly CardTechnology[] = ['em4100', 'wiegand', 'iso14443a', 'text'];

export function identityOf({ technology, bits, bitCount }: CardBits): CardIdentity {
  return { technology, bitCount, hex: Buffer.from(bits).toString('hex') };
}

/** `em4100:40:0f00012abc`. */
export function identityText({ technology, bitCount, hex }: CardIdentity): string {
  return `${technology}:${bitCount}:${hex}`;
}

/** Reads `identityText`, and bare 10 hex digits as an EM4100 number. Undefined: it is neither. */
export function parseIdentity(text: string): CardIdentity | undefined {
  const plain = text.trim().toLowerCase();
  if (/^[0-9a-f]{10}$/.test(plain)) return { technology: 'em4100', bitCount: 40, hex: plain };
  const [, name, count, hex = ''] = /^([a-z0-9]+):([1-9][0-9]{0,3}):([0-9a-f]+)$/.exec(plain) ?? [];
  const technology = TECHNOLOGIES.find((each) => each === name);
  const bitCount = Number(count);
  if (technology === undefined || hex.length !== Math.ceil(bitCount / 8) * 2) return undefined;
  const spare = (8 - (bitCount % 8)) % 8;
  if (spare > 0 && Number.parseInt(hex.slice(-2), 16) % 2 ** spare !== 0) return undefined;
  return { technology, bitCount, hex };
}

/** HMAC-SHA-256 under the pepper in lower-case hex, handed in by who holds it. */
export type Hmac = (message: string) => string;

/** `HMAC(pepper, "pin\0" scope "\0" digits)`, cut to 16 bytes (conventions 2.3). */
export function pinIndex(hmac: Hmac, scope: string, digits: string): CredentialIndex {
  return indexOf(hmac, `pin\0${scope}\0${digits}`);
}

/** `HMAC(pepper, "card\0" scope "\0" technology:bitCount:hex)`, cut to 16 bytes. */
export function cardIndex(hmac: Hmac, scope: string, card: CardIdentity): CredentialIndex {
  return indexOf(hmac, `card\0${scope}\0${identityText(card)}`);
}

function indexOf(hmac: Hmac, message: string): CredentialIndex {
  return credentialIndex(hmac(message).slice(0, 32));
}
