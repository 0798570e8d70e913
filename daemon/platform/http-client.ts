/** Calls to other servers, through `undici`: bounded in time and length, connections kept. */
import { Agent, request } from 'undici';

interface Call {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal: AbortSignal;
}

interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: string;
}

export interface HttpClientOptions {
  /** Milliseconds for headers, and again for each piece of the body. */
  readonly within?: number;
  /** Largest body that is read, in bytes. */
  readonly most?: number;
  readonly perHost?: number;
}

const WITHIN_MS = 30_000;
const BODY_MOST = 16 * 1024 * 1024;

/** Follows no redirect: a key is sent to the host it is for. */
export class UndiciClient implements AsyncDisposable {
  readonly #agent: Agent;

  constructor(options: HttpClientOptions = {}) {
    const within = options.within ?? WITHIN_MS;
    this.#agent = new Agent({
      connect: { timeout: Math.min(within, 10_000) },
      headersTimeout: within,
      bodyTimeout: within,
      connections: options.perHost ?? 4,
      maxResponseSize: options.most ?? BODY_MOST,
      pipelining: 1,
    });
  }

  async send({ method, url, headers, body, signal }: Call): Promise<Reply> {
    const reply = await request(url, {
      method,
      headers,
      signal,
      dispatcher: this.#agent,
      ...(body === undefined ? {} : { body }),
    });
    return {
      status: reply.statusCode,
      headers: Object.fromEntries(
        Object.entries(reply.headers).map(([name, value]) => [
          name.toLowerCase(),
          Array.isArray(value) ? value.join(', ') : value,
        ]),
      ),
      body: await reply.body.text(),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agent.destroy();
  }
}
