import assert from 'node:assert/strict';
import { test } from 'node:test';
import { minutes } from '../../../site.ts';
import { API_KEY, call, type DialectBench, dialectBench, settled } from './bench.ts';

const AT = '2026-03-02T09:00:00Z';
const STAY = { starts_at: '2026-03-02T08:00:00Z', ends_at: '2026-03-02T18:00:00Z' } as const;

function lockBench(): Promise<DialectBench> {
  return dialectBench({
    withLock: true,
    at: AT,
    change: (config) => ({
      ...config,
      accessLevels: {
        residents: [
          { kind: 'lock', id: 'door' },
          { kind: 'key', id: 'flat-3' },
        ],
      },
    }),
  });
}

test('entrances, spaces, the system and the account are listed, found and told with what belongs to them', async () => {
  await using bench = await lockBench();
  const { first, second } = bench;
  const [entrance, ...more] = await settled(bench, second.acs.entrances.list());
  assert.ok(entrance);
  assert.deepEqual([entrance.display_name, more.length], ['entrance', 0]);
  const { acs_entrance_id, acs_system_id } = entrance;
  const same = await settled(bench, first.acs.entrances.get({ acs_entrance_id }));
  assert.deepEqual(same.acs_entrance_id, acs_entrance_id);
  assert.deepEqual(
    (await settled(bench, second.acs.systems.list())).map((each) => each.acs_system_id),
    [acs_system_id],
  );
  await settled(bench, second.acs.systems.get({ acs_system_id }));
  const [account] = await settled(bench, second.connectedAccounts.list());
  await settled(
    bench,
    first.connectedAccounts.get({ connected_account_id: account?.connected_account_id ?? '' }),
  );
  const [space] = await settled(bench, second.spaces.list());
  assert.deepEqual(
    [space?.name, space?.device_count, space?.acs_entrance_count],
    ['residents', 2, 1],
  );
  const { space_id = '' } = space ?? {};
  assert.equal((await settled(bench, first.spaces.get({ space_id }))).space_key, 'residents');
  const inSpace = await settled(bench, second.devices.list({ space_id }));
  assert.deepEqual(inSpace.map(({ display_name }) => display_name).sort(), ['Flat 3', 'door']);
  const batch = await settled(bench, second.spaces.getRelated({ space_ids: [space_id] }));
  assert.deepEqual(
    [batch.spaces?.length, batch.devices?.length, batch.acs_entrances?.length],
    [1, 2, 1],
  );
  await assert.rejects(
    settled(bench, second.spaces.create({ name: 'pool' })),
    (error: unknown) => Object(error).code === 'space_is_fixed',
  );

  const grant = await settled(
    bench,
    second.accessGrants.create({
      user_identity: { full_name: 'Ada' },
      space_ids: [space_id],
      acs_entrance_ids: [acs_entrance_id],
      requested_access_methods: [{ mode: 'code' }, { mode: 'cloud_key' }],
      ...STAY,
    }),
  );
  const { access_grant_id, user_identity_id } = grant;
  const around = await settled(
    bench,
    second.accessGrants.getRelated({ access_grant_ids: [access_grant_id] }),
  );
  assert.deepEqual(
    [around.access_methods?.length, around.spaces?.length, around.user_identities?.length],
    [2, 1, 1],
  );
  const [access_method_id = ''] = grant.access_method_ids;
  const ofMethod = await settled(
    bench,
    second.accessMethods.getRelated({
      access_method_ids: [access_method_id],
      include: ['access_grants'],
    }),
  );
  assert.deepEqual(Object.keys(ofMethod), ['access_grants']);
  const entrances = await settled(
    bench,
    second.userIdentities.listAccessibleEntrances({ user_identity_id }),
  );
  assert.deepEqual(
    entrances.map((each) => each.acs_entrance_id),
    [acs_entrance_id],
  );
});

