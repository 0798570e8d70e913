import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seamDialect } from '../../../../daemon/vendors/seam/dialect.ts';
import { VendorSync } from '../../../../daemon/vendors/vendor-sync.ts';
import { FLAT_KEY, type SimulatedSite, simulatedSite } from '../../../site.ts';
import { API_KEY, faultsOf } from './bench.ts';

/** The dialect as it is after a start, called without a server in between. */
function callerOf(site: SimulatedSite) {
  const sync = new VendorSync('seam', site.daemon.desk);
  const routes = seamDialect({ sync, apiKeys: () => [API_KEY] });
  return async (path: string, body: object, remote = '127.0.0.1') => {
    const route = routes.find((each) => each.method === 'POST' && each.path === `/seam${path}`);
    assert.ok(route);
    const answer = await site.settling(
      route.handle({
        method: 'POST',
        url: route.path,
        params: {},
        query: {},
        headers: { authorization: `Bearer ${API_KEY}` },
        body,
        raw: new Uint8Array(),
        remote,
        isEncrypted: false,
        signal: new AbortController().signal,
      }),
    );
    const told = JSON.parse(JSON.stringify(answer.body));
    if (answer.status === 200) assert.equal(faultsOf(path, told), '');
    return told;
  };
}

test('grants, people, codes and attempts are as they were after a restart', async () => {
  await using site = await simulatedSite({ seed: 12, onDisk: true });
  const before = callerOf(site);
  const { devices } = await before('/devices/list', {});
  const flat = devices.find((each: { display_name: string }) => each.display_name === 'Flat 3');
  const { device_id } = flat;
  const asked = {
    user_identity: { full_name: 'Ada', email_address: 'ada@example.se' },
    device_ids: [device_id],
    requested_access_methods: [{ mode: 'code' }, { mode: 'card' }],
    access_grant_key: 'stay-1',
  };
  const { access_grant } = await before('/access_grants/create', asked);
  const { access_code } = await before('/access_codes/create', { device_id, code: '471199' });
  const { action_attempt } = await before('/locks/unlock_door', { device_id });
  await site.advance(3000);
  await site.stop();
  await site.start();
  const after = callerOf(site);
  assert.deepEqual((await after('/devices/list', {})).devices[0].device_id, devices[0].device_id);
  assert.deepEqual((await after('/access_grants/create', asked)).access_grant, access_grant);
  const { access_code_id } = access_code;
  assert.deepEqual((await after('/access_codes/get', { access_code_id })).access_code, access_code);
  const { action_attempt_id } = action_attempt;
  const told = await after('/action_attempts/get', { action_attempt_id });
  assert.equal(told.action_attempt.status, 'success');
  const { user_identity_id } = access_grant;
  const person = await after('/user_identities/get', { user_identity_id });
  assert.equal(person.user_identity.full_name, 'Ada');
  await site.type('471199#');
  assert.ok(site.openSlots().includes(FLAT_KEY.slot));
});

test('codes are told to nobody who asks over an open wire', async () => {
  await using site = await simulatedSite({ seed: 13 });
  const call = callerOf(site);
  const { devices } = await call('/devices/list', {});
  const flat = devices.find((each: { display_name: string }) => each.display_name === 'Flat 3');
  const { device_id } = flat;
  const { access_grant } = await call('/access_grants/create', {
    user_identity: { full_name: 'Ada' },
    device_ids: [device_id],
    requested_access_methods: [{ mode: 'code', code: '471199' }],
  });
  const { access_grant_id } = access_grant;
  await call('/access_codes/create', { device_id, code: '582200' });
  for (const [path, body] of [
    ['/access_grants/get_related', { access_grant_ids: [access_grant_id] }],
    ['/access_grants/get', { access_grant_id }],
    ['/access_methods/list', { access_grant_id }],
    ['/access_codes/list', { device_id }],
    ['/events/list', { since: '2020-01-01T00:00:00Z' }],
  ] as const) {
    assert.doesNotMatch(JSON.stringify(await call(path, body, '192.0.2.7')), /471199|582200/, path);
  }
  const told = await call('/access_methods/list', { access_grant_id });
  assert.equal(told.access_methods[0].code, '471199');
});

test('a card is asked for, given its number, and then known at the reader', async () => {
  await using site = await simulatedSite({ seed: 14 });
  const call = callerOf(site);
  const { devices } = await call('/devices/list', {});
  const flat = devices.find((each: { display_name: string }) => each.display_name === 'Flat 3');
  const { access_grant } = await call('/access_grants/create', {
    user_identity: { full_name: 'Ada' },
    device_ids: [flat.device_id],
    requested_access_methods: [{ mode: 'card' }],
  });
  const { access_grant_id } = access_grant;
  const [access_method_id] = access_grant.access_method_ids;
  const [waiting] = (await call('/access_methods/list', { access_grant_id })).access_methods;
  assert.deepEqual([waiting.is_issued, waiting.is_assignment_required], [false, true]);
  const wrong = await call('/access_methods/assign_card', { access_method_id, card_number: 'x' });
  assert.equal(wrong.error.type, 'invalid_input');
  await call('/access_methods/assign_card', { access_method_id, card_number: '0F00017777' });
  await site.show('0F00017777');
  assert.deepEqual(site.openSlots(), [FLAT_KEY.slot]);
});
