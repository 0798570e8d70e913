/** From what the config says of a broker, and the secrets it names, to the broker. */
import { readFileSync } from 'node:fs';
import type { MqttAccess } from '../../config/online-schema.ts';
import { readSecretText, type SecretSource } from '../../config/secrets.ts';
import type { Broker } from '../cloud/broker.ts';
import { mqttBroker } from '../platform/mqtt-broker.ts';

/** @throws ConfigError for a secret that is not there. */
export function brokerOf(
  access: MqttAccess | undefined,
  where: string,
  secrets: SecretSource,
): Broker | undefined {
  if (access === undefined) return undefined;
  const { url, username, password, tls } = access;
  const text = (reference: string | undefined, path: string) =>
    reference === undefined ? undefined : readSecretText(reference, path, secrets);
  const pem = (path: string | undefined) =>
    path === undefined ? undefined : readFileSync(path, 'utf8');
  return mqttBroker({
    url,
    ...given({ username, password: text(password, `${where}.password`) }),
    ...(tls === undefined
      ? {}
      : {
          tls: given({
            ca: pem(tls.ca),
            cert: pem(tls.cert),
            key: text(tls.key, `${where}.tls.key`),
            serverName: tls.serverName,
          }),
        }),
  });
}

/** Without the members that are undefined. */
function given<T extends Record<string, string | undefined>>(
  all: T,
): { readonly [K in keyof T]?: string } {
  const found: { [K in keyof T]?: string } = {};
  for (const name in all) {
    const value = all[name];
    if (value !== undefined) found[name] = value;
  }
  return found;
}
