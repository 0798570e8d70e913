/** A whole simulated site beside a simulated vendor cloud: real HTTP between them, one clock over both. */
import { createServer as createHttp } from '../../../daemon/platform/http.ts';
import { UndiciClient } from '../../../daemon/platform/http-client.ts';
import type { DialectRoute } from '../../../daemon/vendors/dialect.ts';
import type { HttpCall, HttpClient, HttpReply } from '../../../daemon/vendors/http.ts';
import type { SimulatedClock } from '../../../simulator/clock.ts';

/** Calls go over loopback and take real time; the simulated clock waits for them. */
export class CountedClient implements HttpClient, AsyncDisposable {
  readonly #client = new UndiciClient({ within: 3000 });
  readonly #underWay = new Set<Promise<unknown>>();

  constructor(clock: SimulatedClock) {
    clock.alsoSettle(async () => {
      while (this.#underWay.size > 0) {
        await Promise.allSettled(this.#underWay);
        for (let turn = 0; turn < 6; turn += 1) await new Promise<void>((go) => setImmediate(go));
      }
    });
  }

  async send(call: HttpCall): Promise<HttpReply> {
    const reply = this.#client.send(call);
    this.#underWay.add(reply);
    try {
      return await reply;
    } finally {
      this.#underWay.delete(reply);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#client[Symbol.asyncDispose]();
  }
}

export interface Asked {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

export interface Told {
  readonly status: number;
  readonly headers: Headers;
  // The tests look into answers field by field, and fail where there is no such field.
  readonly body: ReturnType<typeof JSON.parse>;
}

/** The routes on a real server, with a plain client. */
export async function served(routes: readonly DialectRoute[]) {
  const failures: unknown[] = [];
  const server = await createHttp({
    host: '127.0.0.1',
    port: 0,
    routes,
    perMinute: 100_000,
    broken: (error) => failures.push(error),
  });
  return {
    url: server.url,
    failures,
    async ask(path: string, { method = 'GET', headers = {}, body }: Asked = {}): Promise<Told> {
      const reply = await fetch(`${server.url}${path}`, {
        method,
        headers: {
          ...headers,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await reply.text();
      return {
        status: reply.status,
        headers: reply.headers,
        body: text === '' ? undefined : JSON.parse(text),
      };
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

export function basic(secret: string): Readonly<Record<string, string>> {
  return { authorization: `Basic ${Buffer.from(secret).toString('base64')}` };
}
