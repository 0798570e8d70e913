/** What all simulated vendor clouds share: answers over loopback HTTP or within one process, with faults on demand. */

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
  | { readonly kind: 'half' }
  /** What the same question was answered before, where it was asked before: a cache on the way. */
  | { readonly kind: 'stale' }
  /** Done, and the answer is another on its way: a proxy's page, an odd header, a word of a newer version. */
  | { readonly kind: 'altered'; readonly by: (reply: NearReply) => NearReply };

/** A call within this process. */
export interface NearCall {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal: AbortSignal;
}

export interface NearReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What became of a request. */
type Outcome =
  | { readonly kind: 'cut' }
  | { readonly kind: 'silent' }
  | { readonly kind: 'reply' | 'half'; readonly reply: NearReply };

/** Answers that a cache keeps. */
const REMEMBERED = 200;

/** Nobody answers, or not to the end. */
export class CutOff extends Error {
  override readonly name = 'CutOff';
}

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
  readonly #handle: (request: CloudRequest) => CloudReply;
  readonly #answered = new Map<string, NearReply>();
  #port = 0;

  constructor(handle: (request: CloudRequest) => CloudReply, clock?: Clock) {
    this.#clock = clock;
    this.#handle = handle;
    this.#server = createServer((incoming, reply) => {
      void this.#answer(incoming, reply);
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

  /**
   * Answers without a socket, so that it takes no real time. What is never answered is rejected when its signal says;
   * half of a body is given as the whole of it, as a bad proxy does.
   * @throws CutOff
   */
  async near({ method, url, headers, body, signal }: NearCall): Promise<NearReply> {
    const outcome = await this.#outcome(requestOf(method, new URL(url), headers, body ?? ''));
    if (outcome.kind === 'reply') return outcome.reply;
    if (outcome.kind === 'half') {
      const { body: whole } = outcome.reply;
      return { ...outcome.reply, body: whole.slice(0, Math.floor(whole.length / 2)) };
    }
    if (outcome.kind === 'silent') await aborted(signal);
    throw new CutOff('the answer is cut off');
  }

  /** Armed faults are gone. */
  mend(): void {
    this.isAway = false;
    this.#faults.length = 0;
  }

  /** Armed and not yet met. */
  get faults(): number {
    return this.#faults.length;
  }

  async #answer(incoming: IncomingMessage, reply: ServerResponse): Promise<void> {
    const pieces: Buffer[] = [];
    for await (const piece of incoming) pieces.push(Buffer.from(piece));
    const text = Buffer.concat(pieces).toString('utf8');
    const url = new URL(incoming.url ?? '/', this.url);
    const { method = 'GET', headers } = incoming;
    const outcome = await this.#outcome(requestOf(method, url, headers, text));
    if (outcome.kind === 'cut') return void incoming.socket.destroy();
    if (outcome.kind === 'silent') return;
    const { status, headers: said, body } = outcome.reply;
    reply.writeHead(status, { ...said, 'content-length': String(Buffer.byteLength(body)) });
    if (outcome.kind === 'half') {
      reply.write(body.slice(0, Math.floor(body.length / 2)), () => incoming.socket.destroy());
      return;
    }
    reply.end(body);
  }

  async #outcome(request: CloudRequest): Promise<Outcome> {
    if (this.isAway) return { kind: 'cut' };
    const fault = this.#take(request);
    if (fault?.kind === 'cut') return { kind: 'cut' };
    if (fault?.kind === 'status') {
      const { status, retryAfter } = fault;
      const headers = retryAfter === undefined ? {} : { 'retry-after': retryAfter };
      return { kind: 'reply', reply: { status, headers, body: '' } };
    }
    this.requests.push(request);
    const question = `${request.method} ${request.path}?${request.query} ${JSON.stringify(request.body)}`;
    const before = this.#answered.get(question);
    if (fault?.kind === 'stale' && before !== undefined) return { kind: 'reply', reply: before };
    const { status, headers = {}, body } = this.#handle(request);
    if (fault?.kind === 'lost-answer') return { kind: 'cut' };
    if (fault?.kind === 'silent') return { kind: 'silent' };
    if (this.latency > 0 && this.#clock !== undefined) await pause(this.#clock, this.latency);
    const reply = {
      status,
      headers: {
        ...headers,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      body: body === undefined ? '' : JSON.stringify(body),
    };
    if (fault?.kind === 'altered') return { kind: 'reply', reply: fault.by(reply) };
    this.#remember(question, reply);
    return { kind: fault?.kind === 'half' ? 'half' : 'reply', reply };
  }

  #remember(question: string, reply: NearReply): void {
    this.#answered.delete(question);
    this.#answered.set(question, reply);
    for (const old of [...this.#answered.keys()].slice(0, -REMEMBERED)) this.#answered.delete(old);
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

function requestOf(
  method: string,
  { pathname: path, searchParams: query }: URL,
  headers: CloudRequest['headers'],
  text: string,
): CloudRequest {
  const body = text === '' ? undefined : (JSON.parse(text) satisfies unknown);
  return { method, path, query, headers, body };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
