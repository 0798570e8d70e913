import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NearReply } from '../../../../simulator/clouds/common.ts';
import { keycafeBench } from './bench.ts';

const STAY = {
  accessStartDate: '2026-03-02',
  accessStartTime: '09:00',
  accessEndDate: '2026-03-04',
  accessEndTime: '11:00',
  user: { email: 'ada@example.se' },
};
const PAGE = '<!doctype html><title>502</title>';

/** What a proxy, a rotated key or a newer version makes of one answer in the middle of a run. */
const ODD: Readonly<Record<string, (reply: NearReply) => NearReply>> = {
  'a page of a proxy': () => ({
    status: 200,
    headers: { 'content-type': 'text/html' },
    body: PAGE,
  }),
  'a page that says it is JSON': (reply) => ({ ...reply, body: PAGE }),
  'an object': (reply) => ({ ...reply, body: '{"error":{"errorId":"error.unknown"}}' }),
  'a redirect': (reply) => ({ ...reply, status: 302, headers: { location: '/login' }, body: '' }),
  'a key that was changed': (reply) => ({ ...reply, status: 401, body: '{}' }),
  'a year of waiting': (reply) => ({
    ...reply,
    status: 429,
    headers: { 'retry-after': '31536000' },
    body: '',
  }),
  'a wait that is none': (reply) => ({
    ...reply,
    status: 429,
    headers: { 'retry-after': '-5; soon' },
    body: '',
  }),
  'a next page without end': (reply) => ({
    ...reply,
    headers: { ...reply.headers, link: '<https://example.com/access?page=2>; rel="next"' },
    body: '[{"id":"?"}]',
  }),
};

test('an odd answer in the middle of a run takes nothing back, and the next good one is believed', async () => {
  await using bench = await keycafeBench({ seed: 85, isSwift: true });
  const { site, cloud, flat } = bench;
  const stays = [1, 2].map(() => cloud.addAccess(STAY, flat.id));
  await bench.poll();
  const live = () => site.daemon.desk.grants.count('keycafe');
  for (const [name, by] of Object.entries(ODD)) {
    cloud.server.fail({ kind: 'altered', by }, ({ path }) => path.endsWith('/access'));
    await bench.poll();
    assert.equal(cloud.server.faults, 0, name);
    assert.equal(live(), 2, name);
    // A quarter of an hour is the longest wait that is believed.
    const { syncedAt } = bench.part.status;
    for (let wait = 0; wait < 17 && bench.part.status.syncedAt === syncedAt; wait += 1) {
      await bench.poll();
    }
    assert.notEqual(bench.part.status.syncedAt, syncedAt, name);
    assert.equal(bench.part.status.online, true, `${name}: ${bench.part.status.detail}`);
  }
  assert.equal(live(), 2);
  cloud.cancel(stays[0]?.id ?? 0);
  await bench.poll();
  assert.equal(live(), 1);
});

test('a list whose links a proxy took away is read to its end all the same', async () => {
  await using bench = await keycafeBench({ seed: 87, isSwift: true });
  const { site, cloud, flat } = bench;
  for (let at = 0; at < 60; at += 1) cloud.addAccess(STAY, flat.id);
  await bench.poll();
  // What is missing once is looked for a second time: the header is gone each time.
  for (let read = 0; read < 8; read += 1) {
    cloud.server.fail(
      {
        kind: 'altered',
        by: ({ headers: { link: _gone, ...headers }, ...reply }) => ({ ...reply, headers }),
      },
      ({ path }) => path.endsWith('/access'),
    );
  }
  await bench.poll();
  assert.equal(bench.part.status.online, true);
  assert.equal(site.daemon.desk.grants.count('keycafe'), 60);
  cloud.server.mend();
  await bench.poll();
  assert.equal(site.daemon.desk.grants.count('keycafe'), 60);
});

test('the same access on two pages, and twice on one, is one grant', async () => {
  await using bench = await keycafeBench({ seed: 86, isSwift: true });
  const { site, cloud, flat } = bench;
  for (let at = 0; at < 51; at += 1) cloud.addAccess(STAY, flat.id);
  for (const page of ['1', '2']) {
    cloud.server.fail(
      {
        kind: 'altered',
        by: (reply) => {
          const [first, ...rest] = JSON.parse(reply.body);
          return { ...reply, body: JSON.stringify([first, first, ...rest]) };
        },
      },
      ({ path, query }) => path.endsWith('/access') && query.get('page') === page,
    );
  }
  await bench.poll();
  assert.equal(site.daemon.desk.grants.count('keycafe'), 51);
});

/** Rows that refuse alone. */
const ODD_ROWS: Readonly<Record<string, object>> = {
  'some of its bounds': { accessEndTime: null },
  'bounds on a day that does not exist': { accessEndDate: '2026-02-30' },
  'an end at 24:00': { accessEndTime: '24:00' },
  'a zone that nobody knows': { timeZone: 'Europe/Nowhere' },
  'the older bounds without a zone': {
    accessStartDate: null,
    accessStartTime: null,
    accessEndDate: null,
    accessEndTime: null,
    startDate: '2026-03-02T08:00:00',
    endDate: '2026-03-04T10:00:00',
  },
  // A keyed hash over an address takes only so much: a fault of ours.
  'an address that is too long': { user: { email: `${'e'.repeat(2000)}@example.se` } },
};

for (const [at, [what, change]] of Object.entries(ODD_ROWS).entries()) {
  test(`an access with ${what} refuses alone and is told`, async () => {
    await using bench = await keycafeBench({ seed: 510 + at, isSwift: true });
    const { site, cloud, flat } = bench;
    const [odd, other] = [1, 2].map(() => cloud.addAccess(STAY, flat.id));
    for (let times = 0; times < 20; times += 1) {
      cloud.server.fail(
        {
          kind: 'altered',
          by: (reply) => {
            const rows = JSON.parse(reply.body).map((row: { id: number }) =>
              row.id === odd?.id ? { ...row, ...change } : row,
            );
            return { ...reply, body: JSON.stringify(rows) };
          },
        },
        ({ path }) => path.endsWith('/access'),
      );
    }
    await bench.poll(2);
    assert.equal(bench.part.status.online, true, bench.part.status.detail);
    assert.equal(bench.part.status.drift, 1);
    const pulses = site.pulseCount;
    await site.type(`${odd?.bookingCode}#`);
    assert.equal(site.pulseCount, pulses);
    await site.type(`${other?.bookingCode}#`);
    assert.equal(site.pulseCount, pulses + 1);
  });
}
