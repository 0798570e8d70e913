/**
 * Calls to other servers, through `undici`: bounded in time and length, connections kept. Loaded by `http-client.ts`
 * at the first call; a file of its own, because `import('undici')` itself gives no names in the bundle.
 */
import { lookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { Agent, request } from 'undici';

export interface Call {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal: AbortSignal;
}

export interface Reply {
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
  /** Whether a name may lead to this address; asked for each that a name server gives, so at the time it is called. */
  readonly allows?: (address: string) => boolean;
}

const WITHIN_MS = 30_000;
const BODY_MOST = 16 * 1024 * 1024;

/** Follows no redirect: a key is sent to the host it is for. */
export class HttpConnections {
  readonly #agent: Agent;

  constructor(options: HttpClientOptions) {
    const within = options.within ?? WITHIN_MS;
    this.#agent = new Agent({
      connect: {
        timeout: Math.min(within, 10_000),
        ...(options.allows === undefined ? {} : { lookup: lookupOf(options.allows) }),
      },
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

  async end(): Promise<void> {
    await this.#agent.destroy();
  }
}

function lookupOf(allows: (address: string) => boolean): LookupFunction {
  return (name, options, done) => {
    lookup(name, { ...options, all: true }, (error, addresses) => {
      if (error !== null) return done(error, []);
      const allowed = addresses.filter(({ address }) => allows(address));
      const [first] = allowed;
      if (first === undefined)
        return done(new Error(`${name} has no address that may be called`), []);
      if (options.all === true) done(null, allowed);
      else done(null, first.address, first.family);
    });
  };
}
