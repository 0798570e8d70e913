import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FLAT_KEY, type SimulatedSite, STORE_KEY } from '../../../site.ts';
import { type SeamBench, seamBench } from './connector-bench.ts';

const AT = '2026-03-02T09:00:00Z';
const TODAY = { starts_at: '2026-03-02T08:00:00Z', ends_at: '2026-03-02T18:00:00Z' } as const;

async function putBack(site: SimulatedSite, key: typeof FLAT_KEY | typeof STORE_KEY) {
  await site.takeKey(key.slot);
  await site.show(key.fob);
  await site.putKey(key.slot, key.fob);
}

async function stay(bench: SeamBench, code: string, more: object) {
  const { status, body } = await bench.ask('/access_grants/create', {
    user_identity: { full_name: `Guest ${code}` },
    requested_access_methods: [{ mode: 'code', code }],
    ...TODAY,
    ...more,
  });
  return { status, body, id: body.access_grant?.access_grant_id };
}

test('the first use of a later reservation takes its door from the earlier one, and only that door', async () => {
  await using bench = await seamBench({ seed: 41, at: AT, isAlone: true });
  const { site } = bench;
  const flat = await bench.deviceOf('Flat 3');
  const store = await bench.deviceOf('Store room');
  await stay(bench, '471199', { device_ids: [flat, store], reservation_key: 'r-1' });
  await stay(bench, '999111', { device_ids: [flat] });
  await site.advance(1000);
  await stay(bench, '582200', { device_ids: [flat], reservation_key: 'r-2' });
  await stay(bench, '693311', { device_ids: [flat], reservation_key: 'r-2' });

  await site.type('471199#');
  assert.equal(site.last('access.denied').body['reason'], 'choice-required');
  const { grants } = site.daemon.desk;
  const targetsOf = () =>
    grants
      .list({ source: 'seam', limit: 10 })
      .map(({ grant }) =>
        grant.targets
          .map(({ id }) => id)
          .sort()
          .join(),
      )
      .sort();
  assert.deepEqual(targetsOf(), ['flat-3', 'flat-3', 'flat-3', 'flat-3,store-room']);
  await site.type('582200#');
  assert.deepEqual(site.openSlots(), [FLAT_KEY.slot]);
  await putBack(site, FLAT_KEY);
  assert.deepEqual(targetsOf(), ['flat-3', 'flat-3', 'flat-3', 'store-room']);
  // The earlier guest keeps the other door, by the same code; staff and the same reservation keep theirs.
  await site.type('471199#');
  assert.deepEqual(site.openSlots(), [STORE_KEY.slot]);
  await putBack(site, STORE_KEY);
  for (const code of ['693311', '999111']) {
    await site.type(`${code}#`);
    assert.deepEqual(site.openSlots(), [FLAT_KEY.slot]);
    await putBack(site, FLAT_KEY);
  }
  assert.deepEqual(targetsOf(), ['flat-3', 'flat-3', 'flat-3', 'store-room']);
});

test('an earlier stay that has lost its only door is superseded, also after its times change and after a restart', async () => {
  await using bench = await seamBench({ seed: 42, at: AT, isAlone: true });
  const { site } = bench;
  const device_ids = [await bench.deviceOf('Flat 3')];
  const first = await stay(bench, '471199', { device_ids, reservation_key: 'r-1' });
  await site.advance(1000);
  await stay(bench, '582200', { device_ids, reservation_key: 'r-2' });
  await site.type('471199#');
  assert.deepEqual(site.openSlots(), [FLAT_KEY.slot], 'until the later one was used');
  await putBack(site, FLAT_KEY);
  await site.type('582200#');
  await putBack(site, FLAT_KEY);
  const isShut = async () => {
    const pulses = site.pulseCount;
    await site.type('471199#');
    assert.equal(site.pulseCount, pulses);
    assert.equal(site.last('access.denied').body['reason'], 'superseded');
  };
  await isShut();
  const changed = await bench.ask('/access_grants/update', {
    access_grant_id: first.id,
    ends_at: '2026-03-03T18:00:00Z',
  });
  assert.equal(changed.status, 200);
  await isShut();
  await bench.restart();
  await site.advance(1000);
  await isShut();
});

test('a reservation made at Seam overrides the earlier one at the box too, and a later reading does not undo it', async () => {
  await using bench = await seamBench({ seed: 43, at: AT });
  const { site, cloud } = bench;
  const grantOf = (code: string, reservation_key: string) =>
    cloud.addGrant({
      user_identity: { full_name: code },
      device_ids: [bench.flat],
      requested_access_methods: [{ mode: 'code', code }],
      reservation_key,
      ...TODAY,
    });
  const first = grantOf('471199', 'r-1');
  await bench.round();
  grantOf('582200', 'r-2');
  await bench.round();
  await site.type('582200#');
  assert.deepEqual(site.openSlots(), [FLAT_KEY.slot]);
  await putBack(site, FLAT_KEY);
  cloud.changeGrant({ access_grant_id: first.access_grant_id, name: 'Still here' });
  await bench.round();
  await bench.round();
  const pulses = site.pulseCount;
  await site.type('471199#');
  assert.equal(site.pulseCount, pulses);
  assert.equal(site.last('access.denied').body['reason'], 'superseded');
});

test('a reservation has the doors of its first grant, and times that overlap', async () => {
  await using bench = await seamBench({ seed: 44, at: AT, isAlone: true });
  const flat = await bench.deviceOf('Flat 3');
  const store = await bench.deviceOf('Store room');
  const key = { reservation_key: 'r-1' };
  assert.equal((await stay(bench, '471199', { device_ids: [flat], ...key })).status, 200);
  const wider = await stay(bench, '582200', { device_ids: [flat, store], ...key });
  assert.deepEqual([wider.status, wider.body.error.type], [409, 'reservation_doors_are_fixed']);
  const later = { starts_at: '2026-03-03T08:00:00Z', ends_at: '2026-03-03T18:00:00Z' };
  const apart = await stay(bench, '582200', { device_ids: [flat], ...key, ...later });
  assert.deepEqual(
    [apart.status, apart.body.error.type],
    [409, 'reservation_times_do_not_overlap'],
  );
  const joined = await stay(bench, '582200', { device_ids: [flat], ...key });
  assert.equal(joined.status, 200);
  const moved = await bench.ask('/access_grants/update', { access_grant_id: joined.id, ...later });
  assert.equal(moved.status, 409);
  const { body } = await bench.ask('/access_grants/list', { reservation_key: 'r-1' });
  assert.equal(body.access_grants.length, 2);
});
