import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GrantId } from '../../../daemon/access/model.ts';
import { fidelityOf, stayOf } from '../../../daemon/vendors/fidelity.ts';
import { holderFor } from '../../../daemon/vendors/people.ts';
import { keycafeBench } from './keycafe/bench.ts';

test('the same person by mail is one holder, whoever tells of them, and the pseudonym tells no address', async () => {
  await using bench = await keycafeBench({ seed: 90 });
  const { desk } = bench.site.daemon;
  const one = holderFor(desk.secrets, { email: 'Ada@Example.se ' }, 'x');
  assert.equal(one, holderFor(desk.secrets, { email: 'ada@example.se', phone: '+46 70 1' }, 'y'));
  assert.match(one, /^person:[0-9a-f]{32}$/);
  assert.notEqual(one, holderFor(desk.secrets, { phone: '+46 70 1' }, 'y'));
  assert.equal(
    holderFor(desk.secrets, { phone: '0046701' }, 'y'),
    holderFor(desk.secrets, { phone: '+46 70 1' }, 'y'),
  );
  assert.equal(holderFor(desk.secrets, {}, 'keycafe:user:7'), 'keycafe:user:7');
});

test('a stay over two places is one view, and says what each cannot keep before the guest arrives', async () => {
  await using bench = await keycafeBench({ seed: 91 });
  const { site, cloud, flat, part } = bench;
  const { desk } = site.daemon;
  cloud.addAccess({ user: { email: 'ada@example.se' } }, flat.id);
  await bench.poll();
  const holder = holderFor(desk.secrets, { email: 'ada@example.se' }, '');
  await site.put({
    id: 'door',
    pin: '771204',
    more: {
      holder,
      schedule: { zone: 'site', weekly: [{ days: [1], from: '10:00', to: '12:00' }] },
    },
  });
  const judge = {
    vendor: 'keycafe',
    fidelity: (grant: Parameters<typeof part.fidelity>[0]) => part.fidelity(grant),
  } as const;
  const stay = stayOf(holder, desk, [judge]);
  assert.deepEqual(stay.map(({ source }) => source).sort(), ['cloud', 'keycafe']);
  const [theirs, ours] = ['keycafe', 'cloud'].map((source) =>
    stay.find((each) => each.source === source),
  );
  assert.deepEqual(theirs?.places, [
    { place: 'site', remarks: [] },
    { place: 'keycafe', remarks: [] },
  ]);
  assert.deepEqual(ours?.places[1], {
    place: 'keycafe',
    remarks: [{ kind: 'cannot', text: 'Keycafe has no weekly hours' }],
  });
  const stored = desk.grants.grant('door' as GrantId);
  assert.ok(stored);
  assert.equal(fidelityOf(stored, desk.about.zone, []).places.length, 1);
});
