/** A site, IntServ's cloud beside it, and what joins them. */
import { openIntserv } from '../../../../daemon/vendors/intserv/open.ts';
import { IntservCloud, type IntservCloudOptions } from '../../../../simulator/clouds/intserv.ts';
import { seededRandom } from '../../../../simulator/random.ts';
import { type SimulatedSite, simulatedSite } from '../../../site.ts';
import { CountedClient, served } from '../vendor-site.ts';

export const API_KEY = 'integration-key-1';
export const LEVEL = '5a1c7d2e-0f4b-4c58-9a67-1b2c3d4e5f60';
export const POLL = 60_000;
export const AUTH = { authorization: `Bearer ${API_KEY}` };

export async function intservBench({
  seed,
  cloud: options = {},
  codeMost,
  at,
  isSwift = false,
}: {
  readonly seed: number;
  readonly at?: string;
  /** See `SiteOptions`. */
  readonly isSwift?: boolean;
  readonly cloud?: Partial<IntservCloudOptions>;
  readonly codeMost?: number;
}) {
  const site: SimulatedSite = await simulatedSite({
    seed,
    isSwift,
    ...(at === undefined ? {} : { at }),
    change: (config) => ({
      ...config,
      accessLevels: { residents: [{ kind: 'key', id: 'flat-3' }], staff: [] },
    }),
  });
  const { clock } = site;
  const cloud = new IntservCloud({
    clock,
    random: seededRandom(seed + 7),
    apiKey: API_KEY,
    ...options,
  });
  cloud.addLevel(LEVEL, 'Residents');
  await cloud.server.listen();
  const http = new CountedClient(clock);
  const secret = { apiKey: API_KEY };
  const open = () =>
    openIntserv({
      desk: site.daemon.desk,
      log: () => {},
      cloud: { http, baseUrl: cloud.baseUrl, apiKey: () => secret.apiKey, poll: POLL },
      dialectKeys: [API_KEY],
      places: {
        levels: { [LEVEL]: 'residents' },
        codeLength: 6,
        ...(codeMost === undefined ? {} : { codeMost }),
      },
    });
  let part = open();
  let server = await served(part.routes);
  let stopping = new AbortController();
  let running: Promise<void> = Promise.resolve();
  const start = () => {
    stopping = new AbortController();
    running = part.run(stopping.signal);
  };
  const stop = async () => {
    stopping.abort();
    await site.settling(running);
  };
  start();
  return {
    site,
    cloud,
    get part() {
      return part;
    },
    get server() {
      return server;
    },
    secret,
    /** Only this vendor's part begins anew, on the store as it is. */
    async restart() {
      await stop();
      await server[Symbol.asyncDispose]();
      part = open();
      server = await served(part.routes);
      start();
    },
    post: (path: string, body: unknown) =>
      server.ask(`/intserv/v1${path}`, { method: 'POST', headers: AUTH, body }),
    async poll(times = 1) {
      for (let at = 0; at < times; at += 1) await site.advance(POLL + 1000);
    },
    async [Symbol.asyncDispose]() {
      await stop();
      await server[Symbol.asyncDispose]();
      await site[Symbol.asyncDispose]();
      await http[Symbol.asyncDispose]();
      await cloud[Symbol.asyncDispose]();
    },
  };
}
