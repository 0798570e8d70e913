import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Bench, keycafeBench } from './bench.ts';

const STAY = {
  accessStartDate: '2026-03-02',
  accessStartTime: '09:00',
  accessEndDate: '2026-03-04',
  accessEndTime: '11:00',
  user: { email: 'ada@example.se' },
};

/** The next so many lists of accesses are empty. */
function emptied({ cloud }: Bench, times: number): void {
  for (let at = 0; at < times; at += 1) {
    cloud.server.fail(
      { kind: 'altered', by: (reply) => ({ ...reply, headers: {}, body: '[]' }) },
      ({ method, path }) => method === 'GET' && path.endsWith('/access'),
    );
  }
}

async function withStays(seed: number) {
  const bench = await keycafeBench({ seed, isSwift: true });
  const stays = [1, 2, 3, 4].map(() => bench.cloud.addAccess(STAY, bench.flat.id));
  await bench.poll();
  const { desk } = bench.site.daemon;
  const alarms = () =>
    desk.journal
      .read({ types: ['grant.vendor_drift'], limit: 50 })
      .map(({ body }) => `${body['what']} ${body['grants']} ${body['alarm']}`);
  return { bench, stays, alarms, live: () => desk.grants.count('keycafe') };
}

test('lists that are empty twice in a row, and then are not, take nothing back', async () => {
  const { bench, alarms, live } = await withStays(81);
  await using _ = bench;
  emptied(bench, 2);
  await bench.poll(2);
  assert.equal(bench.cloud.server.faults, 0);
  assert.equal(live(), 4);
  assert.deepEqual(alarms(), []);
  assert.equal(bench.part.status.online, true, bench.part.status.detail);
});

test('all cancelled at once is refused within a poll and half a minute, with an alarm', async () => {
  const { bench, stays, alarms, live } = await withStays(82);
  await using _ = bench;
  for (const { id } of stays) bench.cloud.cancel(id);
  await bench.poll();
  await bench.site.advance(31_000);
  assert.equal(live(), 0);
  assert.deepEqual(alarms(), ['mass-revoked 4 true']);
});

test('lists that go on denying what is there are doubted for a quarter of an hour and no longer; once they have it again it holds again', async () => {
  const { bench, stays, alarms, live } = await withStays(83);
  await using _ = bench;
  const { site } = bench;
  emptied(bench, 1000);
  await site.advance(10 * 60_000);
  assert.equal(live(), 4);
  assert.deepEqual(alarms(), ['mass-absence 4 true'], 'told once');
  assert.equal(bench.part.status.online, false);
  assert.match(bench.part.status.detail, /leave out 4 things/);
  const pulses = site.pulseCount;
  await site.type(`${stays[0]?.bookingCode}#`);
  assert.equal(site.pulseCount, pulses + 1);
  // A revocation wins.
  await site.advance(15 * 60_000);
  assert.equal(live(), 0);
  assert.deepEqual(alarms(), ['mass-absence 4 true', 'mass-revoked 4 true']);
  bench.cloud.server.mend();
  await bench.poll(2);
  assert.equal(live(), 4);
});

test('the quarter of an hour goes on over a start, and is told once', async () => {
  const { bench, alarms, live } = await withStays(87);
  await using _ = bench;
  emptied(bench, 1000);
  await bench.site.advance(8 * 60_000);
  await bench.restart();
  await bench.site.advance(60_000);
  assert.equal(live(), 4);
  await bench.site.advance(11 * 60_000);
  assert.equal(live(), 0);
  assert.deepEqual(alarms(), ['mass-absence 4 true', 'mass-revoked 4 true']);
});

test('a list of keys that is empty takes no key, and no access of one, while the keys are there', async () => {
  const { bench, live } = await withStays(84);
  await using _ = bench;
  const { cloud, site } = bench;
  for (const name of ['Cellar', 'Attic', 'Shed']) cloud.addKey({ name });
  await bench.poll();
  for (let at = 0; at < 6; at += 1) {
    cloud.server.fail(
      { kind: 'altered', by: (reply) => ({ ...reply, headers: {}, body: '[]' }) },
      ({ method, path }) => method === 'GET' && path.endsWith('/key'),
    );
  }
  await site.advance(8 * 60_000);
  assert.equal(cloud.server.faults, 0);
  assert.equal(live(), 4);
  assert.equal(bench.part.status.online, true, bench.part.status.detail);
});
