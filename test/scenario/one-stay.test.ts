/** One stay over two vendors: a key in the box by Keycafe, a door by Seam, and one person who has both. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { z } from 'zod';
import { vendorsSchema } from '../../config/online-schema.ts';
import { grantId } from '../../daemon/access/model.ts';
import { vendorEndpoints } from '../../daemon/local-api/vendors.ts';
import { KeycafeCloud } from '../../simulator/clouds/keycafe.ts';
import { SeamCloud } from '../../simulator/clouds/seam.ts';
import { seededRandom } from '../../simulator/random.ts';
import { CountedClient } from '../daemon/vendors/vendor-site.ts';
import { FLAT_KEY, minutes, simulatedSite } from '../site.ts';

const DOOR = '11111111-1111-4111-8111-0000000000aa';
const KEYCAFE_SECRET = 'anna@example.se/token:t0ken';
const SEAM_KEY = 'seam_cloud_1';

const fidelitySchema = z.object({
  grant: z.string(),
  source: z.string(),
  places: z.array(
    z.object({
      place: z.string(),
      cannot: z.array(z.string()),
      differs: z.array(z.string()),
    }),
  ),
});

/** A site with two vendors in its config, as the daemon is wired, and their simulated clouds. */
async function siteOfTwo(parts: AsyncDisposableStack) {
  const secrets = mkdtempSync(join(tmpdir(), 'latchkey-stay-'));
  parts.defer(() => rmSync(secrets, { recursive: true }));
  writeFileSync(join(secrets, 'keycafe'), KEYCAFE_SECRET, { mode: 0o600 });
  writeFileSync(join(secrets, 'seam'), SEAM_KEY, { mode: 0o600 });
  const made: { keycafe?: KeycafeCloud; seam?: SeamCloud } = {};
  const site = await simulatedSite({
    seed: 77,
    withLock: true,
    http: (clock) => {
      const random = seededRandom(7);
      const keycafe = parts.use(new KeycafeCloud({ clock, random, credentials: KEYCAFE_SECRET }));
      const seam = parts.use(new SeamCloud({ clock, random, apiKey: SEAM_KEY }));
      keycafe.addKey({ id: 5003, name: 'Flat 3', location: 1 });
      seam.devices.add(DOOR);
      Object.assign(made, { keycafe, seam });
      const listening = Promise.all([keycafe.server.listen(), seam.server.listen()]);
      const client = parts.use(new CountedClient(clock));
      return {
        send: async (call) => {
          await listening;
          const { host, pathname, search } = new URL(call.url);
          const { server } = host === 'keycafe.test' ? keycafe : seam;
          return client.send({ ...call, url: `${server.url}${pathname}${search}` });
        },
      };
    },
    change: (config) => ({
      ...config,
      vendors: vendorsSchema.parse({
        keycafe: {
          baseUrl: 'http://keycafe.test/v0',
          credentials: `file:${secrets}/keycafe`,
          keys: { '5003': FLAT_KEY.key },
        },
        seam: {
          baseUrl: 'http://seam.test',
          credentials: `file:${secrets}/seam`,
          devices: { [DOOR]: { kind: 'lock', id: 'door' } },
        },
      }),
    }),
  });
  parts.use(site);
  const { keycafe, seam } = made;
  assert.ok(keycafe && seam);
  return { site, keycafe, seam };
}

