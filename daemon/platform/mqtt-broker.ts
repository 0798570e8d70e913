/**
 * The real broker, through `mqtt`. One client object is one session: its own reconnecting, queueing and resending are
 * switched off, because the journal is the only queue. MQTT 5, or 3.1.1 where the broker knows no better.
 */
import { connect, type IClientOptions, type IPublishPacket, type MqttClient } from 'mqtt';
import {
  type Broker,
  BrokerError,
  type BrokerListener,
  type BrokerMessage,
  type BrokerSession,
  type SessionFacts,
  type SessionOptions,
} from '../cloud/broker.ts';
import { brokerError, codeOf, reasonOf } from './mqtt-reason.ts';

export interface MqttBrokerOptions {
  /** `mqtt://`, `mqtts://`, `ws://` or `wss://`. */
  readonly url: string;
  readonly username?: string;
  readonly password?: string;
  /** PEM. The broker's certificate is always checked; a client certificate is our identity where the broker wants one. */
  readonly tls?: {
    readonly ca?: string;
    readonly cert?: string;
    readonly key?: string;
    readonly serverName?: string;
  };
}

/** What we take in one packet: a command of 64 KiB, with room. */
const MAXIMUM_PACKET = 131_072;
/** What a broker that says nothing takes; all of ours are far below. */
const PACKET_UNSAID = 268_435_455;
/** Topic, properties and header of a packet beside its payload, at most. */
const PACKET_OVERHEAD = 512;

const CLOSED_WITHIN_MS = 1000;

type Version = 4 | 5;

export function mqttBroker(options: MqttBrokerOptions): Broker {
  let version: Version = 5;
  return {
    name: withoutPassword(options.url),
    async connect(session, listener, signal) {
      try {
        return await attempt(options, session, listener, signal, version);
      } catch (problem) {
        if (version !== 5 || !(problem instanceof VersionRefused)) throw problem;
        const older = await attempt(options, session, listener, signal, 4);
        version = 4;
        return older;
      }
    },
  };
}

/** The broker hung up on a CONNECT of this version, or said that it does not know it. */
class VersionRefused extends BrokerError {}

function attempt(
  broker: MqttBrokerOptions,
  options: SessionOptions,
  listener: BrokerListener,
  signal: AbortSignal,
  version: Version,
): Promise<BrokerSession> {
  if (signal.aborted) return Promise.reject(new BrokerError('closed', 'stopped'));
  const client = connect(broker.url, clientOptions(broker, options, version));
  const session = new Session(client, listener, version, options.atOnce ?? 1);
  return session.open(options, signal);
}

class Session implements BrokerSession {
  readonly #client: MqttClient;
  readonly #listener: BrokerListener;
  readonly #version: Version;
  readonly #pending = new Set<(why: BrokerError) => void>();
  #facts: SessionFacts | undefined;
  #why: BrokerError | undefined;
  #reached = false;
  #isOpen = false;
  #isOver = false;
  #failOpening: (why: BrokerError) => void = () => {};
  readonly #atOnce: number;
  /** Ids of the PUBLISH packets whose acknowledgement is ours to send. */
  readonly #owed = new WeakMap<IPublishPacket, number>();
  #underWay = 0;
  /** Lets `mqtt` hand over the next packet. */
  #goOn: (() => void) | undefined;
  #acknowledged: Promise<void> = Promise.resolve();

