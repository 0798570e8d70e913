/**
 * What a bridge and its cloud must have of one another before the first message: the bridge's own keys, the keys it
 * trusts, and for each sender of commands a key file. Public halves travel by hand, never over a topic.
 */

import type { KeyObject } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeDurably } from '../store/durable-file.ts';
import type { ClientKeyFile } from './client-key.ts';
import {
  newKeyPair,
  type PrivateJwk,
  type PublicJwk,
  privateJwkSchema,
  privateKeyOf,
  publicHalf,
  type SigningKey,
} from './jose.ts';
import { parseJson } from './jws.ts';
import { type TrustedKey, trustFileText } from './trust-store.ts';

/** The keys of a bridge, as the rest of the cloud folder takes them. */
export interface BridgeIdentity {
  readonly bridge: string;
  /** Ed25519: signs checkpoints. */
  readonly bridgeKey: SigningKey;
  /** X25519: what secrets are sealed to. */
  readonly sealingKey: KeyObject;
  /** For the cloud, by hand at enrolment. */
  readonly publicSigning: PublicJwk;
  readonly publicSealing: PublicJwk;
}

export function identityOf(
  bridge: string,
  signing: PrivateJwk,
  sealing: PrivateJwk,
): BridgeIdentity {
  return {
    bridge,
    bridgeKey: { kid: bridge, key: privateKeyOf(signing) },
    sealingKey: privateKeyOf(sealing),
    publicSigning: publicHalf(signing),
    publicSealing: publicHalf(sealing),
  };
}

/** A private JWK as text, of the curve that is needed. @throws RangeError which does not repeat it */
export function privateJwkFrom(text: string, curve: PrivateJwk['crv']): PrivateJwk {
  const read = privateJwkSchema.safeParse(parseJson(Buffer.from(text)));
  if (!read.success || read.data.crv !== curve) {
    throw new RangeError(`a private JWK of curve ${curve} (RFC 8037) is wanted`);
  }
  return read.data;
}

/** Reads the key in the file, or makes one there (mode 0600) where there is none. */
export function privateJwkIn(path: string, curve: PrivateJwk['crv']): PrivateJwk {
  if (existsSync(path)) return privateJwkFrom(readFileSync(path, 'utf8'), curve);
  const key = newKeyPair(curve);
  writeDurably(path, `${JSON.stringify(key)}\n`);
  return key;
}

/** A sender's key file, and what the bridge must trust for it. */
export function newSender(
  kid: string,
  to: { readonly bridge: string; readonly root: string; readonly sealingKey: PublicJwk },
  broker?: string,
): { readonly file: ClientKeyFile; readonly trusted: TrustedKey } {
  const jwk = { ...newKeyPair('Ed25519'), crv: 'Ed25519' as const };
  return {
    file: {
      v: 1,
      kid,
      jwk,
      counter: '0',
      sealingKey: { ...to.sealingKey, crv: 'X25519' },
      bridge: to.bridge,
      root: to.root,
      ...(broker === undefined ? {} : { broker }),
      pending: [],
    },
    trusted: { kid, jwk: { ...publicHalf(jwk), crv: 'Ed25519' } },
  };
}

export interface Enrolment {
  readonly identity: BridgeIdentity;
  readonly trustFile: string;
  readonly senders: readonly ClientKeyFile[];
}

/**
 * Everything for a new site in one directory: `signing-key.json`, `sealing-key.json` (kept where they are there) and
 * `trust.json`. The senders' files are the caller's to keep.
 */
export function enrol(
  directory: string,
  bridge: string,
  root: string,
  kids: readonly string[],
  broker?: string,
): Enrolment {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const signing = privateJwkIn(join(directory, 'signing-key.json'), 'Ed25519');
  const sealing = privateJwkIn(join(directory, 'sealing-key.json'), 'X25519');
  const identity = identityOf(bridge, signing, sealing);
  const to = { bridge, root, sealingKey: identity.publicSealing };
  const senders = kids.map((kid) => newSender(kid, to, broker));
  const trustFile = join(directory, 'trust.json');
  writeDurably(trustFile, trustFileText(senders.map(({ trusted }) => trusted)));
  return { identity, trustFile, senders: senders.map(({ file }) => file) };
}
