/**
 * The port to a broker without a broker: what the bridge publishes is kept, and what an attacker or a cloud would
 * publish is handed over as a broker would, one message at a time.
 */
import {
  type Broker,
  BrokerError,
  type BrokerErrorCode,
  type BrokerListener,
  type BrokerMessage,
  type BrokerSession,
  type SessionOptions,
} from '../../../daemon/cloud/broker.ts';
import { type Reply, replySchema, type WireEvent } from '../../../daemon/cloud/messages.ts';

export class Wire implements Broker {
  readonly name = 'mqtt://wire';
  readonly published: BrokerMessage[] = [];
  /** What the bridge asked for at its newest CONNECT. */
  options: SessionOptions | undefined;
  isUp = true;
  maximumPacket = 131_072;
  /** Refuses single messages, as a broker does. */
  refuse: (message: BrokerMessage) => BrokerErrorCode | undefined = () => undefined;
  /** Told of each message as it is published. */
  heard: (message: BrokerMessage) => void = () => {};
  #listener: BrokerListener | undefined;

  async connect(
    options: SessionOptions,
    listener: BrokerListener,
    signal: AbortSignal,
  ): Promise<BrokerSession> {
    if (!this.isUp) throw new BrokerError('unreachable', 'the wire is down');
    this.options = options;
    this.#listener = listener;
    signal.addEventListener('abort', () => this.cut(), { once: true });
    return {
      facts: {
        protocol: 'mqtt-5',
        sessionPresent: false,
        maximumPacket: this.maximumPacket,
        sharedSubscriptions: true,
      },
      publish: async (message) => {
        if (this.#listener !== listener) throw new BrokerError('closed', 'the session is over');
        const code = this.refuse(message);
        if (code !== undefined) throw new BrokerError(code, 'refused');
        this.published.push(message);
        this.heard(message);
      },
      subscribe: async () => {},
      close: async () => this.cut(),
    };
  }

  get isConnected(): boolean {
    return this.#listener !== undefined;
  }

  cut(code: BrokerErrorCode = 'closed'): void {
    const listener = this.#listener;
    this.#listener = undefined;
    listener?.closed(new BrokerError(code, 'cut'));
  }

  /** Resolves when the bridge acknowledges. */
  async deliver(
    topic: string,
    payload: Uint8Array | string,
    how: { readonly retain?: boolean; readonly duplicate?: boolean } = {},
  ): Promise<void> {
    if (this.#listener === undefined) throw new Error('nobody is connected');
    const { retain = false, duplicate = false } = how;
    await this.#listener.message({ topic, payload: Buffer.from(payload), retain, duplicate });
  }

  json(topic: RegExp): unknown[] {
    return this.published
      .filter((message) => topic.test(message.topic))
      .map(({ payload }) => JSON.parse(Buffer.from(payload).toString()));
  }

  /** Replies to one command, `accepted` ones too. */
  replies(id?: string): Reply[] {
    return this.json(/\/res\//)
      .map((value) => replySchema.parse(value) as Reply)
      .filter((reply) => id === undefined || reply.id === id);
  }

  get events(): WireEvent[] {
    return this.json(/\/evt\//).flatMap((value) => {
      const message = value as WireEvent | { batch: WireEvent[] };
      return 'batch' in message ? message.batch : [message];
    });
  }
}