  constructor(client: MqttClient, listener: BrokerListener, version: Version, atOnce: number) {
    this.#client = client;
    this.#listener = listener;
    this.#version = version;
    this.#atOnce = atOnce;
    // `mqtt` acknowledges a message when its `handleMessage` calls back, and hands over none until then. What it
    // takes for QoS 0 it neither acknowledges nor waits for: that is left to us, so that many share one commit.
    client.on('packetreceive', (packet) => {
      if (packet.cmd !== 'publish' || packet.qos !== 1 || packet.messageId === undefined) return;
      this.#owed.set(packet, packet.messageId);
      packet.qos = 0;
    });
    client.handleMessage = (packet, done) => {
      this.#underWay += 1;
      if (this.#underWay < this.#atOnce) done();
      else this.#goOn = () => done();
      this.#hand(packet);
    };
    // Nagle holds back what follows an acknowledgement for 44 ms (performance T5).
    client.stream.once('connect', () => this.#connected());
    client.stream.once('secureConnect', () => this.#connected());
    client.on('error', (error) => this.#failed(error));
    client.on('disconnect', ({ reasonCode }) => {
      this.#why ??= new BrokerError(codeOf(reasonCode ?? 0), `disconnected, reason ${reasonCode}`);
    });
    client.on('close', () => this.#end(this.#why ?? this.#silence()));
  }

  /** Not acknowledged, the broker gives a message again to the next session. In the order of arrival (MQTT 5, 4.6). */
  #hand(packet: IPublishPacket): void {
    const { topic, payload, retain, dup } = packet;
    const bytes = typeof payload === 'string' ? Buffer.from(payload) : payload;
    const handled = this.#listener.message({ topic, payload: bytes, retain, duplicate: dup });
    this.#acknowledged = Promise.all([handled, this.#acknowledged]).then(
      () => {
        const id = this.#owed.get(packet);
        if (id !== undefined) this.#acknowledge(id);
        this.#underWay -= 1;
        const goOn = this.#goOn;
        this.#goOn = undefined;
        goOn?.();
      },
      (problem: unknown) => {
        this.#end(new BrokerError('closed', 'a message could not be handled', { cause: problem }));
        throw problem;
      },
    );
  }

  /** What is acknowledged in one turn of the event loop leaves in one write, as `mqtt` does it with its own packets. */
  #acknowledge(id: number): void {
    const { stream, disconnecting } = this.#client;
    if (this.#isOver || disconnecting) return;
    stream.cork();
    stream.write(puback(id));
    process.nextTick(() => stream.uncork());
  }

  get facts(): SessionFacts {
    if (this.#facts === undefined) throw new Error('the session is not open yet');
    return this.#facts;
  }

  open(options: SessionOptions, signal: AbortSignal): Promise<BrokerSession> {
    const stop = () => this.#end(new BrokerError('closed', 'stopped'));
    signal.addEventListener('abort', stop, { once: true });
    return new Promise((resolve, reject) => {
      this.#failOpening = reject;
      this.#client.once('connect', (packet) => {
        this.#facts = {
          protocol: this.#version === 5 ? 'mqtt-5' : 'mqtt-3.1.1',
          sessionPresent: packet.sessionPresent,
          maximumPacket: packet.properties?.maximumPacketSize ?? PACKET_UNSAID,
          sharedSubscriptions:
            packet.properties?.sharedSubscriptionAvailable ?? this.#version === 5,
        };
        this.#subscribeAll(options).then(
          () => {
            if (this.#isOver) return;
            this.#isOpen = true;
            resolve(this);
          },
          (problem: Error) => this.#end(brokerError(problem)),
        );
      });
    });
  }

  publish(message: BrokerMessage): Promise<void> {
    const size = message.payload.length + message.topic.length + PACKET_OVERHEAD;
    if (size > this.facts.maximumPacket) {
      return Promise.reject(new BrokerError('too-large', `${size} bytes for ${message.topic}`));
    }
    return this.#asking((answer) => {
      const { topic, payload, qos, retain } = message;
      const properties = this.#version === 5 ? propertiesOf(message) : {};
      // Not copied: a message of events is 16 KiB.
      const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
      this.#client.publish(topic, bytes, { qos, retain, ...properties }, answer);
    });
  }

  async subscribe(filters: readonly string[], withRetained = false): Promise<void> {
    await this.#subscribe(filters, withRetained);
  }

  /** In good order, which waits for what is not acknowledged yet; where that does not come, all the same. */
  close(): Promise<void> {
    this.#why ??= new BrokerError('closed', 'closed by us');
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(late);
        this.#end(new BrokerError('closed', 'closed by us'));
        resolve();
      };
      const late = setTimeout(end, CLOSED_WITHIN_MS);
      this.#client.end(false, {}, end);
    });
  }

  async #subscribeAll(options: SessionOptions): Promise<void> {
    await this.#subscribe(options.subscriptions, false);
    await this.#subscribe(options.retainedSubscriptions ?? [], true);
  }

  async #subscribe(filters: readonly string[], withRetained: boolean): Promise<void> {
    if (filters.length === 0) return;
    // What another unit of the site left under our own client id is to be heard.
    const how = { qos: 1 as const, nl: !withRetained, rap: true, rh: withRetained ? 0 : 2 };
    const map = Object.fromEntries(
      filters.map((filter) => [filter, filter.startsWith('$share/') ? { ...how, nl: false } : how]),
    );
    await this.#asking((answer) => {
      this.#client.subscribe(map, (error, granted) => {
        const isRefused = error != null || (granted ?? []).some(({ qos }) => qos >= 128);
        answer(
          isRefused
            ? new BrokerError('not-authorised', 'the broker refused a subscription')
            : undefined,
        );
      });
    });
  }

  /** One question to the broker, answered by it or by the end of the session. */
  #asking(ask: (answer: (error?: Error | null) => void) => void): Promise<void> {
    if (this.#isOver) return Promise.reject(new BrokerError('closed', 'the session is over'));
    return new Promise((resolve, reject) => {
      const settle = (error?: BrokerError) => {
        this.#pending.delete(settle);
        if (error === undefined) resolve();
        else reject(error);
      };
      this.#pending.add(settle);
      ask((error) => settle(error == null ? undefined : brokerError(error)));
    });
  }

  #connected(): void {
    this.#reached = true;
    const { stream } = this.#client;
    if ('setNoDelay' in stream && typeof stream.setNoDelay === 'function') stream.setNoDelay(true);
  }

  #failed(error: Error): void {
    const why = brokerError(error);
    const code = reasonOf(error);
    const isVersion = this.#facts === undefined && (code === 1 || code === 132);
    this.#end(isVersion ? new VersionRefused('refused', 'protocol version not known') : why);
  }

  /** It closed without a word: before CONNACK that is how an old broker answers a new version. */
  #silence(): BrokerError {
    if (this.#facts !== undefined) return new BrokerError('closed', 'the connection was lost');
    if (this.#reached && this.#version === 5) {
      return new VersionRefused('unreachable', 'hung up before an answer');
    }
    return new BrokerError('unreachable', 'no connection');
  }

  #end(why: BrokerError): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#client.on('error', () => {}); // what a dying socket still says is of no interest
    this.#client.end(true);
    // Which does nothing where it is ending in good order already, and waits for a broker that hangs.
    this.#client.stream.destroy();
    for (const fail of [...this.#pending]) fail(why);
    if (this.#isOpen) this.#listener.closed(why);
    else this.#failOpening(why);
  }
}

/** PUBACK, reason "success" left out: the same four bytes in MQTT 3.1.1 and 5 (MQTT 5, 3.4.2.1). */
function puback(id: number): Buffer {
  return Buffer.from([0x40, 2, id >> 8, id & 0xff]);
}

function clientOptions(
  { username, password, tls, url }: MqttBrokerOptions,
  options: SessionOptions,
  version: Version,
): IClientOptions {
  const { will, sessionExpirySeconds, receiveMaximum } = options;
  const five = version === 5;
  return {
    clientId: options.clientId,
    protocolVersion: version,
    clean: sessionExpirySeconds === 0,
    keepalive: options.keepAliveSeconds,
    connectTimeout: options.connectWithin,
    reconnectPeriod: 0,
    queueQoSZero: false,
    // Else the first packet waits 14 ms for a buffer of each of 65,536 numbers, 18 MB that make no later one quicker.
    writeCache: false,
    resubscribe: false,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(tls?.ca === undefined ? {} : { ca: tls.ca }),
    ...(tls?.cert === undefined ? {} : { cert: tls.cert }),
    ...(tls?.key === undefined ? {} : { key: tls.key }),
    ...(url.startsWith('mqtts') || url.startsWith('wss')
      ? { servername: tls?.serverName ?? new URL(url).hostname }
      : {}),
    ...(five
      ? {
          properties: {
            sessionExpiryInterval: sessionExpirySeconds,
            receiveMaximum,
            maximumPacketSize: MAXIMUM_PACKET,
          },
        }
      : {}),
    ...(will === undefined
      ? {}
      : {
          will: {
            topic: will.topic,
            payload: Buffer.from(will.payload),
            qos: will.qos,
            retain: will.retain,
            ...(five ? { properties: { willDelayInterval: options.willDelaySeconds } } : {}),
          },
        }),
  };
}

function propertiesOf({ payload: _payload, ...message }: BrokerMessage) {
  return {
    properties: {
      payloadFormatIndicator: true,
      ...(message.expirySeconds === undefined
        ? {}
        : { messageExpiryInterval: message.expirySeconds }),
      ...(message.contentType === undefined ? {} : { contentType: message.contentType }),
      ...(message.correlation === undefined
        ? {}
        : { correlationData: Buffer.from(message.correlation) }),
    },
  };
}

function withoutPassword(url: string): string {
  const parsed = new URL(url);
  parsed.username = '';
  parsed.password = '';
  return parsed.href.replace(/\/$/, '');
}