test('a stay as a Keycafe access and a Seam code is one holder with one view, and what a place cannot keep is told before arrival', async () => {
  await using parts = new AsyncDisposableStack();
  const { site, keycafe, seam } = await siteOfTwo(parts);
  const { desk, vendors } = site.daemon;
  const access = keycafe.addAccess(
    {
      user: { email: 'Ada@example.se' },
      accessStartDate: '2026-03-04',
      accessStartTime: '15:00',
      accessEndDate: '2026-03-06',
      accessEndTime: '11:00',
    },
    5003,
  );
  const code = seam.addGrant({
    user_identity: { full_name: 'Ada', email_address: 'ada@example.se' },
    requested_access_methods: [{ mode: 'code', code: '482913' }],
    device_ids: [DOOR],
    starts_at: '2026-03-04T14:00:00Z',
    ends_at: '2026-03-06T10:00:00Z',
  });
  await site.advance(minutes(3));

  const [box] = desk.grants.list({ source: 'keycafe', limit: 10 });
  const [door] = desk.grants.list({ source: 'seam', limit: 10 });
  assert.ok(box && door);
  assert.equal(box.grant.holder, door.grant.holder);
  assert.match(box.grant.holder, /^person:/);
  assert.equal(box.window.start, door.window.start, 'both begin at the same moment');

  const endpoints = vendorEndpoints(desk, () => vendors);
  const ask = async (path: string, params = {}, query = {}) => {
    const found = endpoints.find((each) => each.path === path);
    assert.ok(found?.reply);
    const asked = {
      params,
      query,
      body: undefined,
      principal: { name: 'test', scope: 'read', by: 'test' } as const,
      idempotency: undefined,
      signal: AbortSignal.any([]),
      headers: {},
      remote: '127.0.0.1',
      isEncrypted: false,
      session: '',
    };
    return stayReply.parse(found.reply.parse(await found.call(asked)));
  };
  const view = await ask('/api/v1/holders/{holder}/stay', { holder: box.grant.holder });
  assert.deepEqual(view.grants.map(({ source, targets }) => [source, ...targets]).sort(), [
    ['keycafe', `key ${FLAT_KEY.key}`],
    ['seam', 'lock door'],
  ]);
  assert.equal(JSON.stringify(view).includes(access.bookingCode), false, 'P10');
  assert.equal(JSON.stringify(view).includes('482913'), false, 'P10');

  // The same person cleans on Mondays, which neither vendor has words for.
  const { holder } = box.grant;
  const weekly = [{ days: [1], from: '10:00', to: '12:00' }] as const;
  const grant = {
    id: grantId('cleaning'),
    source: { vendor: 'local', ref: 'cleaning', version: '1' },
    rev: 1,
    holder,
    credentials: [],
    targets: [
      { kind: 'key', id: FLAT_KEY.key },
      { kind: 'lock', id: 'door' },
    ],
    window: { kind: 'ongoing' },
    schedule: { zone: 'site', weekly },
    operations: ['pickup', 'dropoff', 'unlock'],
    options: {},
    state: 'active',
  } as const;
  await site.settling(desk.grants.write({ source: 'local', changes: [{ kind: 'put', grant }] }));
  const body = { grant: 'cleaning', source: 'local' };
  await desk.journal.append({ stamp: desk.stamp(), entries: [{ type: 'grant.put', body }] })
    .committed;
  await site.advance(minutes(2));
  const told = fidelitySchema.parse(
    site.journal.findLast(
      (entry) => entry.type === 'grant.fidelity' && entry.body['grant'] === 'cleaning',
    )?.body,
  );
  const cannot = new Map(told.places.map((place) => [place.place, place.cannot.join('; ')]));
  assert.match(cannot.get('keycafe') ?? '', /weekly hours/);
  assert.match(cannot.get('seam') ?? '', /weekly hours/);
  assert.equal(keycafe.accesses.size, 1, 'what would be wider there is not given to it (P5)');
  assert.equal(seam.grants.size, 1);

  const report = await ask('/api/v1/vendors/fidelity', {}, { limit: 500 });
  assert.ok(report.grants.some((each) => each.grant === 'cleaning'));
  const all = await ask('/api/v1/holders/{holder}/stay', { holder });
  assert.equal(all.grants.length, 3, 'one view over three sources');

  // It ends at one vendor: that part is dead within one poll, and the other stays.
  keycafe.cancel(access.id);
  await site.advance(minutes(2));
  const left = await ask('/api/v1/holders/{holder}/stay', { holder });
  assert.deepEqual(left.grants.map(({ source }) => source).sort(), ['local', 'seam']);
  assert.ok(seam.grants.has(code.access_grant_id));
});

const stayReply = z.object({
  grants: z.array(
    z.object({ grant: z.string(), source: z.string(), targets: z.array(z.string()) }),
  ),
});
