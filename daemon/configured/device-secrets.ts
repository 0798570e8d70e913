/** Secrets that devices name in their options. */
import type { Config } from '../../config/schema.ts';
import { readSecret, type SecretSource, secretReferences } from '../../config/secrets.ts';

/** By their reference. @throws ConfigError */
export function deviceSecrets(
  config: Config,
  source: SecretSource,
): ReadonlyMap<string, Uint8Array> {
  return new Map(
    Object.entries(config.devices).flatMap(([id, { options }]) =>
      secretReferences(options, `devices.${id}`).map(
        ({ reference, path }) => [reference, readSecret(reference, path, source)] as const,
      ),
    ),
  );
}
