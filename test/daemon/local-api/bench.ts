/** A whole simulated site with somebody who calls its API; each reply is held to the schema it is documented with. */
import assert from 'node:assert/strict';
import { Accounts } from '../../../daemon/local-api/accounts.ts';
import type {
  ApiRoute,
  Endpoint,
  OutgoingResponse,
  Scope,
} from '../../../daemon/local-api/endpoint.ts';
import { LoginFailures } from '../../../daemon/local-api/login-failures.ts';
import { apiEndpoints, localApi } from '../../../daemon/local-api/server.ts';
import { Sessions } from '../../../daemon/local-api/sessions.ts';
import { Tokens } from '../../../daemon/local-api/tokens.ts';
import { type SimulatedSite, type SiteOptions, simulatedSite } from '../../site.ts';

export interface Call {
  readonly as?: Scope | 'nobody' | 'stranger';
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /** What the session's cookie holds. */
  readonly session?: string;
  /** One that is stored, in place of that of a role. */
  readonly token?: string;
}

/** Tests look into replies of every shape. */
type Reply = ReturnType<typeof JSON.parse>;

export interface Answer {
  readonly status: number;
  readonly body: Reply;
}

export class ApiBench implements AsyncDisposable {
  readonly site: SimulatedSite;
  readonly endpoints: readonly Endpoint[];
  readonly accounts: Accounts;
  readonly broken: unknown[] = [];
  readonly #routes: readonly ApiRoute[];

  private constructor(site: SimulatedSite, panelOpening: boolean) {
    this.site = site;
    const { desk } = site.daemon;
    const scopes = ['read', 'operate', 'admin'] as const;
    const fixed = scopes.map((scope) => ({ name: `the-${scope}`, scope, token: `token-${scope}` }));
    const tokens = new Tokens(fixed, site.directory, desk.clock);
    this.accounts = new Accounts(undefined, desk.random);
    const parts = {
      desk,
      accounts: this.accounts,
      sessions: new Sessions(desk.clock, desk.random),
      panelOpening,
    };
    this.endpoints = apiEndpoints({ ...parts, failures: new LoginFailures(desk) });
    const broken = (error: unknown) => this.broken.push(error);
    this.#routes = localApi({ ...parts, tokens, broken });
  }

  static async open(
    options: Partial<SiteOptions> & { readonly panelOpening?: boolean } = {},
  ): Promise<ApiBench> {
    const { panelOpening = false, ...rest } = options;
    return new ApiBench(await simulatedSite({ seed: 11, ...rest }), panelOpening);
  }

  async call(method: ApiRoute['method'], url: string, call: Call = {}): Promise<Answer> {
    const { status, body } = await this.raw(method, url, call);
    const endpoint = this.#endpointOf(method, url);
    // A list may come as the text of its JSON.
    const isText = endpoint.reply !== undefined && typeof body === 'string';
    const read = isText ? JSON.parse(body) : plain(body);
    if (status === 200 && endpoint.reply !== undefined) endpoint.reply.parse(read);
    return { status, body: read };
  }

  raw(method: ApiRoute['method'], url: string, call: Call = {}): Promise<OutgoingResponse> {
    return this.site.settling(this.begin(method, url, call));
  }

  /** Without letting time pass. */
  begin(method: ApiRoute['method'], url: string, call: Call = {}): Promise<OutgoingResponse> {
    const [path = '', search = ''] = url.split('?');
    const route = this.#routes[this.#indexOf(method, path)];
    assert.ok(route, `${method} ${path} is routed`);
    const names = [...route.path.matchAll(/:(\w+)/g)].map(([, name = '']) => name);
    const values = pattern(route.path).exec(path)?.slice(1) ?? [];
    const { as = 'admin', headers = {}, body, token = `token-${as}` } = call;
    return route.handle({
      method,
      url,
      params: Object.fromEntries(
        names.map((name, at) => [name, decodeURIComponent(values[at] ?? '')]),
      ),
      query: Object.fromEntries(new URLSearchParams(search)),
      headers:
        as === 'nobody' || call.session !== undefined
          ? headers
          : { authorization: `Bearer ${token}`, ...headers },
      body: body === undefined ? undefined : JSON.parse(JSON.stringify(body)),
      cookies: { latchkey_session: call.session },
      remote: '127.0.0.1',
      isEncrypted: false,
      signal: call.signal ?? new AbortController().signal,
    });
  }

  #indexOf(method: string, path: string): number {
    return this.#routes.findIndex(
      (route) => route.method === method && pattern(route.path).test(path),
    );
  }

  #endpointOf(method: string, url: string): Endpoint {
    const endpoint = this.endpoints[this.#indexOf(method, url.split('?')[0] ?? '')];
    assert.ok(endpoint);
    return endpoint;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.site[Symbol.asyncDispose]();
  }
}

function pattern(path: string): RegExp {
  return new RegExp(`^${path.replaceAll('.', '\\.').replaceAll(/:\w+/g, '([^/]+)')}$`);
}

function plain(body: OutgoingResponse['body']): Reply {
  if (typeof body === 'string' || body === undefined) return body;
  return JSON.parse(JSON.stringify(body));
}
