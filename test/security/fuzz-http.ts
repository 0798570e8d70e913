/** Bodies and addresses of the local API, and of vendors' clients and webhooks, as bytes over a real socket. */

import { Accounts } from '../../daemon/local-api/accounts.ts';
import { localApi } from '../../daemon/local-api/server.ts';
import { Sessions } from '../../daemon/local-api/sessions.ts';
import { Tokens } from '../../daemon/local-api/tokens.ts';
import { createServer } from '../../daemon/platform/http.ts';
import { type SimulatedSite, VENDOR_SECRET } from '../site.ts';
import type { FuzzTarget } from './fuzz-target.ts';

interface Route {
  readonly method: string;
  readonly path: string;
}

const TOKEN = 'token-admin';
const BODIES = [
  '{"holder":"h","credentials":[{"kind":"pin","pin":"246813"}],"targets":[{"kind":"key","id":"flat-3"}]}',
  '{"why":"fuzz","holdMs":3000,"slot":3,"accessPoint":"lobby"}',
  '{"name":"Ada","key":{"id":5007},"accessStartDate":"2026-03-02","accessStartTime":"09:00","user":{"email":"ada@example.se"}}',
  '{"device_id":"11111111-1111-4111-8111-000000000003","code":"4821","name":"x","starts_at":"2026-03-02T09:00:00Z","ends_at":"2026-03-04T09:00:00Z"}',
  '{"access_grant_id":"a","user_identity":{"email_address":"a@b.se"},"requested_access_methods":[{"mode":"code"}],"device_ids":[]}',
  '{"person":{"name":"Ada"},"keys":[{"type":"pin","value":"1234"}],"levels":["22222222-2222-4222-8222-000000000001"],"from":"2026-03-02T09:00:00Z"}',
  '{"event":"access.created","id":1,"access":{"id":7}}',
  '{}',
  '[]',
].map((text) => Buffer.from(text));

/** Every route of the site, as one target for the API and one for each vendor that is answered. */
export async function httpTargets(
  site: SimulatedSite,
): Promise<AsyncDisposable & { readonly targets: readonly FuzzTarget[] }> {
  const { desk, vendors } = site.daemon;
  const accounts = new Accounts(undefined, desk.random);
  const failures: unknown[] = [];
  const api = localApi({
    desk,
    accounts,
    sessions: new Sessions(desk.clock, desk.random),
    panelOpening: false,
    tokens: new Tokens([{ name: 'fuzz', scope: 'admin', token: TOKEN }], undefined, desk.clock),
    broken: (error) => failures.push(error),
  });
  const dialects = vendors.flatMap(({ routes }) => routes);
  const server = await createServer({
    host: '127.0.0.1',
    port: 0,
    routes: [...api, ...dialects],
    perMinute: 10_000_000,
    broken: (error) => failures.push(error),
  });
  const targetOf = (
    name: string,
    routes: readonly Route[],
    headers: Readonly<Record<string, string>>,
  ): FuzzTarget => ({
    name,
    seeds: BODIES,
    async run(input) {
      const route = routes[((input[0] ?? 0) * 7 + input.length) % routes.length];
      if (route === undefined) throw new Error(`${name} has no routes`);
      const url = `${server.url}${addressOf(route.path, input)}`;
      const hasBody = !['GET', 'HEAD'].includes(route.method);
      const status = await answered(
        site,
        fetch(url, {
          method: route.method,
          headers: { ...headers, ...(hasBody ? { 'content-type': 'application/json' } : {}) },
          ...(hasBody ? { body: Buffer.from(input) } : {}),
        }),
      );
      const error = failures.pop();
      if (error !== undefined) throw error;
      if (status >= 500 && status !== 503) throw new Error(`${route.method} ${url}: ${status}`);
      return `${route.method} ${route.path} ${status}`;
    },
  });
  const under = (prefix: RegExp) => dialects.filter(({ path }) => prefix.test(path));
  const basic = `Basic ${Buffer.from(VENDOR_SECRET).toString('base64')}`;
  const targets = [
    targetOf(
      'local-api',
      api.filter(({ path }) => !/events|verify|panel/.test(path)),
      {
        authorization: `Bearer ${TOKEN}`,
      },
    ),
    targetOf('keycafe-dialect', under(/^\/keycafe/), { authorization: basic }),
    targetOf('seam-dialect', under(/^\/seam/), { authorization: `Bearer ${VENDOR_SECRET}` }),
    targetOf('intserv-dialect', under(/^\/intserv/), {
      authorization: `Bearer ${VENDOR_SECRET}`,
      'x-api-key': VENDOR_SECRET,
    }),
    targetOf('webhooks', under(/^\/hooks/), { 'x-keycafe-secret': VENDOR_SECRET }),
  ];
  return { targets, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

/** Parameters of a path are cut from the input, too; what follows its end is the query. */
function addressOf(path: string, input: Uint8Array): string {
  const text = Buffer.from(input.subarray(1, 40)).toString('latin1');
  const known = ['flat-3', 'box', 'lobby', 'g-1', '3', '1'];
  const pick = (n: number) =>
    n % 3 === 0 ? encodeURIComponent(text.slice(0, 20) || 'x') : (known[n % known.length] ?? 'x');
  let place = input[1] ?? 0;
  const filled = path.replaceAll(/:\w+|\{\w+\}/g, () => {
    place += 1;
    return pick(place);
  });
  return place % 4 === 0 ? `${filled}?limit=${encodeURIComponent(text)}` : filled;
}

/** Some answers wait for a device, whose time is simulated. */
async function answered(site: SimulatedSite, asked: Promise<Response>): Promise<number> {
  let isOver = false;
  const status = asked
    .then(async (answer) => {
      await answer.text();
      return answer.status;
    })
    .finally(() => {
      isOver = true;
    });
  status.catch(() => {});
  for (let turn = 0; !isOver; turn += 1) {
    await new Promise<void>((go) => setImmediate(go));
    if (turn % 20 === 19) await site.advance(50);
  }
  return status;
}
