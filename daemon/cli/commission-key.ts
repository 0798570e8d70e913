/** The key under which acceptance sheets of a site stand: that of its bridge. */
import { join } from 'node:path';
import type { Config } from '../../config/schema.ts';
import { readSecretText, type SecretSource } from '../../config/secrets.ts';
import { privateJwkFrom, privateJwkIn } from '../cloud/enrolment.ts';
import type { PrivateJwk } from '../cloud/jose.ts';

export const SIGNING_KEY = 'signing-key.json';

/** The bridge's own key, made in the store where there is none yet. */
export function signingKey({ secrets, store }: Config, source: SecretSource): PrivateJwk {
  return secrets.signingKey === undefined
    ? privateJwkIn(join(store.directory, SIGNING_KEY), 'Ed25519')
    : privateJwkFrom(readSecretText(secrets.signingKey, 'secrets.signingKey', source), 'Ed25519');
}
