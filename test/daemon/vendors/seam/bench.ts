/** A site whose Seam dialect is called by Seam's own clients; every answer is held against Seam's OpenAPI. */
import assert from 'node:assert/strict';
import { SeamHttp } from '@seamapi/http';
import { openapi } from '@seamapi/types/connect';
import { Ajv } from 'ajv';
import formats from 'ajv-formats';
import { Seam } from 'seam';
import type { DialectResponse, DialectRoute } from '../../../../daemon/vendors/dialect.ts';
import { seamDialect } from '../../../../daemon/vendors/seam/dialect.ts';
import { VendorSync } from '../../../../daemon/vendors/vendor-sync.ts';
import { type SiteOptions, simulatedSite } from '../../../site.ts';
import { served } from '../vendor-site.ts';

export const API_KEY = 'seam_local_1';

const ajv = new Ajv({ strict: false, allErrors: true });
formats.default(ajv);
ajv.addFormat('float', true);
// OpenAPI 3.0 has exclusive bounds as flags, and "nullable" beside no type, which JSON Schema of today does not know.
const schema = JSON.parse(JSON.stringify(openapi), (name, value) => {
  if (/^exclusiveM(in|ax)imum$/.test(name) && typeof value === 'boolean') return undefined;
  if (value === null || typeof value !== 'object' || !('nullable' in value)) return value;
  const { nullable: _flag, ...rest } = value;
  return 'type' in value ? value : rest;
});
ajv.addSchema(schema, 'oa');

/** What is wrong with a body of `path` (or of a named schema), told for people. */
export function faultsOf(path: string, body: unknown): string {
  const pointer = path.startsWith('/')
    ? `oa#/paths/${path.replaceAll('/', '~1')}/post/responses/200/content/application~1json/schema`
    : `oa#/components/schemas/${path}`;
  const validate = ajv.getSchema(pointer);
  assert.ok(validate, `${path} is in the OpenAPI`);
  return validate(body) === true ? '' : `${path}: ${ajv.errorsText(validate.errors).slice(0, 400)}`;
}

export async function dialectBench(options: Partial<SiteOptions> = {}) {
  const site = await simulatedSite({ seed: 5, ...options });
  const open = () => new VendorSync('seam', site.daemon.desk);
  const sync = open();
  const checked = (route: DialectRoute): DialectRoute => ({
    ...route,
    handle: async (request) => {
      const answer = await route.handle(request);
      check(route.path.replace(/^\/seam/, ''), answer);
      return answer;
    },
  });
  const check = (path: string, { status, body }: DialectResponse) => {
    if (status !== 200) return;
    const fault = faultsOf(path, JSON.parse(JSON.stringify(body)));
    // Told as a broken call, which no test expects.
    if (fault !== '') throw new Error(fault);
  };
  const server = await served(seamDialect({ sync, apiKeys: () => [API_KEY] }).map(checked));
  const endpoint = `${server.url}/seam`;
  return {
    site,
    sync,
    server,
    endpoint,
    /** The two generations of the official client. */
    first: new Seam({ apiKey: API_KEY, endpoint }),
    second: SeamHttp.fromApiKey(API_KEY, { endpoint }),
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await site[Symbol.asyncDispose]();
    },
  };
}

/** Lets the site's time pass until the client has its answer. */
export async function settled<Request extends PromiseLike<unknown>>(
  { site, server }: DialectBench,
  request: Request,
): Promise<Awaited<Request>> {
  try {
    return await site.settling(Promise.resolve(request));
  } finally {
    assert.deepEqual(server.failures, []);
  }
}

export type DialectBench = Awaited<ReturnType<typeof dialectBench>>;

export function call(bench: DialectBench, path: string, body: unknown, key = API_KEY) {
  return bench.site.settling(
    bench.server.ask(`/seam${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}` },
      body,
    }),
  );
}
