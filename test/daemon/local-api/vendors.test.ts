import assert from 'node:assert/strict';
import { test } from 'node:test';
import { vendorEndpoints } from '../../../daemon/local-api/vendors.ts';
import { keycafeBench, SECRET } from '../vendors/keycafe/bench.ts';
import { basic } from '../vendors/vendor-site.ts';

test('status, differences and fidelity are told as they are documented', async () => {
  await using bench = await keycafeBench({ seed: 95 });
  const { site, cloud, flat, server } = bench;
  await bench.poll();
  cloud.server.isAway = true;
  const made = await server.ask('/keycafe/v0/access', {
    method: 'POST',
    headers: basic(SECRET),
    body: { key: { id: flat.id }, user: { mobile: '+46 70 123 45 67' } },
  });
  assert.equal(made.status, 200);
  await bench.poll(2);
  const endpoints = vendorEndpoints(site.daemon.desk, () => [bench.part]);
  const ask = async (path: string, params = {}, query = {}) => {
    const found = endpoints.find((each) => each.path === path);
    assert.ok(found?.reply);
    const principal = { name: 'test', scope: 'read', by: 'test' } as const;
    const asked = {
      params,
      query,
      body: undefined,
      principal,
      idempotency: undefined,
      signal: AbortSignal.any([]),
      headers: {},
      remote: '127.0.0.1',
      isEncrypted: false,
      session: '',
    };
    return Object(found.reply.parse(await found.call(asked)));
  };
  const [status] = (await ask('/api/v1/vendors')).vendors;
  assert.equal(status.online, false);
  assert.equal(status.pending, 1 + 1, 'the access, and the SMS that Keycafe would have sent');
  assert.ok(status.ageMs > 60_000);
  const { differences } = await ask('/api/v1/vendors/differences', {}, { vendor: 'keycafe' });
  assert.deepEqual(differences.map(({ kind }: { kind: string }) => kind).sort(), [
    'access',
    'message',
  ]);
  assert.match(differences.find(({ kind }: { kind: string }) => kind === 'message').detail, /^SMS/);
  assert.equal(JSON.stringify(differences).includes('46701234567'), false);
  const grant = `keycafe:local:${made.body.id}`;
  const fidelity = await ask('/api/v1/grants/{grant}/fidelity', { grant });
  assert.deepEqual(fidelity.places[0], { place: 'site', remarks: [] });
  assert.match(fidelity.places[1].remarks[0].text, /does not know of it yet/);
  const holder = site.daemon.desk.grants.list({ source: 'keycafe', limit: 1 })[0]?.grant.holder;
  const stay = await ask('/api/v1/holders/{holder}/stay', { holder });
  assert.equal(stay.grants.length, 1);
});
