import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ClockInterval } from '../../../../daemon/access/model.ts';
import { signedHeaders } from '../../../../daemon/vendors/seam/svix.ts';
import { verify } from '../../../../daemon/vendors/seam/webhook.ts';
import { instant } from '../../../../drivers/contract/time.ts';
import { FLAT_KEY, minutes, STORE_KEY } from '../../../site.ts';
import { faultsOf } from './bench.ts';
import { SECRET, seamBench } from './connector-bench.ts';

const AT = '2026-03-02T09:00:00Z';
const STAY = { starts_at: '2026-03-02T08:00:00Z', ends_at: '2026-03-04T18:00:00Z' } as const;

test('a wish that a device at Seam did not grant: the code told here goes on opening, the other one opens too, and the client is told both', async () => {
  await using bench = await seamBench({ seed: 61, at: AT });
  const { site, cloud, flat, other } = bench;
  const { body } = await bench.ask('/access_grants/create', {
    user_identity: { full_name: 'Ada' },
    device_ids: [flat, other],
    requested_access_methods: [{ mode: 'code', code: '471199' }],
    ...STAY,
  });
  const { access_grant_id } = body.access_grant;
  await bench.round();
  const [theirs] = cloud.grants.values();
  assert.ok(theirs);
  cloud.otherCode(theirs, other, '888777');
  await bench.round();
  await site.type('888777#');
  assert.deepEqual(site.openSlots(), [STORE_KEY.slot]);
  await site.takeKey(STORE_KEY.slot);
  await site.show(STORE_KEY.fob);
  await site.putKey(STORE_KEY.slot, STORE_KEY.fob);
  await site.type('471199#');
  assert.equal(site.last('access.denied').body['reason'], 'choice-required', 'both doors, as told');
  const { body: listed } = await bench.ask('/access_codes/list', { access_grant_id });
  assert.deepEqual(
    listed.access_codes
      .map(({ device_id, code }: { device_id: string; code: string }) => [device_id, code])
      .sort(),
    [
      [flat, '471199'],
      [other, '888777'],
    ].sort(),
  );
  const { body: shown } = await bench.ask('/access_grants/get', { access_grant_id });
  assert.deepEqual(
    shown.access_grant.warnings.map((each: { warning_code: string }) => each.warning_code),
    ['requested_code_unavailable'],
  );
  assert.equal(faultsOf('/access_grants/get', shown), '');
  await bench.ask('/access_grants/delete', { access_grant_id });
  await bench.round();
  await bench.round();
  const pulses = site.pulseCount;
  await site.type('888777#');
  await site.type('471199#');
  assert.equal(site.pulseCount, pulses);
});

test('an event that comes late, behind newer ones that were read, is still heard; one that comes again is not', async () => {
  await using bench = await seamBench({ seed: 62, at: AT });
  const { cloud, site } = bench;
  const stay = (code: string) => ({
    user_identity: { full_name: code },
    device_ids: [bench.flat],
    requested_access_methods: [{ mode: 'code', code }],
    ...STAY,
  });
  const grant = cloud.addGrant(stay('471199'));
  await bench.round();
  await bench.round();
  cloud.otherCode(grant, bench.flat, '888777');
  const late = cloud.events.pop();
  assert.ok(late);
  await site.advance(5000);
  cloud.addGrant(stay('693311'));
  await bench.round();
  await site.type('888777#');
  assert.equal(
    site.last('access.denied').body['reason'],
    'unknown-credential',
    'no word of it yet',
  );
  cloud.events.push(late);
  await bench.round();
  await site.type('888777#');
  assert.deepEqual(site.openSlots(), [FLAT_KEY.slot]);
  const asked = () =>
    cloud.server.requests.filter(({ path }) => path === '/access_methods/list').length;
  await bench.round();
  const before = asked();
  await bench.round();
  await bench.round();
  assert.equal(asked(), before, 'read with overlap, and acted on once');
});

test('a message is judged by its age only where the clock can be: before that by its signature alone', () => {
  const at = Date.parse(AT);
  const body = '{"event_id":"e"}';
  const raw = Buffer.from(body);
  const clockOf = (state: ClockInterval['state']): ClockInterval => ({
    lo: instant(at - minutes(60 * 24 * 365)),
    hi: instant(at - minutes(60 * 24 * 364)),
    state,
  });
  const headers = signedHeaders(SECRET, 'msg_1', at, body);
  assert.equal(verify({ headers, raw }, SECRET, clockOf('trusted')), 'out-of-time');
  // A year behind, and known to be: a genuine message is no reason to be deaf.
  assert.equal(verify({ headers, raw }, SECRET, clockOf('floor')), 'genuine');
  assert.equal(verify({ headers, raw }, SECRET, clockOf('broken')), 'genuine');
  const forged = { headers, raw: Buffer.from(`${body} `) };
  assert.equal(verify(forged, SECRET, clockOf('floor')), 'wrong-signature');
});

test('a mobile key that is asked for here is pending work: in the answer, in the events, and for the manager', async () => {
  await using bench = await seamBench({ seed: 63, at: AT, isAlone: true });
  const { site } = bench;
  const { body } = await bench.ask('/access_grants/create', {
    user_identity: { full_name: 'Ada', phone_number: '+46701234567' },
    device_ids: [await bench.deviceOf('Flat 3')],
    requested_access_methods: [{ mode: 'mobile_key' }, { mode: 'code' }],
    ...STAY,
  });
  const { access_grant_id } = body.access_grant;
  const { body: listed } = await bench.ask('/access_methods/list', { access_grant_id });
  const [mobile] = listed.access_methods;
  assert.deepEqual([mobile.mode, mobile.is_issued], ['mobile_key', false]);
  assert.equal(mobile.warnings[0].warning_code, 'delay_in_issuing');
  const since = '2026-03-01T00:00:00Z';
  const { body: told } = await bench.ask('/events/list', { since });
  const types = told.events.map((each: { event_type: string }) => each.event_type);
  assert.ok(types.includes('access_method.delay_in_issuing'));
  assert.deepEqual(
    bench.part.differences().map(({ kind, state }) => [kind, state]),
    [['message', 'to-send']],
  );
  assert.ok(site.journal.some(({ type }) => type === 'grant.vendor_pending'));
  await bench.ask('/access_grants/delete', { access_grant_id });
  assert.deepEqual(bench.part.differences(), []);
});
