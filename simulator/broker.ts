/** An MQTT broker inside the process, for the demo and for tests: MQTT 3.1.1, with a cable that can be cut. */
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { Aedes, type AedesPublishPacket, type Client } from 'aedes';

export interface EmbeddedBrokerOptions {
  /** Tried first; 0 or a taken one: the system picks. */
  readonly port?: number;
  readonly host?: string;
  /** What a client may publish; `false` closes its connection. */
  readonly mayPublish?: (clientId: string, topic: string) => boolean;
}

/** One message as it passed through the broker. */
export interface SeenMessage {
  readonly client: string | undefined;
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly retain: boolean;
}

export class EmbeddedBroker implements AsyncDisposable {
  readonly #aedes: Aedes;
  readonly #options: EmbeddedBrokerOptions;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  #port = 0;

  private constructor(aedes: Aedes, options: EmbeddedBrokerOptions) {
    this.#aedes = aedes;
    this.#options = options;
  }

  static async start(options: EmbeddedBrokerOptions = {}): Promise<EmbeddedBroker> {
    const { mayPublish } = options;
    const aedes = await Aedes.createBroker({
      ...(mayPublish === undefined
        ? {}
        : {
            authorizePublish: (client, { topic }, done) => {
              done(mayPublish(client?.id ?? '', topic) ? null : new Error('not allowed'));
            },
          }),
    });
    const broker = new EmbeddedBroker(aedes, options);
    await broker.#listen(options.port ?? 0);
    return broker;
  }

  get port(): number {
    return this.#port;
  }

  get url(): string {
    return `mqtt://${this.#options.host ?? '127.0.0.1'}:${this.#port}`;
  }

  get isUp(): boolean {
    return this.#server !== undefined;
  }

  /** Cuts every connection, and takes no new ones. What the broker remembers stays. */
  async cut(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  /** Takes connections again, at the same address. */
  async restore(): Promise<void> {
    if (this.#server === undefined) await this.#listen(this.#port);
  }

  /** Puts a message in as nobody in particular: what an attacker who owns the broker can do. */
  inject(message: {
    topic: string;
    payload: Uint8Array | string;
    retain?: boolean;
  }): Promise<void> {
    const { topic, payload, retain = false } = message;
    return new Promise((resolve, reject) => {
      const packet = {
        cmd: 'publish',
        qos: 1,
        dup: false,
        retain,
        topic,
        payload: Buffer.from(payload),
      } as const;
      this.#aedes.publish(packet, (error) => (error ? reject(error) : resolve()));
    });
  }

  /** Told of everything that passes. Returns how to stop. */
  watch(seen: (message: SeenMessage) => void): () => void {
    const heard = (packet: AedesPublishPacket, client: Client | null) => {
      if (packet.topic.startsWith('$SYS/')) return;
      const { topic, retain } = packet;
      seen({ client: client?.id, topic, payload: Buffer.from(packet.payload), retain });
    };
    this.#aedes.on('publish', heard);
    return () => this.#aedes.off('publish', heard);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cut();
    await new Promise<void>((resolve) => this.#aedes.close(() => resolve()));
  }

  #listen(port: number): Promise<void> {
    const server = createServer({ noDelay: true }, (socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
      this.#aedes.handle(socket);
    });
    return new Promise((resolve, reject) => {
      server.once('error', (error: NodeJS.ErrnoException) => {
        // Somebody else has the preferred port, which matters to nobody but a person with a bookmark.
        if (error.code === 'EADDRINUSE' && port !== 0 && this.#port === 0) {
          this.#listen(0).then(resolve, reject);
        } else {
          reject(error);
        }
      });
      server.listen(port, this.#options.host ?? '127.0.0.1', () => {
        this.#server = server;
        const { port: given } = server.address() as AddressInfo;
        this.#port = given;
        resolve();
      });
    });
  }
}
