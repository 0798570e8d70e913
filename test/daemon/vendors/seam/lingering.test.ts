import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seamBench } from './connector-bench.ts';

const AT = '2026-03-02T09:00:00Z';
const STAY = { starts_at: '2026-03-02T08:00:00Z', ends_at: '2026-03-02T18:00:00Z' } as const;

for (const where of ['there', 'here'] as const) {
  test(`a code of a grant deleted ${where} is no code of its own while the device still has it`, async () => {
    await using bench = await seamBench({ seed: 71, at: AT });
    const { site, cloud } = bench;
    const { access_grant_id } = cloud.addGrant({
      user_identity: { full_name: 'Ada' },
      device_ids: [bench.flat],
      requested_access_methods: [{ mode: 'code', code: '471199' }],
      ...STAY,
    });
    await bench.round();
    const kept = [...cloud.codes];
    if (where === 'there') cloud.deleteGrant(access_grant_id);
    else await bench.ask('/access_grants/delete', { access_grant_id });
    await site.advance(5000);
    assert.equal(cloud.grants.size, 0);
    for (const [id, code] of kept) cloud.codes.set(id, code);
    await bench.round();
    await bench.round();
    await site.type('471199#');
    assert.deepEqual(site.openSlots(), []);
    assert.equal(site.last('access.denied').body['reason'], 'revoked');
  });
}
