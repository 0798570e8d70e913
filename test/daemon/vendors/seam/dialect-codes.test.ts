import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FLAT_KEY, STORE_KEY } from '../../../site.ts';
import { call, type DialectBench, dialectBench, settled } from './bench.ts';

const STAY = { starts_at: '2026-03-02T08:00:00Z', ends_at: '2026-03-05T10:00:00Z' } as const;

async function devicesOf(bench: DialectBench): Promise<readonly [string, string]> {
  const devices = await settled(bench, bench.second.devices.list());
  const idOf = (name: string) =>
    devices.find(({ display_name }) => display_name === name)?.device_id ?? '';
  return [idOf('Flat 3'), idOf('Store room')];
}

test('one code for several devices: shared, or another where it cannot be, and changed and ended together', async () => {
  await using bench = await dialectBench();
  const { site, first, second } = bench;
  const [flat, store] = await devicesOf(bench);
  const device_ids = [flat, store];
  const codes = await settled(
    bench,
    first.accessCodes.createMultiple({ device_ids, code: '471199', name: 'Cleaner', ...STAY }),
  );
  assert.deepEqual(
    codes.map(({ device_id, code }) => [device_id, code]),
    [
      [flat, '471199'],
      [store, '471199'],
    ],
  );
  const [one] = codes;
  assert.ok(one?.common_code_key);
  await assert.rejects(
    settled(bench, second.accessCodes.createMultiple({ device_ids, code: '471199' })),
    (error: unknown) => Object(error).code === 'duplicate_access_code',
  );
  const others = await settled(
    bench,
    second.accessCodes.createMultiple({
      device_ids,
      code: '471199',
      behavior_when_code_cannot_be_shared: 'create_random_code',
    }),
  );
  assert.ok(others.every(({ code }) => code !== '471199' && /^\d{6}$/.test(code ?? '')));
  const { common_code_key } = one;
  await settled(
    bench,
    second.accessCodes.updateMultiple({ common_code_key, name: 'Painter', ...STAY }),
  );
  const listed = await settled(
    bench,
    second.accessCodes.list({ device_id: store, search: 'paint' }),
  );
  assert.deepEqual(
    listed.map(({ name, code }) => [name, code]),
    [['Painter', '471199']],
  );
  await site.advance(1000);
  assert.equal(site.daemon.desk.grants.count('seam'), 4);
  for (const each of others.slice(0, 1)) {
    await site.type(`${each.code}#`);
    assert.deepEqual(site.openSlots(), [FLAT_KEY.slot]);
  }
  assert.notEqual(FLAT_KEY.slot, STORE_KEY.slot);
});

test('a spare code opens with the times of the one it stands in for, is given once, and ends with it', async () => {
  await using bench = await dialectBench();
  const { site, first, second } = bench;
  const [device_id] = await devicesOf(bench);
  const plain = await settled(bench, first.accessCodes.create({ device_id, code: '582200' }));
  assert.equal(plain.is_backup_access_code_available, false);
  await assert.rejects(
    settled(
      bench,
      first.accessCodes.pullBackupAccessCode({ access_code_id: plain.access_code_id }),
    ),
    (error: unknown) => Object(error).code === 'no_backup_access_code_available',
  );
  const code = await settled(
    bench,
    second.accessCodes.create({
      device_id,
      code: '471199',
      name: 'Stay',
      use_backup_access_code_pool: true,
      ...STAY,
    }),
  );
  assert.equal(code.is_backup_access_code_available, true);
  const { access_code_id } = code;
  const pull = () => call(bench, '/access_codes/pull_backup_access_code', { access_code_id });
  const { body } = await pull();
  const spare = body.backup_access_code;
  assert.deepEqual(
    [spare.is_backup, spare.ends_at, body.access_code.pulled_backup_access_code_id],
    [true, code.ends_at, spare.access_code_id],
  );
  assert.deepEqual((await pull()).body.backup_access_code, spare, 'asked again it is the same');
  await site.type(`${spare.code}#`);
  assert.deepEqual(site.openSlots(), [FLAT_KEY.slot]);
  await site.takeKey(FLAT_KEY.slot);
  await site.show(FLAT_KEY.fob);
  await site.putKey(FLAT_KEY.slot, FLAT_KEY.fob);
  await settled(bench, second.accessCodes.delete({ access_code_id }));
  const pulses = site.pulseCount;
  await site.type(`${spare.code}#`);
  await site.type('471199#');
  assert.equal(site.pulseCount, pulses);
});

