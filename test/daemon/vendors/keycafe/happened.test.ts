/** Events, exchanges and the inventory, field by field from Keycafe's pages (vendor-apis 2.2, 2.3). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FLAT_KEY } from '../../../site.ts';
import { basic } from '../vendor-site.ts';
import { type Bench, keycafeBench, SECRET } from './bench.ts';

const headers = basic(SECRET);

async function ask({ server, site }: Bench, method: string, path: string, body?: object) {
  const asking = server.ask(`/keycafe/v0${path}`, {
    method,
    headers,
    ...(body === undefined ? {} : { body }),
  });
  return site.settling(asking);
}

async function aVisit(seed: number) {
  const bench = await keycafeBench({ seed });
  const { site, flat } = bench;
  bench.cloud.server.isAway = true;
  const made = await ask(bench, 'POST', '/access', {
    key: { id: flat.id },
    user: { email: 'ada@example.se' },
    accessStartDate: '2026-03-02',
    accessStartTime: '09:00',
    accessEndDate: '2026-03-04',
    accessEndTime: '11:00',
    timeZone: 'Europe/Stockholm',
  });
  await site.type(`${made.body.bookingCode}#`);
  await site.takeKey(FLAT_KEY.slot);
  await site.show(FLAT_KEY.fob);
  const [slot = 0] = site.openSlots();
  await site.putKey(slot, FLAT_KEY.fob);
  return { bench, access: made.body, slot };
}

test('an event has id, time, type, location, user, key, access with the old bounds, bin, and whether it is anonymous', async () => {
  const { bench: opened, access, slot } = await aVisit(221);
  await using bench = opened;
  const { body: events } = await ask(bench, 'GET', `/event?key=${bench.flat.id}`);
  assert.deepEqual(
    events.map(({ type }: { type: string }) => type),
    ['DROPOFF', 'PICKUP', 'ACCESS_CREATED'],
  );
  const [dropOff, pickUp] = events;
  assert.equal(pickUp.location.name, 'lobby');
  assert.equal(pickUp.location.timezone, 'Europe/Stockholm');
  assert.equal(pickUp.user.email, 'ada@example.se');
  assert.deepEqual(pickUp.access, {
    id: access.id,
    startDate: '2026-03-02T08:00:00Z',
    endDate: '2026-03-04T10:00:00Z',
  });
  assert.equal(pickUp.bin, `B-${FLAT_KEY.slot}`);
  assert.equal(pickUp.anonymous, false);
  assert.equal(dropOff.bin, `B-${slot}`);
  assert.ok(Date.parse(pickUp.dateCreated) < Date.parse(dropOff.dateCreated));
  assert.deepEqual((await ask(bench, 'GET', `/event/${pickUp.id}`)).body, pickUp);
  assert.equal((await ask(bench, 'GET', '/event/999999')).body.error.errorId, 'event.notFound');
});

test('exchanges tell the same by type and time; none can be asked for from afar', async () => {
  const { bench: opened } = await aVisit(222);
  await using bench = opened;
  const { body: all } = await ask(bench, 'GET', `/exchange?key=${bench.flat.id}`);
  assert.deepEqual(
    all.map(({ type }: { type: string }) => type),
    ['DROPOFF', 'PICKUP'],
  );
  const [, pickUp] = all;
  assert.equal(pickUp.completed, true);
  assert.equal(pickUp.cancelled, false);
  assert.equal((await ask(bench, 'GET', '/exchange?type=PICKUP')).body.length, 1);
  const later = encodeURIComponent(pickUp.dateCreated);
  assert.equal((await ask(bench, 'GET', `/exchange?after=${later}`)).body.length, 1);
  assert.deepEqual((await ask(bench, 'GET', `/exchange/${pickUp.id}`)).body, pickUp);
  const pulses = bench.site.pulseCount;
  const refused = await ask(bench, 'POST', '/exchange', { type: 'PICKUP' });
  assert.equal(refused.body.error.errorId, 'key.exchange.error.disabled');
  assert.equal(bench.site.pulseCount, pulses);
});

test('what lies in a bin is corrected in the record, and nothing opens', async () => {
  await using bench = await keycafeBench({ seed: 223 });
  const { site, flat } = bench;
  const bins = (await ask(bench, 'GET', '/bin')).body;
  const fifth = bins.find(({ name }: { name: string }) => name === '5');
  const pulses = site.pulseCount;
  const put = await ask(bench, 'PUT', `/bin/${fifth.id}`, { key: { id: flat.id } });
  assert.equal(put.status, 200, JSON.stringify(put.body));
  assert.equal(put.body.key.id, flat.id);
  const place = () => site.daemon.desk.journal.ledger.get('key', FLAT_KEY.key)?.place;
  assert.deepEqual(place(), { kind: 'slot', box: 'box', slot: 5 });
  assert.equal((await ask(bench, 'PUT', `/bin/${fifth.id}`, { key: null })).body.key, null);
  assert.equal(place()?.kind, 'unknown');
  assert.equal(site.pulseCount, pulses);
  assert.equal((await ask(bench, 'PUT', '/bin/1', { key: null })).status, 404);
});

test('who uses a key’s own code is anonymous', async () => {
  await using bench = await keycafeBench({ seed: 224, places: { keyCodes: true } });
  const { site, cloud, flat } = bench;
  const key = cloud.keys.get(flat.id);
  assert.ok(key);
  key.code = '004217';
  await bench.poll();
  await site.type('004217#');
  await site.takeKey(FLAT_KEY.slot);
  const { body } = await ask(bench, 'GET', `/event?key=${flat.id}`);
  assert.equal(body[0].type, 'PICKUP');
  assert.equal(body[0].anonymous, true);
});
