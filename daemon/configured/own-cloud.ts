/** The tie to the own cloud as the config has it. Loaded where it names one: elsewhere no door waits for it. */
import type { Config } from '../../config/schema.ts';
import { readSecretText, type SecretSource } from '../../config/secrets.ts';
import type { Broker } from '../cloud/broker.ts';
import { CloudLink, type CloudParts } from '../cloud/cloud-link.ts';
import {
  type BridgeIdentity,
  identityOf,
  privateJwkFrom,
  privateJwkIn,
} from '../cloud/enrolment.ts';
import { topicsOf } from '../cloud/topics.ts';
import { TrustStore } from '../cloud/trust-store.ts';

type Mqtt = NonNullable<NonNullable<Config['cloud']>['mqtt']>;

/** What the config does not tell. */
type LinkParts = Omit<
  CloudParts,
  'broker' | 'topics' | 'trust' | 'sealingKey' | 'bridgeKey' | 'options'
>;

export interface OwnCloud {
  readonly identity: BridgeIdentity;
  /** @throws ConfigError where the trust store cannot be read */
  link(broker: Broker, parts: LinkParts): CloudLink;
}

/** @throws ConfigError for keys that are missing or wrong */
export function ownCloud(config: Config, mqtt: Mqtt, secrets: SecretSource): OwnCloud {
  const identity = bridgeIdentity(config, mqtt.bridgeId, secrets);
  const { sealingKey, bridgeKey } = identity;
  return {
    identity,
    link: (broker, parts) =>
      new CloudLink({
        ...parts,
        broker,
        topics: topicsOf(mqtt.root, mqtt.bridgeId),
        trust: TrustStore.open(mqtt.trust),
        sealingKey,
        bridgeKey,
        options: {
          drainPerSecond: mqtt.drainPerSecond,
          snapshotSpread: mqtt.snapshotSpread,
          publishLog: mqtt.publishLog,
          caps: {
            events: mqtt.outbox.events,
            bytes: mqtt.outbox.mebibytes * 1024 * 1024,
            age: mqtt.outbox.age,
          },
          patience: {
            longest: mqtt.connectSpread === 0 ? 2000 : 300_000,
            spread: mqtt.connectSpread,
          },
        },
      }),
  };
}

function bridgeIdentity(config: Config, bridge: string, source: SecretSource): BridgeIdentity {
  const key = (name: 'signingKey' | 'sealingKey', file: string, curve: 'Ed25519' | 'X25519') => {
    const reference = config.secrets[name];
    return reference === undefined
      ? privateJwkIn(`${config.store.directory}/${file}`, curve)
      : privateJwkFrom(readSecretText(reference, `secrets.${name}`, source), curve);
  };
  return identityOf(
    bridge,
    key('signingKey', 'signing-key.json', 'Ed25519'),
    key('sealingKey', 'sealing-key.json', 'X25519'),
  );
}
