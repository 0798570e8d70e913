/** A vendor's cloud is away, or says something else than yesterday. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keycafeBench } from '../daemon/vendors/keycafe/bench.ts';
import { FLAT_KEY, hours, minutes, STORE_KEY } from '../site.ts';

const LONG = process.env['LATCHKEY_LONG'] === '1';

const STAY = {
  accessStartDate: '2026-03-02',
  accessStartTime: '09:00',
  accessEndDate: '2026-03-04',
  accessEndTime: '11:00',
  user: { email: 'ada@example.se' },
};

test('vendor down for a day: its guests get in as before, nobody else notices, and what it did meanwhile is caught up with', async () => {
  await using bench = await keycafeBench({ seed: 61 });
  const { site, cloud, flat } = bench;
  const guest = cloud.addAccess(STAY, flat.id);
  const cancelled = cloud.addAccess(STAY, flat.id);
  await bench.poll();
  assert.equal(bench.part.status.online, true);

  cloud.server.isAway = true;
  await site.advance(minutes(5));
  assert.equal(bench.part.status.online, false, 'it is told that it is away');
  cloud.cancel(cancelled.id);
  const late = cloud.addAccess(STAY, flat.id);
  await site.advance(LONG ? hours(24) : minutes(4));

  await site.put({ id: 'store', pin: '771204', key: STORE_KEY.key });
  await site.type('771204#');
  assert.equal(site.pulses(STORE_KEY.slot), 1, 'grants of others go on');
  await site.takeKey(STORE_KEY.slot);
  await site.type(`${guest.bookingCode}#`);
  assert.equal(site.pulses(FLAT_KEY.slot), 1, 'what it gave before holds');
  await site.takeKey(FLAT_KEY.slot);
  await site.show(FLAT_KEY.fob);
  const [slot] = site.openSlots();
  assert.ok(slot !== undefined);
  await site.putKey(slot, FLAT_KEY.fob);
  await site.type(`${late.bookingCode}#`);
  assert.equal(site.last('access.denied').body['reason'], 'unknown-credential');

  cloud.server.isAway = false;
  // No longer than the longest wait between two tries.
  for (let minute = 0; minute < 20 && !bench.part.status.online; minute += 1)
    await site.advance(minutes(1));
  assert.equal(bench.part.status.online, true);
  await bench.poll();
  const before = site.pulseCount;
  await site.type(`${cancelled.bookingCode}#`);
  assert.equal(site.pulseCount, before, 'cancelled while it was away: refused from now on');
  await site.type(`${late.bookingCode}#`);
  assert.equal(site.pulseCount, before + 1);
});
