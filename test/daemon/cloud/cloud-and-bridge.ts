/** A client and a bridge on one wire, in one process, on one simulated clock: what one publishes the other is given. */
import {
  type Broker,
  BrokerError,
  type BrokerListener,
  type BrokerMessage,
} from '../../../daemon/cloud/broker.ts';
import { CloudClient } from '../../../daemon/cloud/client.ts';
import { keyInMemory } from '../../../daemon/cloud/client-key.ts';
import { SimulatedClock } from '../../../simulator/clock.ts';
import { seededRandom } from '../../../simulator/random.ts';
import { type Bridge, type BridgeOptions, Home, openBridge } from './bridge.ts';

interface Member {
  readonly listener: BrokerListener;
  readonly filters: string[];
  /** Given one after another, as a session is. */
  queue: Promise<void>;
}

/** As much of a broker as there is between two honest parties; it can be stopped, and it forgets nothing it retained. */
export class Exchange implements Broker {
  readonly name = 'mqtt://exchange';
  readonly #members = new Set<Member>();
  readonly #retained = new Map<string, BrokerMessage>();
  /** Everything that passed. */
  readonly passed: BrokerMessage[] = [];

  async connect(...[options, listener, signal]: Parameters<Broker['connect']>) {
    const retained = options.retainedSubscriptions ?? [];
    const filters = [...options.subscriptions, ...retained];
    const member: Member = { listener, filters, queue: Promise.resolve() };
    this.#members.add(member);
    const leave = () => {
      if (this.#members.delete(member)) listener.closed(new BrokerError('closed', 'left'));
    };
    signal.addEventListener('abort', leave, { once: true });
    for (const message of this.#retained.values()) {
      if (retained.some((filter) => matches(filter, message.topic)))
        this.#give(member, message, true);
    }
    return {
      facts: {
        protocol: 'mqtt-5' as const,
        sessionPresent: false,
        maximumPacket: 131_072,
        sharedSubscriptions: true,
      },
      publish: async (message: BrokerMessage) => {
        if (!this.#members.has(member)) throw new BrokerError('closed', 'left');
        this.passed.push(message);
        if (message.retain) this.#retained.set(message.topic, message);
        for (const each of this.#members) {
          if (each.filters.some((filter) => matches(filter, message.topic))) {
            this.#give(each, message, false);
          }
        }
      },
      subscribe: async (more: readonly string[]) => void filters.push(...more),
      close: async () => leave(),
    };
  }

  #give(member: Member, { topic, payload }: BrokerMessage, retain: boolean): void {
    member.queue = member.queue.then(() =>
      member.listener.message({ topic, payload, retain, duplicate: false }),
    );
  }
}

function matches(filter: string, topic: string): boolean {
  const pattern = filter.replaceAll('+', '[^/]+').replace('#', '.*');
  return new RegExp(`^${pattern}$`).test(topic);
}

export async function cloudAndBridge(options: Partial<BridgeOptions> = {}) {
  const stack = new AsyncDisposableStack();
  const home = stack.use(new Home());
  const clock = new SimulatedClock();
  const random = seededRandom(23);
  const exchange = new Exchange();
  const bridge: Bridge = stack.use(
    await openBridge(home, { clock, random, broker: exchange, ...options }),
  );
  const client = async (kid: string) =>
    stack.use(
      await CloudClient.connect({
        broker: exchange,
        topics: bridge.topics,
        key: keyInMemory(home.sender(kid)),
        requester: kid,
        clock,
        random,
      }),
    );
  await clock.settle();
  const cloud = await client('cc-test');
  await clock.settle();
  return { stack, home, clock, random, exchange, bridge, cloud, client };
}
