/** Ways out of one start of the daemon: what is killed says nothing more and hears nothing more. */
import {
  type Broker,
  BrokerError,
  type BrokerListener,
  type BrokerSession,
  type SessionOptions,
} from '../daemon/cloud/broker.ts';
import type { HttpCall, HttpClient, HttpReply } from '../daemon/vendors/http.ts';

const NEVER = new Promise<never>(() => {});

export class MortalBroker implements Broker {
  readonly name: string;
  readonly #broker: Broker;
  readonly #end = new AbortController();

  constructor(broker: Broker) {
    this.name = broker.name;
    this.#broker = broker;
  }

  die(): void {
    this.#end.abort();
  }

  async connect(
    options: SessionOptions,
    listener: BrokerListener,
    signal: AbortSignal,
  ): Promise<BrokerSession> {
    const isDead = () => this.#end.signal.aborted;
    if (isDead()) return NEVER;
    const both = AbortSignal.any([signal, this.#end.signal]);
    const session = await this.#broker.connect(
      options,
      {
        message: (message) => (isDead() ? NEVER : listener.message(message)),
        closed: (why) => {
          if (!isDead()) listener.closed(why);
        },
      },
      both,
    );
    if (isDead()) throw new BrokerError('closed', 'killed');
    return {
      facts: session.facts,
      publish: (message) => (isDead() ? NEVER : session.publish(message)),
      subscribe: (filters) => (isDead() ? NEVER : session.subscribe(filters)),
      close: () => (isDead() ? NEVER : session.close()),
    };
  }
}

export class MortalClient implements HttpClient {
  readonly #client: HttpClient;
  #isDead = false;

  constructor(client: HttpClient) {
    this.#client = client;
  }

  die(): void {
    this.#isDead = true;
  }

  async send(call: HttpCall): Promise<HttpReply> {
    if (this.#isDead) return NEVER;
    try {
      const reply = await this.#client.send(call);
      return this.#isDead ? NEVER : reply;
    } catch (error) {
      if (this.#isDead) return NEVER;
      throw error;
    }
  }
}
