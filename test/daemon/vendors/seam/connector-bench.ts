/** A site, Seam's cloud beside it, and what joins them. */
import { openSeam } from '../../../../daemon/vendors/seam/open.ts';
import { SeamCloud, type SeamCloudOptions } from '../../../../simulator/clouds/seam.ts';
import { seededRandom } from '../../../../simulator/random.ts';
import { type SiteOptions, simulatedSite } from '../../../site.ts';
import { CountedClient, served } from '../vendor-site.ts';

export const CLOUD_KEY = 'seam_cloud_1';
export const DIALECT_KEY = 'seam_local_1';
export const SECRET = `whsec_${Buffer.from('a secret of twenty-four b').toString('base64')}`;
export const POLL = 60_000;

export async function seamBench(
  options: SiteOptions & { readonly cloud?: Partial<SeamCloudOptions> },
) {
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
  const part = openSeam({
    desk: site.daemon.desk,
    log: () => {},
    cloud: {
      http,
      baseUrl: cloud.baseUrl,
      apiKey: () => CLOUD_KEY,
      poll: POLL,
      webhook: () => SECRET,
    },
    dialectKeys: [DIALECT_KEY],
    places: {
      devices: {
        [flat]: { kind: 'key', id: 'flat-3' },
        [other]: { kind: 'key', id: 'store-room' },
      },
    },
  });
  const server = await served(part.routes);
  const stopping = new AbortController();
  const running = part.run(stopping.signal);
  await site.advance(2000);
  return {
    site,
    cloud,
    flat,
    other,
    part,
    server,
    grants: () => site.daemon.desk.grants.list({ source: 'seam', limit: 1000 }),
    round: () => site.advance(POLL + 2000),
    ask: (path: string, body: unknown) =>
      site.settling(
        server.ask(`/seam${path}`, {
          method: 'POST',
          headers: { authorization: `Bearer ${DIALECT_KEY}` },
          body,
        }),
      ),
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await site.settling(running);
      await server[Symbol.asyncDispose]();
      await http[Symbol.asyncDispose]();
      await cloud[Symbol.asyncDispose]();
      await site[Symbol.asyncDispose]();
    },
  };
}
