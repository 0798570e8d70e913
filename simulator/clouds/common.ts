/** What all simulated vendor clouds share: a loopback HTTP server with faults on demand. */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type Clock, type Millis, pause } from '../../drivers/contract/time.ts';

export interface CloudRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  /** Parsed JSON; undefined without a body. */
  readonly body: unknown;
}

export interface CloudReply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: object;
}

/** One fault, for the next request that it fits. */
export type CloudFault =
  /** Done, and the answer is cut off. */
  | { readonly kind: 'lost-answer' }
  /** Cut off before anything is done. */
  | { readonly kind: 'cut' }
  /** Done, and never answered: whoever asked waits until it has enough. */
  | { readonly kind: 'silent' }
  | { readonly kind: 'status'; readonly status: number; readonly retryAfter?: string }
  /** Half of the body. */
  | { readonly kind: 'half' };

interface Armed {
  readonly fault: CloudFault;
  readonly fits: (request: CloudRequest) => boolean;
}

export class CloudServer implements AsyncDisposable {
  readonly requests: CloudRequest[] = [];
  /** Nobody answers, as with the internet gone. */
  isAway = false;
  /** Until each answer, on the clock that was handed in. */
  latency: Millis = 0;
  readonly #server: Server;
  readonly #clock: Clock | undefined;
  readonly #faults: Armed[] = [];
  #port = 0;

  constructor(handle: (request: CloudRequest) => CloudReply, clock?: Clock) {
    this.#clock = clock;
    this.#server = createServer((incoming, reply) => {
      void this.#answer(incoming, reply, handle);
    });
  }

  async listen(port = 0): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(port, '127.0.0.1', resolve));
    const address = this.#server.address();
    if (address !== null && typeof address === 'object') this.#port = address.port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  fail(fault: CloudFault, fits: (request: CloudRequest) => boolean = () => true): void {
    this.#faults.push({ fault, fits });
  }

  /** Armed and not yet met. */
  get faults(): number {
    return this.#faults.length;
  }

  async #answer(
    incoming: IncomingMessage,
    reply: ServerResponse,
    handle: (request: CloudRequest) => CloudReply,
  ): Promise<void> {
    const pieces: Buffer[] = [];
    for await (const piece of incoming) pieces.push(Buffer.from(piece));
    const text = Buffer.concat(pieces).toString('utf8');
    const url = new URL(incoming.url ?? '/', this.url);
    const request: CloudRequest = {
      method: incoming.method ?? 'GET',
      path: url.pathname,
      query: url.searchParams,
      headers: incoming.headers,
      body: text === '' ? undefined : (JSON.parse(text) satisfies unknown),
    };
    if (this.isAway) return void incoming.socket.destroy();
    const fault = this.#take(request);
    if (fault?.kind === 'cut') return void incoming.socket.destroy();
    if (fault?.kind === 'status') {
      const after = fault.retryAfter === undefined ? {} : { 'retry-after': fault.retryAfter };
      reply.writeHead(fault.status, after).end();
      return;
    }
    this.requests.push(request);
    const { status, headers = {}, body } = handle(request);
    if (fault?.kind === 'lost-answer') return void incoming.socket.destroy();
    if (fault?.kind === 'silent') return;
    if (this.latency > 0 && this.#clock !== undefined) await pause(this.#clock, this.latency);
    const json = body === undefined ? '' : JSON.stringify(body);
    reply.writeHead(status, {
      ...headers,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      'content-length': String(Buffer.byteLength(json)),
    });
    if (fault?.kind === 'half') {
      reply.write(json.slice(0, Math.floor(json.length / 2)), () => incoming.socket.destroy());
      return;
    }
    reply.end(json);
  }

  #take(request: CloudRequest): CloudFault | undefined {
    const at = this.#faults.findIndex(({ fits }) => fits(request));
    return at < 0 ? undefined : this.#faults.splice(at, 1)[0]?.fault;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}
