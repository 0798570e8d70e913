/**
 * What a bridge and its cloud must have of one another before the first message: the bridge's own keys, the keys it
 * trusts, and for each sender of commands a key file. Public halves travel by hand, never over a topic.
 */

import type { KeyObject } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { ConfigError } from '../../drivers/contract/errors.ts';
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
import { BRIDGE_ID } from './topics.ts';
import { type TrustedKey, trustFileText, writeDurably } from './trust-store.ts';

const identitySchema = z.strictObject({
  v: z.literal(1),
  bridge: z.string().regex(BRIDGE_ID),
  /** Ed25519: signs checkpoints. */
  signing: privateJwkSchema.extend({ crv: z.literal('Ed25519') }),
  /** X25519: what secrets are sealed to. */
  sealing: privateJwkSchema.extend({ crv: z.literal('X25519') }),
});

export interface BridgeIdentity {
  readonly bridge: string;
  readonly bridgeKey: SigningKey;
  readonly sealingKey: KeyObject;
  /** For the cloud, by hand at enrolment. */
  readonly publicSigning: PublicJwk;
  readonly publicSealing: PublicJwk;
}

/** Writes new keys for a bridge, mode 0600. An existing file is replaced: what was sealed to the old keys is lost. */
export function writeIdentity(path: string, bridge: string): BridgeIdentity {
  const file = {
    v: 1,
    bridge,
    signing: newKeyPair('Ed25519'),
    sealing: newKeyPair('X25519'),
  } as const;
  writeDurably(path, `${JSON.stringify(identitySchema.parse(file), undefined, 2)}\n`);
  return identityOf(bridge, file.signing, file.sealing);
}

/** @throws ConfigError where the file is missing or wrong. */
export function readIdentity(path: string): BridgeIdentity {
  let found: string;
  try {
    const read = identitySchema.safeParse(JSON.parse(readFileSync(path, 'utf8')));
    if (read.success) return identityOf(read.data.bridge, read.data.signing, read.data.sealing);
    found = z.prettifyError(read.error);
  } catch (problem) {
    if (!(problem instanceof Error)) throw problem;
    found = problem instanceof SyntaxError ? 'no JSON' : problem.message;
  }
  const remedy = "the bridge's own keys, as `latchkey init` writes them";
  throw new ConfigError([{ path: 'cloud.mqtt.identity', found: `${path}: ${found}`, remedy }]);
}

function identityOf(bridge: string, signing: PrivateJwk, sealing: PrivateJwk): BridgeIdentity {
  return {
    bridge,
    bridgeKey: { kid: bridge, key: privateKeyOf(signing) },
    sealingKey: privateKeyOf(sealing),
    publicSigning: publicHalf(signing),
    publicSealing: publicHalf(sealing),
  };
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
  readonly identityFile: string;
  readonly trustFile: string;
  readonly senders: readonly ClientKeyFile[];
}

/** Everything for a new site in one directory: `identity.json`, `trust.json`; the senders' files are the caller's to keep. */
export function enrol(
  directory: string,
  bridge: string,
  root: string,
  kids: readonly string[],
  broker?: string,
): Enrolment {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  chmodSync(directory, 0o700);
  const identityFile = join(directory, 'identity.json');
  const trustFile = join(directory, 'trust.json');
  const identity = writeIdentity(identityFile, bridge);
  const to = { bridge, root, sealingKey: identity.publicSealing };
  const senders = kids.map((kid) => newSender(kid, to, broker));
  writeDurably(trustFile, trustFileText(senders.map(({ trusted }) => trusted)));
  return { identity, identityFile, trustFile, senders: senders.map(({ file }) => file) };
}
