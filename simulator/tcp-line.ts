/** A network line between two ends on this machine: bytes go through as they are, until somebody cuts it. */
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

export interface TcpLineOptions {
  /** Where it leads. */
  readonly to: { readonly host: string; readonly port: number };
}

export class TcpLine implements AsyncDisposable {
  readonly #to: TcpLineOptions['to'];
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  #port = 0;

  private constructor(to: TcpLineOptions['to']) {
    this.#to = to;
  }

  static async lay({ to }: TcpLineOptions): Promise<TcpLine> {
    const line = new TcpLine(to);
    await line.mend();
    return line;
  }

  /** Of the near end, on 127.0.0.1; stays the same over cuts. */
  get port(): number {
    return this.#port;
  }

  get isLaid(): boolean {
    return this.#server !== undefined;
  }

  /** Connections break, and nobody answers at the near end any more. */
  async cut(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    for (const socket of this.#sockets) socket.destroy();
    if (server !== undefined) await new Promise<void>((closed) => server.close(() => closed()));
  }

  async mend(): Promise<void> {
    if (this.#server !== undefined) return;
    const server = createServer({ noDelay: true }, (near) => this.#join(near));
    await new Promise<void>((listening, failed) => {
      server.once('error', failed);
      server.listen(this.#port, '127.0.0.1', listening);
    });
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cut();
  }

  #join(near: Socket): void {
    const far = connect({ ...this.#to, noDelay: true });
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(one);
      one.on('error', () => one.destroy()); // a reset is how a cut line looks from here
      one.on('close', () => {
        this.#sockets.delete(one);
        other.destroy();
      });
      one.pipe(other);
    }
  }
}
