/** A site, Seam's cloud beside it, and what joins them. */
import type { HttpClient } from '../../../../daemon/vendors/http.ts';
import { openSeam } from '../../../../daemon/vendors/seam/open.ts';
import { SeamCloud, type SeamCloudOptions } from '../../../../simulator/clouds/seam.ts';
import { seededRandom } from '../../../../simulator/random.ts';
import { type SiteOptions, simulatedSite } from '../../../site.ts';
import { CountedClient, served } from '../vendor-site.ts';

const CLOUD_KEY = 'seam_cloud_1';
const DIALECT_KEY = 'seam_local_1';
export const SECRET = `whsec_${Buffer.from('a secret of twenty-four b').toString('base64')}`;
export const POLL = 60_000;

export interface SeamBenchOptions extends SiteOptions {
  readonly cloud?: Partial<SeamCloudOptions>;
  readonly staleAfter?: number;
  /** By what the cloud is called, if not by the client that calls webhooks of callers. */
  readonly toCloud?: HttpClient;
  /** No cloud is kept in step: the dialect alone. */
  readonly isAlone?: boolean;
}

export async function seamBench(options: SeamBenchOptions) {
  const site = await simulatedSite(options);
  const { clock } = site;
  const cloud = new SeamCloud({
    clock,
    random: seededRandom(options.seed + 7),
    apiKey: CLOUD_KEY,
    ...options.cloud,
  });
  await cloud.server.listen();
  const flat = cloud.addDevice();
  const other = cloud.addDevice();
  const http = new CountedClient(clock);
  const { staleAfter } = options;
  const open = () =>
    openSeam({
      desk: site.daemon.desk,
      log: () => {},
      http: options.toCloud ?? http,
      toCallers: http,
      cloud:
        options.isAlone === true
          ? undefined
          : {
              baseUrl: cloud.baseUrl,
              apiKey: () => CLOUD_KEY,
              poll: POLL,
              webhook: () => SECRET,
              ...(staleAfter === undefined ? {} : { staleAfter }),
            },
      dialectKeys: [DIALECT_KEY],
      places: {
        devices: {
          [flat]: { kind: 'key', id: 'flat-3' },
          [other]: { kind: 'key', id: 'store-room' },
        },
      },
    });
  let part = open();
  let server = await served(part.routes);
  let stopping = new AbortController();
  let running = part.run(stopping.signal);
  await site.advance(2000);
  const stop = async () => {
    stopping.abort();
    await site.settling(running);
    await server[Symbol.asyncDispose]();
  };
  const ask = (path: string, body: unknown) =>
    site.settling(
      server.ask(`/seam${path}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${DIALECT_KEY}` },
        body,
      }),
    );
  return {
    site,
    cloud,
    flat,
    other,
    get part() {
      return part;
    },
    get server() {
      return server;
    },
    grants: () => site.daemon.desk.grants.list({ source: 'seam', limit: 1000 }),
    round: () => site.advance(POLL + 2000),
    ask,
    /** The id by which the dialect knows the key of flat 3 or of the store room. */
    async deviceOf(name: string): Promise<string> {
      const { body } = await ask('/devices/list', {});
      const found = body.devices.find(
        (each: { display_name: string }) => each.display_name === name,
      );
      return found.device_id;
    },
    /** Only this vendor's part begins anew, on the store as it is. */
    async restart() {
      await stop();
      part = open();
      server = await served(part.routes);
      stopping = new AbortController();
      running = part.run(stopping.signal);
    },
    async [Symbol.asyncDispose]() {
      await stop();
      await http[Symbol.asyncDispose]();
      await cloud[Symbol.asyncDispose]();
      await site[Symbol.asyncDispose]();
    },
  };
}

export type SeamBench = Awaited<ReturnType<typeof seamBench>>;
