/** The cable between a site and its broker: everything on it passes, or nothing does. */
import {
  type Broker,
  BrokerError,
  type BrokerListener,
  type BrokerSession,
  type SessionOptions,
} from '../../daemon/cloud/broker.ts';

export class Cable implements Broker {
  readonly name: string;
  readonly #broker: Broker;
  #cut = new AbortController();
  isUp = true;

  constructor(broker: Broker) {
    this.name = broker.name;
    this.#broker = broker;
  }

  cut(): void {
    this.isUp = false;
    this.#cut.abort();
  }

  mend(): void {
    this.isUp = true;
    this.#cut = new AbortController();
  }

  async connect(
    options: SessionOptions,
    listener: BrokerListener,
    signal: AbortSignal,
  ): Promise<BrokerSession> {
    if (!this.isUp) throw new BrokerError('unreachable', 'no internet');
    return this.#broker.connect(options, listener, AbortSignal.any([signal, this.#cut.signal]));
  }
}
