import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seamBench } from './connector-bench.ts';

const AT = '2026-03-02T09:00:00Z';
const STAY = { starts_at: '2026-03-02T08:00:00Z', ends_at: '2026-03-04T18:00:00Z' } as const;

test('lists of Seam that are empty while its grants are there are doubted with an alarm; all deleted at once is refused', async () => {
  await using bench = await seamBench({ seed: 54, at: AT });
  const { cloud, flat, site } = bench;
  const made = ['471199', '582211', '693322'].map((code) =>
    cloud.addGrant({
      user_identity_id: cloud.addPerson(),
      device_ids: [flat],
      requested_access_methods: [{ mode: 'code', code }],
      ...STAY,
    }),
  );
  await bench.round();
  assert.equal(bench.grants().length, 3);
  const empty = JSON.stringify({ access_grants: [], ok: true });
  for (let at = 0; at < 1000; at += 1) {
    cloud.server.fail(
      { kind: 'altered', by: (reply) => ({ ...reply, body: empty }) },
      ({ path }) => path === '/access_grants/list',
    );
  }
  await site.advance(8 * 60_000);
  assert.equal(bench.grants().length, 3);
  const alarms = () =>
    site.daemon.desk.journal
      .read({ types: ['grant.vendor_drift'], limit: 50 })
      .map(({ body }) => `${body['what']} ${body['grants']} ${body['alarm']}`);
  assert.deepEqual(alarms(), ['mass-absence 3 true']);
  for (const { access_grant_id } of made) cloud.deleteGrant(access_grant_id);
  // The longest pause between two tries.
  await site.advance(6 * 60_000);
  assert.equal(bench.grants().length, 0);
  assert.deepEqual(alarms(), ['mass-absence 3 true', 'mass-revoked 3 true']);
});
