/** A simulated bus behind a serial gateway on TCP, which takes one client only. */
import { createServer, type Server, type Socket } from 'node:net';
import type { HostEnd, SimulatedBus } from './bus.ts';
import type { BusPort } from './link.ts';

export interface TcpPortOptions {
  readonly host?: string;
  /** 0 lets the system pick one. */
  readonly port: number;
}

/** What a client may leave unread before bytes are lost. */
const UNREAD_MAX = 65_536;

/**
 * Resolves once it listens; where the port is taken, on one that the system picks. A second client is turned away at
 * once: its requests would run into those of the first on the bus.
 */
export async function serveTcp(bus: SimulatedBus, options: TcpPortOptions): Promise<BusPort> {
  const port = new TcpPort(bus, options.host ?? '127.0.0.1', options.port);
  await port.plug();
  return port;
}

class TcpPort implements BusPort {
  readonly #bus: SimulatedBus;
  readonly #host: string;
  #port: number;
  #server: Server | undefined;
  #client: { readonly socket: Socket; readonly end: HostEnd } | undefined;

  constructor(bus: SimulatedBus, host: string, port: number) {
    this.#bus = bus;
    this.#host = host;
    this.#port = port;
  }

  get address(): string {
    return `${this.#host}:${this.#port}`;
  }

  get isPlugged(): boolean {
    return this.#server !== undefined;
  }

  /** A gateway has no identity but its address, so another one cannot be told from it. */
  async plug(): Promise<void> {
    if (this.#server !== undefined) return;
    const server = createServer({ noDelay: true }, (socket) => this.#accept(socket));
    this.#port = await listen(server, this.#host, this.#port);
    this.#server = server;
  }

  async unplug(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    this.#client?.socket.resetAndDestroy();
    this.#client?.end.disconnect();
    this.#client = undefined;
    if (server !== undefined) await new Promise<void>((closed) => server.close(() => closed()));
  }

  close(): Promise<void> {
    return this.unplug();
  }

  #accept(socket: Socket): void {
    socket.on('error', () => undefined); // a client that goes away is no matter of ours
    if (this.#client !== undefined) {
      socket.resetAndDestroy();
      return;
    }
    const end = this.#bus.connect((bytes) => {
      if (socket.writableLength < UNREAD_MAX) socket.write(bytes);
    });
    const client = { socket, end };
    this.#client = client;
    socket.on('data', (bytes: Buffer) => end.hear(new Uint8Array(bytes)));
    socket.on('close', () => {
      end.disconnect();
      if (this.#client === client) this.#client = undefined;
    });
  }
}

/** Listens on the port asked for, or on a free one where that is taken; resolves with the one it is. */
export function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const listening = () => {
      server.removeListener('error', failed);
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : port);
    };
    const failed = (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EADDRINUSE' || port === 0) {
        reject(error);
        return;
      }
      server.removeListener('listening', listening);
      listen(server, host, 0).then(resolve, reject);
    };
    server.once('listening', listening);
    server.once('error', failed);
    server.listen(port, host);
  });
}
