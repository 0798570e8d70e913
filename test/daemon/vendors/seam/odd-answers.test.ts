/** Answers of another version or another hand: what cannot be held to exactly refuses alone, and says so (P5). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FLAT_KEY } from '../../../site.ts';
import { type SeamBench, seamBench } from './connector-bench.ts';

const AT = '2026-03-02T09:00:00Z';
const STAY = { starts_at: '2026-03-02T08:00:00Z', ends_at: '2026-03-02T18:00:00Z' } as const;

type Row = Readonly<Record<string, unknown>>;

/** The next lists of one path, with the rows that fit changed on their way. */
function altered(
  { cloud }: SeamBench,
  path: string,
  name: string,
  fits: (row: Row) => boolean,
  change: (row: Row) => Row,
): void {
  const by = (text: string) => {
    const body = JSON.parse(text);
    body[name] = body[name].map((row: Row) => (fits(row) ? change(row) : row));
    return JSON.stringify(body);
  };
  for (let at = 0; at < 100; at += 1) {
    cloud.server.fail(
      { kind: 'altered', by: (reply) => ({ ...reply, body: by(reply.body) }) },
      (request) => request.path.endsWith(path),
    );
  }
}

const without =
  (...names: readonly string[]) =>
  (row: Row): Row =>
    Object.fromEntries(Object.entries(row).filter(([name]) => !names.includes(name)));
const as =
  (change: Row) =>
  (row: Row): Row => ({ ...row, ...change });

const ODD_GRANTS: Readonly<Record<string, (row: Row) => Row>> = {
  'without an end': without('ends_at'),
  'without a start': without('starts_at'),
  'with a start of null': as({ starts_at: null }),
  'with an end of no zone': as({ ends_at: '2026-03-02T18:00:00' }),
  'with an end of a day alone': as({ ends_at: '2026-03-02' }),
  'with an end on a day that does not exist': as({ ends_at: '2026-02-30T18:00:00Z' }),
  'with an end as a number': as({ ends_at: 1_772_474_400 }),
  'with methods that are no list': as({ access_method_ids: null }),
};

for (const [at, [what, change]] of Object.entries(ODD_GRANTS).entries()) {
  test(`a grant ${what} refuses alone and is told, whether it was known before or not, and so do its codes`, async () => {
    await using bench = await seamBench({ seed: 400 + at, at: AT, isSwift: true });
    const { site, cloud, flat } = bench;
    const stays = ['471199', '582200'].map((code) =>
      cloud.addGrant({
        user_identity: { full_name: code },
        device_ids: [flat],
        requested_access_methods: [{ mode: 'code', code }],
        ...STAY,
      }),
    );
    const odd = stays[0]?.access_grant_id;
    altered(
      bench,
      '/access_grants/list',
      'access_grants',
      (row) => row['access_grant_id'] === odd,
      change,
    );
    await bench.round();
    assert.equal(bench.part.status.online, true, bench.part.status.detail);
    assert.equal(bench.part.status.drift, 1);
    await site.type('471199#');
    assert.deepEqual(site.openSlots(), []);
    await site.type('582200#');
    assert.deepEqual(site.openSlots(), [FLAT_KEY.slot]);
    await site.takeKey(FLAT_KEY.slot);
    await site.show(FLAT_KEY.fob);
    const [slot = 0] = site.openSlots();
    await site.putKey(slot, FLAT_KEY.fob);
    // Understood again it opens, and not understood once more it does not.
    cloud.server.mend();
    await bench.round();
    const live = () => bench.grants().filter(({ revoked }) => revoked === undefined).length;
    assert.equal(live(), 2);
    altered(
      bench,
      '/access_grants/list',
      'access_grants',
      (row) => row['access_grant_id'] === odd,
      change,
    );
    await bench.round();
    assert.equal(live(), 1);
  });
}

