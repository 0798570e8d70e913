/**
 * OSDP Secure Channel, AES-128 (SIA OSDP 2.2 annex D): keys of a session, the proofs both sides give, and the
 * chain of MACs in which each message stands on the one before it from the other side. Pure: RND.A and RND.B
 * are handed in.
 */
import { createCipheriv, createDecipheriv, timingSafeEqual } from 'node:crypto';
import { beforeMac, type Frame, hasMac, SECURITY } from './frame.ts';

/** Printed in the standard and known to all: good for putting a real key into a new reader, nothing else. */
export const SCBK_DEFAULT: Uint8Array = Uint8Array.from({ length: 16 }, (_, n) => 0x30 + n);

const BLOCK = 16;

export interface SessionKeys {
  readonly enc: Uint8Array;
  readonly mac1: Uint8Array;
  readonly mac2: Uint8Array;
}

/** A session as both sides hold it: its keys and the last whole MAC of each side. */
export interface Channel {
  readonly keys: SessionKeys;
  /** R-MAC of the last reply; RMAC_I before the first. */
  readonly replyMac: Uint8Array;
}

/** `S-ENC`, `S-MAC1`, `S-MAC2`: each is `E(SCBK, 01 xx RND.A[0..5] 00×8)`. */
export function sessionKeys(scbk: Uint8Array, rndA: Uint8Array): SessionKeys {
  const derive = (second: number) => {
    const block = new Uint8Array(BLOCK);
    block.set([0x01, second, ...rndA.subarray(0, 6)]);
    return ecb(scbk, block);
  };
  return { enc: derive(0x82), mac1: derive(0x01), mac2: derive(0x02) };
}

/** By which the reader proves that it holds the key. */
export function clientCryptogram(keys: SessionKeys, rndA: Uint8Array, rndB: Uint8Array) {
  return ecb(keys.enc, Uint8Array.of(...rndA, ...rndB));
}

/** By which we prove it. */
export function serverCryptogram(keys: SessionKeys, rndA: Uint8Array, rndB: Uint8Array) {
  return ecb(keys.enc, Uint8Array.of(...rndB, ...rndA));
}

/** RMAC_I, the MAC on which the first command stands. */
export function initialMac(keys: SessionKeys, cryptogram: Uint8Array): Uint8Array {
  return ecb(keys.mac2, ecb(keys.mac1, cryptogram));
}

/**
 * CBC-MAC: all blocks but the last under S-MAC1, the last under S-MAC2. Padded with 80 00… only where the length
 * is not whole blocks already (unlike encryption, which always pads).
 */
export function macOf(keys: SessionKeys, covered: Uint8Array, previous: Uint8Array): Uint8Array {
  const padded = covered.length % BLOCK === 0 ? covered : pad(covered);
  const head = padded.subarray(0, padded.length - BLOCK);
  const chained = head.length === 0 ? previous : cbc(keys.mac1, previous, head).subarray(-BLOCK);
  return cbc(keys.mac2, chained, padded.subarray(-BLOCK));
}

/** DATA of a message; `previous` is the last MAC of the other side, its complement is the vector. */
export function encrypt(keys: SessionKeys, plain: Uint8Array, previous: Uint8Array): Uint8Array {
  return cbc(keys.enc, complement(previous), pad(plain));
}

/** `undefined` where length or padding show that this was no such message. */
export function decrypt(
  keys: SessionKeys,
  sealed: Uint8Array,
  previous: Uint8Array,
): Uint8Array | undefined {
  if (sealed.length % BLOCK !== 0) return undefined;
  // Some readers send type 18 with nothing in it.
  if (sealed.length === 0) return sealed;
  const decipher = createDecipheriv('aes-128-cbc', keys.enc, complement(previous));
  decipher.setAutoPadding(false);
  const padded = Uint8Array.from(decipher.update(sealed));
  const end = padded.findLastIndex((byte) => byte !== 0);
  return padded[end] === 0x80 && end >= padded.length - BLOCK ? padded.subarray(0, end) : undefined;
}

/** A message under the session, with the whole MAC that the answer will stand on. */
export interface Sealed {
  readonly frame: Frame;
  readonly mac: Uint8Array;
}

/**
 * Encrypts DATA where there is any and adds the MAC. `previous` is the last whole MAC of the other side: the
 * R-MAC for a command, for a reply the C-MAC of the command it answers.
 */
export function seal(
  keys: SessionKeys,
  previous: Uint8Array,
  clear: Pick<Frame, 'address' | 'from' | 'sequence' | 'code' | 'data'>,
): Sealed {
  const macOnly = clear.from === 'cp' ? SECURITY.commandMac : SECURITY.replyMac;
  const covered: Frame = {
    ...clear,
    check: 'crc', // HID Signo wants CRC under the session even where its PDCAP denies it
    security: { type: clear.data.length === 0 ? macOnly : macOnly + 2, data: new Uint8Array() },
    data: clear.data.length === 0 ? clear.data : encrypt(keys, clear.data, previous),
    mac: undefined,
  };
  const mac = macOf(keys, beforeMac(covered), previous);
  return { frame: { ...covered, mac: mac.slice(0, 4) }, mac };
}

/** What was sealed, or `undefined` where it is not of this session, altered, or out of its place in the chain. */
export function unseal(
  keys: SessionKeys,
  previous: Uint8Array,
  frame: Frame,
): { readonly data: Uint8Array; readonly mac: Uint8Array } | undefined {
  const { security, mac: received } = frame;
  if (security === undefined || !hasMac(security) || received === undefined) return undefined;
  const mac = macOf(keys, beforeMac(frame), previous);
  if (!timingSafeEqual(mac.subarray(0, 4), received)) return undefined;
  // libosdp as a reader marks some status replies 15, in clear under a valid MAC; 17 and 18 are encrypted.
  const isEncrypted = security.type >= SECURITY.commandSealed;
  const data = isEncrypted ? decrypt(keys, frame.data, previous) : frame.data;
  return data === undefined ? undefined : { data, mac };
}

/** Compares two proofs without telling by its time where they differ. */
export function isSame(first: Uint8Array, second: Uint8Array): boolean {
  return first.length === second.length && timingSafeEqual(first, second);
}

function ecb(key: Uint8Array, block: Uint8Array): Uint8Array {
  const cipher = createCipheriv('aes-128-ecb', key, null);
  cipher.setAutoPadding(false);
  return Uint8Array.from(cipher.update(block));
}

function cbc(key: Uint8Array, vector: Uint8Array, blocks: Uint8Array): Uint8Array {
  const cipher = createCipheriv('aes-128-cbc', key, vector);
  cipher.setAutoPadding(false);
  return Uint8Array.from(cipher.update(blocks));
}

function pad(bytes: Uint8Array): Uint8Array {
  const padded = new Uint8Array((Math.floor(bytes.length / BLOCK) + 1) * BLOCK);
  padded.set(bytes);
  padded[bytes.length] = 0x80;
  return padded;
}

function complement(bytes: Uint8Array): Uint8Array {
  return bytes.map((byte) => ~byte & 0xff);
}
