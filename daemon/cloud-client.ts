/**
 * The package's `latchkey/cloud`: how a program of the cloud reaches one site. Signs with the key in a file, which is
 * written before anything is sent, so that any number of processes may share it.
 */
import type { Broker } from './cloud/broker.ts';
import { CloudClient } from './cloud/client.ts';
import { keyInFile, readClientKey } from './cloud/client-key.ts';
import {
  bringUpToDate,
  type DesiredGrants,
  type SyncResult,
  sendSnapshot,
} from './cloud/grant-sync.ts';
import type { Reply } from './cloud/messages.ts';
import { topicsOf } from './cloud/topics.ts';
import type { UnderstoodGrant } from './cloud/wire-grant.ts';
import { realClock } from './platform/clock.ts';
import { type MqttBrokerOptions, mqttBroker } from './platform/mqtt-broker.ts';
import { realRandom } from './platform/random.ts';
import { uuid7 } from './store/chain.ts';

export interface SiteConnection {
  /** `cloud-key.json`: whose commands these are, and which site they are for. */
  readonly keyFile: string;
  /** Without it, the broker that the key file names. */
  readonly url?: string;
  readonly tls?: MqttBrokerOptions['tls'];
  readonly username?: string;
  readonly password?: string;
  /** Bridge and root of the topics, where they are not those of the key file. */
  readonly bridge?: string;
  readonly root?: string;
  /** One word, unlike that of any other client; without it a drawn one. */
  readonly requester?: string;
  /** The broker keeps events and replies while this client is away; needs a `requester`. */
  readonly keepSession?: boolean;
}

export interface ConnectedSite extends AsyncDisposable {
  readonly client: CloudClient;
  /** Compares digests and sends what differs. */
  bringUpToDate(desired: DesiredGrants): Promise<SyncResult>;
  /** Replaces all grants of the cloud at once. */
  sendSnapshot(version: number, grants: readonly UnderstoodGrant[]): Promise<Reply>;
}

/** @throws BrokerError, or an Error that says what is wrong with the key file. */
export async function connectToSite(options: SiteConnection): Promise<ConnectedSite> {
  const clock = realClock();
  const random = realRandom();
  const file = readClientKey(options.keyFile);
  const { bridge = file.bridge, root = file.root, keepSession } = options;
  const client = await CloudClient.connect({
    broker: brokerOf(options, file.broker),
    topics: topicsOf(root, bridge),
    key: keyInFile(options.keyFile, clock),
    requester: options.requester ?? `x-${Buffer.from(random.bytes(6)).toString('hex')}`,
    ...(keepSession === undefined ? {} : { keepSession }),
    clock,
    random,
  });
  return {
    client,
    bringUpToDate: (desired) => bringUpToDate(client, desired),
    sendSnapshot: (version, grants) =>
      sendSnapshot(client, uuid7(clock.now(), random), version, grants),
    [Symbol.asyncDispose]: () => client[Symbol.asyncDispose](),
  };
}

function brokerOf(options: SiteConnection, named: string | undefined): Broker {
  const { url = named, tls, username, password } = options;
  if (url === undefined) throw new RangeError('no broker: neither given nor named in the key file');
  return mqttBroker({
    url,
    ...(tls === undefined ? {} : { tls }),
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
  });
}
