import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiBench } from './bench.ts';

test('a PIN that is replaced: the new one opens, the old one is dead, and two entries say so', async () => {
  await using bench = await ApiBench.open();
  const { site } = bench;
  const grant = (pin: string, rev: number) => ({
    body: {
      rev,
      holder: 'anna',
      credentials: [{ id: 'c-1', kind: 'pin', pin }],
      targets: [{ kind: 'key', id: 'flat-3' }],
      window: { kind: 'ongoing' },
      operations: ['pickup', 'dropoff'],
    },
  });
  const first = await bench.call('PUT', '/api/v1/grants/g-anna', grant('482913', 1));
  assert.equal(first.status, 200, JSON.stringify(first.body));
  assert.deepEqual(
    site.types('grant').filter((type) => type === 'grant.pin_rotated'),
    [],
  );

  await bench.call('PUT', '/api/v1/grants/g-anna', grant('706315', 2));
  const proofs = site.journal.filter(({ type }) => type === 'grant.pin_rotated');
  assert.deepEqual(
    proofs.map(({ body }) => body['proves']),
    ['new-valid', 'old-dead'],
  );

  await site.type('482913#');
  assert.equal(site.last('access.denied').body['reason'], 'unknown-credential');
  await site.type('706315#');
  assert.deepEqual(site.openSlots(), [3]);
});