test('a cloud key opens its own door from afar while its grant holds, and no longer', async () => {
  await using bench = await lockBench();
  const { site, second } = bench;
  const [entrance] = await settled(bench, second.acs.entrances.list());
  const { acs_entrance_id = '' } = entrance ?? {};
  const grant = await settled(
    bench,
    second.accessGrants.create({
      user_identity: { full_name: 'Ada' },
      acs_entrance_ids: [acs_entrance_id],
      requested_access_methods: [{ mode: 'cloud_key' }, { mode: 'code' }],
      starts_at: STAY.starts_at,
      ends_at: '2026-03-02T09:05:00Z',
    }),
  );
  const [access_method_id = '', other = ''] = grant.access_method_ids;
  const isUnlocked = () => site.daemon.desk.ports().ledger.get('slot', 'door:door')?.unlocked;
  await site.advance(5000);
  for (let time = 0; time < 2; time += 1) {
    const attempt = await settled(
      bench,
      second.accessMethods.unlockDoor(
        { access_method_id, acs_entrance_id },
        { waitForActionAttempt: { timeout: 20_000, pollingInterval: 20 } },
      ),
    );
    assert.equal(attempt.status, 'success');
    await site.advance(10_000);
  }
  assert.notEqual(isUnlocked(), undefined);
  const opened = site.journal.filter(({ type }) => type === 'access.commanded');
  assert.equal(opened.length, 2);
  assert.ok(opened.every((entry) => entry.body['why'] === `access_method ${access_method_id}`));
  const ask = async (method: string) => {
    const path = '/access_methods/unlock_door';
    const { body } = await call(bench, path, { access_method_id: method, acs_entrance_id });
    return body;
  };
  const wrong = await ask(other);
  assert.ok('access_method_id' in wrong.error.validation_errors, 'a code is no cloud key');
  const { body: locked } = await call(bench, '/access_methods/unlock_door', {
    access_method_id,
    acs_entrance_id: access_method_id,
  });
  assert.equal(locked.error.type, 'acs_entrance_not_found');
  await site.command({
    kind: 'lockdown',
    lockdown: 'l-1',
    scope: 'site',
    allowStaff: true,
    by: 'anna',
  });
  assert.equal((await ask(access_method_id)).action_attempt.error.type, 'lockdown');
  await site.command({ kind: 'release', lockdown: 'l-1', by: 'anna' });
  await site.advance(minutes(5));
  assert.equal((await ask(access_method_id)).action_attempt.error.type, 'expired');
  assert.equal(site.journal.filter(({ type }) => type === 'access.commanded').length, 2);
});

test('a device keeps the name and the metadata that a client gives it; what a site has not is told as none', async () => {
  await using bench = await lockBench();
  const { first, second } = bench;
  const devices = await settled(bench, second.devices.list());
  const flat = devices.find(({ display_name }) => display_name === 'Flat 3');
  assert.ok(flat);
  const { device_id } = flat;
  await settled(
    bench,
    second.devices.update({ device_id, name: 'Key 3', custom_metadata: { floor: '2', old: 'x' } }),
  );
  await settled(bench, first.devices.update({ device_id, custom_metadata: { old: null } }));
  const found = await settled(bench, second.devices.list({ custom_metadata_has: { floor: '2' } }));
  assert.deepEqual(
    found.map((each) => [each.display_name, each.custom_metadata]),
    [['Key 3', { floor: '2' }]],
  );
  assert.deepEqual(await settled(bench, first.devices.unmanaged.list()), []);
  assert.deepEqual(await settled(bench, second.instantKeys.list()), []);
  assert.deepEqual(await settled(bench, second.acs.users.list()), []);
  await assert.rejects(
    settled(bench, second.devices.simulate.disconnect({ device_id })),
    (error: unknown) => Object(error).code === 'not_a_sandbox',
  );
  await assert.rejects(
    settled(bench, second.workspaces.resetSandbox()),
    (error: unknown) => Object(error).code === 'not_a_sandbox',
  );
});

/** The table of Seam's paths that concern a site (vendor-apis.md 3.4). */
const TABLE: Readonly<Record<string, string>> = {
  access_grants: 'create get list update delete request_access_methods get_related',
  access_methods: 'list get get_related delete encode assign_card unlock_door',
  access_codes:
    'create create_multiple update update_multiple delete list get generate_code pull_backup_access_code report_device_constraints',
  'access_codes/unmanaged': 'list get update delete convert_to_managed',
  locks: 'list get lock_door unlock_door simulate/keypad_code_entry',
  devices: 'list get update simulate/connect simulate/disconnect simulate/remove',
  'devices/unmanaged': 'list get update',
  'acs/systems': 'list get',
  'acs/entrances': 'list get unlock grant_access list_credentials_with_access',
  'acs/users': 'list get create',
  'acs/credentials': 'list get create assign update delete',
  'acs/encoders': 'list get encode_credential scan_credential',
  'acs/access_groups': 'list get',
  events: 'list get',
  webhooks: 'create get list update delete',
  user_identities: 'create get list update delete list_accessible_devices generate_instant_key',
  spaces: 'create get list update delete get_related add_devices remove_devices',
  workspaces: 'get list reset_sandbox',
  action_attempts: 'get list',
  instant_keys: 'list get delete',
  client_sessions: 'create get list get_or_create delete',
  connected_accounts: 'list get',
};

test('every path of the table is answered with what it asks for, or with an error that says why not', async () => {
  await using bench = await lockBench();
  const device_id = '11111111-1111-4111-8111-111111111111';
  const paths = Object.entries(TABLE).flatMap(([noun, verbs]) =>
    verbs.split(' ').map((verb) => `/${noun}/${verb}`),
  );
  const asking = paths.map((path) =>
    bench.server.ask(`/seam${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${API_KEY}` },
      body: { device_id },
    }),
  );
  for (const [at, { status, body }] of (await bench.site.settling(Promise.all(asking))).entries()) {
    const path = paths[at] ?? '';
    if (status === 200) continue;
    assert.equal(body.ok, false, path);
    assert.notEqual(body.error.type, 'not_found', `${path} is not there`);
    assert.ok(body.error.message.length > 0, path);
    assert.ok(status >= 400 && status < 500, path);
  }
  assert.deepEqual(bench.server.failures, []);
});
