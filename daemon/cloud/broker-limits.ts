/**
 * What the brokers that fleets run on take, and what we therefore use of them (conventions 1.4). A test holds every
 * topic, message and session that a bridge makes against each of these.
 */
import type { BrokerMessage, SessionOptions } from './broker.ts';

export interface BrokerLimits {
  readonly name: string;
  /** What is used there, and what has to be set up. */
  readonly statement: string;
  readonly payloadBytes: number;
  readonly retainedBytes: number;
  readonly topicBytes: number;
  readonly topicSlashes: number;
  readonly clientIdBytes: number;
  readonly filtersPerSubscribe: number;
  readonly keepAliveSeconds: number;
  /** QoS 1 messages that may be without acknowledgement, to the broker. */
  readonly unacknowledged: number;
}

const MIB = 1024 * 1024;

export const BROKER_LIMITS: readonly BrokerLimits[] = [
  {
    name: 'AWS IoT Core',
    statement:
      'QoS 1, retained state on exact topics, persistent sessions (an hour as it comes: the version handshake ' +
      'does not need them). A wildcard subscription gives no retained messages there: the cloud names the state ' +
      'topics of the bridges it serves. Policies bind topics to the thing name, which is the bridge id.',
    payloadBytes: 128 * 1024,
    retainedBytes: 128 * 1024,
    topicBytes: 256,
    topicSlashes: 7,
    clientIdBytes: 128,
    filtersPerSubscribe: 8,
    keepAliveSeconds: 1_200,
    unacknowledged: 100,
  },
  {
    name: 'Azure Event Grid',
    statement:
      'QoS 1 and retained state of at most 64 KiB. Order is not promised there: receivers sort by (epoch, seq), as ' +
      'they have to anyhow. Topic spaces with the variable client.authenticationName in place of the bridge id.',
    payloadBytes: 512 * 1024,
    retainedBytes: 64 * 1024,
    topicBytes: 256,
    topicSlashes: 7,
    clientIdBytes: 128,
    filtersPerSubscribe: 10,
    keepAliveSeconds: 1_160,
    unacknowledged: 100,
  },
  {
    name: 'EMQX',
    statement:
      'MQTT 5 in full. Set authorization.no_match = deny, and deny retained publishes to cmd/+ (EMQX 5.1.1 and newer ' +
      'match on retain).',
    payloadBytes: MIB,
    retainedBytes: MIB,
    topicBytes: 4_096,
    topicSlashes: 127,
    clientIdBytes: 65_535,
    filtersPerSubscribe: 1_000,
    keepAliveSeconds: 65_535,
    unacknowledged: 32,
  },
  {
    name: 'HiveMQ',
    statement: 'MQTT 5 in full. Ten unacknowledged messages of a client, as it comes.',
    payloadBytes: 10 * MIB,
    retainedBytes: 10 * MIB,
    topicBytes: 65_535,
    topicSlashes: 1_000,
    clientIdBytes: 65_535,
    filtersPerSubscribe: 1_000,
    keepAliveSeconds: 65_535,
    unacknowledged: 10,
  },
  {
    name: 'Mosquitto',
    statement:
      'config/mosquitto.conf and config/mosquitto.acl: certificates on both sides, set_tcp_nodelay. What is queued ' +
      'beyond max_queued_messages is dropped there without a word; the journal sends it again.',
    payloadBytes: 131_072,
    retainedBytes: 131_072,
    topicBytes: 65_535,
    topicSlashes: 200,
    clientIdBytes: 65_535,
    filtersPerSubscribe: 1_000,
    keepAliveSeconds: 65_535,
    unacknowledged: 20,
  },
];

/** Why this broker would refuse the message; empty: it would not. */
export function messageFaults(message: BrokerMessage, limits: BrokerLimits): string[] {
  const { topic, payload, retain, qos } = message;
  const faults = topicFaults(topic, limits);
  const most = retain ? Math.min(limits.retainedBytes, limits.payloadBytes) : limits.payloadBytes;
  if (payload.length > most) faults.push(`${topic}: ${payload.length} bytes, at most ${most}`);
  if (qos > 1) faults.push(`${topic}: QoS ${qos}`);
  if (/[+#\0]/.test(topic)) faults.push(`${topic}: not a plain topic`);
  return faults;
}

/** Why this broker would refuse the session, or a subscription of it. */
export function sessionFaults(options: SessionOptions, limits: BrokerLimits): string[] {
  const { clientId, will, subscriptions, retainedSubscriptions = [], keepAliveSeconds } = options;
  const filters = [...subscriptions, ...retainedSubscriptions];
  const faults = filters.flatMap((filter) => topicFaults(filter, limits));
  if (will !== undefined) faults.push(...messageFaults(will, limits));
  const idBytes = Buffer.byteLength(clientId);
  if (idBytes > limits.clientIdBytes) faults.push(`client id of ${idBytes} bytes`);
  for (const list of [subscriptions, retainedSubscriptions]) {
    if (list.length > limits.filtersPerSubscribe) faults.push(`${list.length} filters at once`);
  }
  if (keepAliveSeconds > limits.keepAliveSeconds) faults.push(`keep-alive ${keepAliveSeconds} s`);
  return faults;
}

function topicFaults(topic: string, limits: BrokerLimits): string[] {
  const faults: string[] = [];
  const bytes = Buffer.byteLength(topic);
  const slashes = topic.split('/').length - 1;
  if (bytes > limits.topicBytes) faults.push(`${topic}: ${bytes} bytes of topic`);
  if (slashes > limits.topicSlashes) faults.push(`${topic}: ${slashes} slashes`);
  return faults;
}
