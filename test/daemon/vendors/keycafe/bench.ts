/** A site, Keycafe's cloud beside it, and what joins them. */
import type { VendorLog } from '../../../../daemon/vendors/desk.ts';
import { type OpenKeycafe, openKeycafe } from '../../../../daemon/vendors/keycafe/open.ts';
import { KeycafeCloud, type KeycafeCloudOptions } from '../../../../simulator/clouds/keycafe.ts';
import { seededRandom } from '../../../../simulator/random.ts';
import { type SimulatedSite, simulatedSite } from '../../../site.ts';
import { CountedClient, served } from '../vendor-site.ts';

export const SECRET = 'anna@example.se/token:t0ken';
export const POLL = 60_000;

export interface BenchOptions {
  readonly seed: number;
  readonly at?: string;
  readonly cloud?: Partial<KeycafeCloudOptions>;
  readonly places?: Partial<OpenKeycafe['places']>;
  readonly secret?: () => string;
  readonly log?: VendorLog;
  /** See `SiteOptions`. */
  readonly isSwift?: boolean;
  readonly reportExchanges?: boolean;
  readonly staleAfter?: number;
}

export async function keycafeBench(options: BenchOptions) {
  const { seed, at = '2026-03-02T09:00:00Z' } = options;
  const site = await simulatedSite({ seed, at, isSwift: options.isSwift ?? false });
  const { clock } = site;
  const cloud = new KeycafeCloud({
    clock,
    random: seededRandom(seed + 7),
    credentials: SECRET,
    ...options.cloud,
  });
  await cloud.server.listen();
  const http = new CountedClient(clock);
  const flat = cloud.addKey({ name: 'Flat 3', location: 1 });
  const keys: Record<string, string> = { [String(flat.id)]: 'flat-3' };
  const places = {
    keys,
    locations: { '1': 'lobby' },
    bins: {},
    keyCodes: false,
    ...options.places,
  };
  let stopping = new AbortController();
  let running: Promise<void> = Promise.resolve();
  const open = () =>
    openKeycafe({
      desk: site.daemon.desk,
      log: options.log ?? (() => {}),
      http,
      cloud: {
        baseUrl: cloud.baseUrl,
        credentials: options.secret ?? (() => SECRET),
        poll: POLL,
        reportExchanges: options.reportExchanges ?? false,
        webhook: 'hook:secret',
        ...(options.staleAfter === undefined ? {} : { staleAfter: options.staleAfter }),
      },
      dialectKeys: [SECRET],
      places,
    });
  let part = open();
  let server = await served(part.routes);
  const start = () => {
    stopping = new AbortController();
    running = part.run(stopping.signal);
  };
  const stop = async () => {
    stopping.abort();
    await settling(site, running);
  };
  start();
  return {
    site,
    cloud,
    flat,
    /** Of the config; more can be put in. */
    keys,
    get part() {
      return part;
    },
    get server() {
      return server;
    },
    /** Only this vendor's part begins anew, on the store as it is. */
    async restart() {
      await stop();
      await server[Symbol.asyncDispose]();
      part = open();
      server = await served(part.routes);
      start();
    },
    /** One poll, and what it set going. */
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

export type Bench = Awaited<ReturnType<typeof keycafeBench>>;

/** Time passes until it is settled. */
export async function settling<T>(site: SimulatedSite, promise: Promise<T>): Promise<T> {
  let isOver = false;
  const over = () => {
    isOver = true;
  };
  promise.then(over, over);
  while (!isOver) await site.advance(20);
  return promise;
}
