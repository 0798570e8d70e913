import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FLAT_KEY } from '../../../site.ts';
import { type SeamBench, seamBench } from './connector-bench.ts';

const AT = '2026-03-02T09:00:00Z';
const STAY = { starts_at: '2026-03-02T08:00:00Z', ends_at: '2026-03-02T18:00:00Z' } as const;
const codeOf = (code: string) => [{ mode: 'code', code }] as const;

function stayOf({ cloud, flat }: SeamBench, full_name: string, code: string) {
  return cloud.addGrant({
    user_identity: { full_name },
    device_ids: [flat],
    requested_access_methods: codeOf(code),
    ...STAY,
  });
}

for (const [what, id] of [
  ['a bell', 'b\u0007ell'],
  ['half a character', 'half\ud800'],
  ['too much', 'k'.repeat(300)],
  ['a name of every object', 'constructor'],
] as const) {
  test(`a grant that Seam calls by ${what}, and a device so called, hold up no other grant`, async () => {
    await using bench = await seamBench({ seed: 72, at: AT });
    const { site, cloud } = bench;
    const odd = stayOf(bench, 'Eve', '582200');
    cloud.grants.set(id, { ...odd, access_grant_id: id, device_ids: [id] });
    stayOf(bench, 'Ada', '471199');
    await bench.round();
    assert.equal(bench.part.status.online, true, bench.part.status.detail);
    await site.type('471199#');
    assert.deepEqual(site.openSlots(), [FLAT_KEY.slot]);
  });
}

test('a grant that is not understood any more opens nothing, and where none is, all stay as they were', async () => {
  await using bench = await seamBench({ seed: 73, at: AT });
  const { site, cloud } = bench;
  const stays = ['471199', '582200'].map((code) => stayOf(bench, code, code));
  const live = () => bench.grants().filter(({ revoked }) => revoked === undefined).length;
  await bench.round();
  assert.equal(live(), 2);
  const [one, other] = stays;
  assert.ok(one !== undefined && other !== undefined);
  cloud.grants.set(one.access_grant_id, { ...one, starts_at: 'soon' });
  await bench.round();
  assert.equal(bench.part.status.online, true, bench.part.status.detail);
  assert.equal(live(), 1);
  assert.equal(bench.part.status.drift, 1);
  await site.type('471199#');
  assert.deepEqual(site.openSlots(), []);
  cloud.grants.set(other.access_grant_id, { ...other, starts_at: 'soon' });
  await bench.round();
  assert.equal(bench.part.status.online, false);
  assert.equal(live(), 1);
  cloud.grants.set(one.access_grant_id, one);
  cloud.grants.set(other.access_grant_id, other);
  await site.advance(10 * 60_000);
  assert.equal(live(), 2);
});

test('an event that is not understood holds up nothing', async () => {
  await using bench = await seamBench({ seed: 74, at: AT });
  const { cloud } = bench;
  const created_at = new Date(bench.site.clock.now()).toISOString();
  cloud.events.push({ event_id: '', event_type: 'lock.locked', created_at });
  stayOf(bench, 'Ada', '471199');
  await bench.round();
  assert.equal(bench.part.status.online, true, bench.part.status.detail);
  assert.equal(bench.grants().length, 1);
});

test('codes at devices that are called as what every object has open nothing', async () => {
  await using bench = await seamBench({ seed: 75, at: AT });
  const { site, cloud } = bench;
  stayOf(bench, 'Ada', '471199');
  const [code] = cloud.codes.values();
  assert.ok(code !== undefined);
  for (const device_id of ['constructor', '__proto__']) {
    cloud.codes.set(device_id, { ...code, access_code_id: `code-${device_id}`, device_id });
  }
  cloud.codes.set('c', { ...code, access_code_id: 'c', code: '777888', device_id: 'toString' });
  await bench.round();
  const targets = bench.grants().map(({ grant }) => grant.targets);
  assert.deepEqual(targets, [[{ kind: 'key', id: FLAT_KEY.key }]]);
  await site.type('777888#');
  assert.deepEqual(site.openSlots(), []);
});

test('a grant that one page shows twice is as it is shown last', async () => {
  await using bench = await seamBench({ seed: 76, at: AT });
  const { cloud } = bench;
  const grant = stayOf(bench, 'Ada', '471199');
  cloud.grants.set('again', { ...grant, ends_at: '2026-03-02T12:00:00Z' });
  await bench.round();
  const ends = () => bench.grants().map(({ window }) => window.end);
  assert.deepEqual(ends(), [Date.parse('2026-03-02T12:00:00Z')]);
  await bench.round();
  assert.deepEqual(ends(), [Date.parse('2026-03-02T12:00:00Z')]);
});

test('events go on being read after one that says it is of another year', async () => {
  await using bench = await seamBench({ seed: 77, at: AT });
  const { cloud, site } = bench;
  for (const created_at of ['+275760-09-13T00:00:00Z', '-271821-04-20T00:00:00Z']) {
    cloud.events.push({ event_id: created_at, event_type: 'lock.locked', created_at });
  }
  await bench.round();
  await bench.round();
  assert.equal(bench.part.status.online, true, bench.part.status.detail);
  const cursor = site.daemon.desk.grants.cursor('seam', 'events');
  assert.ok(Date.parse(Object(cursor).since) <= site.clock.now());
});