const ODD_CODES: Readonly<Record<string, (row: Row) => Row>> = {
  'bound to times of which it tells none': without('starts_at', 'ends_at'),
  'bound to times of which it tells one': as({ ends_at: null }),
  'of another kind': as({ type: 'recurring' }),
  'with a status of another version': as({ status: 'suspended' }),
  'as a number': as({ code: 471199 }),
  'in digits of another script': as({ code: '４７１１９９' }),
  'used once, as text': as({ is_one_time_use: 'true' }),
  'with an end of no zone': as({ ends_at: '2026-03-02T18:00:00' }),
};

for (const [at, [what, change]] of Object.entries(ODD_CODES).entries()) {
  test(`a code at a device ${what} refuses alone and is told`, async () => {
    await using bench = await seamBench({ seed: 420 + at, at: AT, isSwift: true });
    const { site, cloud, flat } = bench;
    const [odd] = ['471199', '582200'].map((code) =>
      cloud.addCode({ device_id: flat, code, ...STAY }),
    );
    const isOdd = (row: Row) => row['access_code_id'] === odd?.access_code_id;
    altered(bench, '/access_codes/list', 'access_codes', isOdd, change);
    await bench.round();
    assert.equal(bench.part.status.online, true, bench.part.status.detail);
    assert.equal(bench.part.status.drift, 1);
    await site.type('471199#');
    assert.deepEqual(site.openSlots(), []);
    await site.type('582200#');
    assert.deepEqual(site.openSlots(), [FLAT_KEY.slot]);
  });
}

test('a stay told with an offset, in the hour that comes twice, opens for exactly as long as it says', async () => {
  await using bench = await seamBench({ seed: 440, at: '2026-10-25T00:25:00Z', isSwift: true });
  const { site, cloud, flat } = bench;
  cloud.addGrant({
    user_identity: { full_name: 'Ada' },
    device_ids: [flat],
    requested_access_methods: [{ mode: 'code', code: '471199' }],
    starts_at: '2026-10-25T02:30:00.000001+02:00',
    ends_at: '2026-10-25T02:30:00+01:00',
  });
  await bench.round();
  const [stored] = bench.grants();
  assert.deepEqual(
    [stored?.window.start, stored?.window.end],
    [Date.parse('2026-10-25T00:30:00.001Z'), Date.parse('2026-10-25T01:30:00Z')],
  );
  await site.type('471199#');
  assert.equal(site.last('access.denied').body['reason'], 'not-yet-valid');
  await site.advance(50 * 60_000);
  await site.type('471199#');
  assert.deepEqual(site.openSlots(), [FLAT_KEY.slot]);
  await site.advance(20 * 60_000);
  await site.type('471199#');
  assert.equal(site.last('access.denied').body['reason'], 'expired');
});

test('a fault of ours over one grant or one code refuses that one, is told once, and keeps back no other', async () => {
  await using bench = await seamBench({ seed: 441, at: AT, isSwift: true });
  const { site, cloud, flat } = bench;
  // A keyed hash over an address takes only so much.
  const odd = { full_name: 'Eve', email_address: `${'e'.repeat(2000)}@example.se` };
  for (const [code, user_identity] of [
    ['471199', odd],
    ['582200', { full_name: 'Ada' }],
  ] as const) {
    cloud.addGrant({
      user_identity,
      device_ids: [flat],
      requested_access_methods: [{ mode: 'code', code }],
      ...STAY,
    });
  }
  await bench.round();
  await bench.round();
  assert.equal(bench.part.status.online, true, bench.part.status.detail);
  await site.type('471199#');
  assert.deepEqual(site.openSlots(), []);
  await site.type('582200#');
  assert.deepEqual(site.openSlots(), [FLAT_KEY.slot]);
  const told = site.daemon.desk.journal.read({ types: ['system.vendor_offline'], limit: 50 });
  assert.equal(told.filter(({ body }) => body['alarm'] === true).length, 1);
});