test('codes of others are told to nobody, and lengths that a device does not take are refused', async () => {
  await using bench = await dialectBench();
  const { first, second } = bench;
  const [device_id] = await devicesOf(bench);
  assert.deepEqual(await settled(bench, first.accessCodes.unmanaged.list({ device_id })), []);
  const access_code_id = '11111111-1111-4111-8111-111111111111';
  await assert.rejects(
    settled(bench, second.accessCodes.unmanaged.get({ access_code_id })),
    (error: unknown) => Object(error).code === 'access_code_not_found',
  );
  await settled(
    bench,
    second.accessCodes.reportDeviceConstraints({ device_id, supported_code_lengths: [5] }),
  );
  const device = await settled(bench, second.devices.get({ device_id }));
  assert.deepEqual(device.properties.supported_code_lengths, [5]);
  const refused = await call(bench, '/access_codes/create', { device_id, code: '4711' });
  assert.ok('code' in refused.body.error.validation_errors);
  const drawn = await settled(bench, second.accessCodes.create({ device_id }));
  assert.match(drawn.code ?? '', /^\d{5}$/);
});

test('one device knows a code once, also when it is asked for twice at one time, and only the device that has it is changed', async () => {
  await using bench = await dialectBench();
  const { first, second } = bench;
  const [flat, store] = await devicesOf(bench);
  const asked = [1, 2].map(() => second.accessCodes.create({ device_id: flat, code: '471199' }));
  const ends = await settled(bench, Promise.allSettled(asked.map((each) => Promise.resolve(each))));
  assert.deepEqual(ends.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
  assert.equal(bench.site.daemon.desk.grants.count('seam'), 1);
  const [{ access_code_id } = { access_code_id: '' }] = await settled(
    bench,
    second.accessCodes.list({ device_id: flat }),
  );
  await assert.rejects(
    settled(bench, first.accessCodes.update({ access_code_id, device_id: store, name: 'x' })),
    (error: unknown) => Object(error).code === 'access_code_not_found',
  );
  // Changed while it is taken back: it stays taken back.
  const both = [
    second.accessCodes.delete({ access_code_id }),
    second.accessCodes.update({ access_code_id, name: 'late' }),
  ];
  await settled(bench, Promise.allSettled(both.map((each) => Promise.resolve(each))));
  const states = [...bench.sync.records()].filter(([, { kind }]) => kind === 'access_code');
  assert.deepEqual(
    states.map(([, { state }]) => state),
    ['gone'],
  );
  assert.equal(bench.site.daemon.desk.grants.count('seam'), 0);
});

test('where a shared code is of a length that one device does not take, that one draws its own; one device named twice is one', async () => {
  await using bench = await dialectBench();
  const { second } = bench;
  const [flat, store] = await devicesOf(bench);
  const report = { device_id: store, supported_code_lengths: [5] };
  await settled(bench, second.accessCodes.reportDeviceConstraints(report));
  const codes = await settled(
    bench,
    second.accessCodes.createMultiple({
      device_ids: [flat, flat.toUpperCase(), store],
      code: '471199',
      behavior_when_code_cannot_be_shared: 'create_random_code',
    }),
  );
  assert.deepEqual(
    codes.map(({ device_id, code }) => [device_id, code?.length]),
    [
      [flat, 6],
      [store, 5],
    ],
  );
});

test('a list of devices by a date that is none, and a device by nothing, are refused by their field', async () => {
  await using bench = await dialectBench();
  for (const [path, body, field] of [
    ['/devices/list', { created_before: 'soon' }, 'created_before'],
    ['/devices/get', {}, 'device_id'],
  ] as const) {
    const { status, body: said } = await call(bench, path, body);
    assert.equal(status, 400, path);
    assert.ok(field in said.error.validation_errors, path);
  }
});
