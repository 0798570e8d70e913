import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seamBench } from './connector-bench.ts';

test('a grant that is asked for twice at one time under one key is one grant', async () => {
  await using bench = await seamBench({ seed: 78, at: '2026-03-02T09:00:00Z', isAlone: true });
  const { site } = bench;
  const device = await bench.deviceOf('Flat 3');
  const ask = () =>
    bench.server.ask('/seam/access_grants/create', {
      method: 'POST',
      headers: { authorization: 'Bearer seam_local_1' },
      body: {
        access_grant_key: 'booking-4711',
        user_identity: { full_name: 'Ada' },
        device_ids: [device],
        requested_access_methods: [{ mode: 'code', code: '471199' }],
        starts_at: '2026-03-02T08:00:00Z',
        ends_at: '2026-03-02T18:00:00Z',
      },
    });
  const told = await site.settling(Promise.all([ask(), ask(), ask()]));
  assert.deepEqual(
    told.map(({ status }) => status),
    [200, 200, 200],
  );
  const ids = new Set(told.map(({ body }) => body.access_grant.access_grant_id));
  assert.equal(ids.size, 1);
  const [access_grant_id] = ids;
  assert.equal((await bench.ask('/access_grants/delete', { access_grant_id })).status, 200);
  await site.type('471199#');
  assert.deepEqual(site.openSlots(), []);
});
