/** The cloud that owns a simulated site: puts grants, opens slots, and takes the site's events in order, each once. */

import { type Broker, BrokerError } from '../../daemon/cloud/broker.ts';
import { type BodyIn, CloudClient } from '../../daemon/cloud/client.ts';
import { type ClientKeyFile, keyInMemory } from '../../daemon/cloud/client-key.ts';
import type { CommandType } from '../../daemon/cloud/commands.ts';
import type { Reply, WireEvent } from '../../daemon/cloud/messages.ts';
import { topicsOf } from '../../daemon/cloud/topics.ts';
import type { UnderstoodGrant } from '../../daemon/cloud/wire-grant.ts';
import { type Clock, type Millis, pause, type Random } from '../../drivers/contract/time.ts';

export interface OwnCloudOptions {
  readonly broker: Broker;
  readonly key: ClientKeyFile;
  readonly clock: Clock;
  readonly random: Random;
  /** Called for each new event, in the order of arrival. */
  readonly onEvent?: (event: WireEvent) => void;
}

const TRY_AGAIN_AFTER: Millis = 200;

export class OwnCloud implements AsyncDisposable {
  readonly #options: OwnCloudOptions;
  readonly #client: CloudClient;
  readonly #events: WireEvent[] = [];
  readonly #ending = new AbortController();
  readonly #connected: Promise<void>;
  #forged = 0;

  private constructor(options: OwnCloudOptions, client: CloudClient) {
    this.#options = options;
    this.#client = client;
    this.#connected = this.#keepConnected();
  }

  /** @throws BrokerError where the broker cannot be reached at all. */
  static async join(options: OwnCloudOptions): Promise<OwnCloud> {
    const { broker, key, clock, random } = options;
    const client = await CloudClient.connect({
      broker,
      topics: topicsOf(key.root, key.bridge),
      key: keyInMemory(key),
      requester: key.kid,
      keepSession: true,
      clock,
      random,
    });
    const cloud = new OwnCloud(options, client);
    await client.follow({ event: (event, genuine) => cloud.#take(event, genuine) });
    return cloud;
  }

  get client(): CloudClient {
    return this.#client;
  }

  /** Each once, in the order of arrival. */
  get events(): readonly WireEvent[] {
    return this.#events;
  }

  /** Events that were not what their hash says. */
  get forged(): number {
    return this.#forged;
  }

  /** Resolves with the final reply, whatever it is. */
  ask<T extends CommandType>(type: T, body: BodyIn<T>): Promise<Reply> {
    return this.#client.send(type, body);
  }

  /** Puts a grant; PINs and fobs are given in clear and leave sealed. */
  async putGrant(
    grant: Omit<UnderstoodGrant, 'credentials'>,
    secrets: readonly {
      readonly id: string;
      readonly kind: 'pin' | 'fob' | 'card';
      readonly secret: string;
      readonly duress?: true;
    }[],
  ): Promise<Reply> {
    const credentials = await Promise.all(
      secrets.map(async ({ id, kind, secret, duress }) => ({
        id,
        kind,
        sealed: await this.#client.seal(secret),
        ...(duress === undefined ? {} : { duress }),
      })),
    );
    return this.ask('grant.put', { grant: { ...grant, credentials } });
  }

  /** Makes a key known; the fob on its ring is given in clear and leaves sealed. */
  async putKey(
    key: Omit<BodyIn<'key.put'>['key'], 'sealedFob'>,
    fob: string | undefined,
  ): Promise<Reply> {
    const sealedFob = fob === undefined ? undefined : await this.#client.seal(fob);
    return this.ask('key.put', {
      key: { ...key, ...(sealedFob === undefined ? {} : { sealedFob }) },
    });
  }

  /** Waits for an event, also one that is here already. Rejects after `within`. */
  async event(wanted: (event: WireEvent) => boolean, within: Millis = 10_000): Promise<WireEvent> {
    const { clock } = this.#options;
    const end = clock.uptime() + within;
    for (;;) {
      const found = this.#events.find(wanted);
      if (found !== undefined) return found;
      if (clock.uptime() >= end) throw new Error(`no such event within ${within} ms: ${wanted}`);
      await pause(clock, 20);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort();
    await this.#connected;
    await this.#client[Symbol.asyncDispose]();
  }

  #take(event: WireEvent, genuine: boolean): void {
    if (!genuine) this.#forged += 1;
    this.#events.push(event);
    this.#options.onEvent?.(event);
  }

  async #keepConnected(): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#ending;
    while (!signal.aborted) {
      if (!this.#client.isConnected) {
        try {
          await this.#client.reconnect();
        } catch (problem) {
          if (!(problem instanceof BrokerError)) throw problem;
        }
      }
      await pause(clock, TRY_AGAIN_AFTER, signal);
    }
  }
}
