import assert from 'node:assert/strict';
import { test } from 'node:test';
import { instant } from '../../drivers/contract/time.ts';
import { FLAT_KEY, minutes, STORE_KEY, simulatedSite } from '../site.ts';

const at = (text: string) => instant(Date.parse(text));

test('a guest is refused before the stay begins, and let in once it has', async () => {
  await using site = await simulatedSite({ seed: 1, at: '2026-03-02T09:00:00Z' });
  const window = {
    kind: 'instants',
    start: at('2026-03-02T09:02:00Z'),
    end: at('2026-03-02T12:00:00Z'),
  } as const;
  await site.put({ id: 'stay', pin: '482913', window });

  await site.type('482913#');
  assert.equal(site.last('access.denied').body['reason'], 'not-yet-valid');
  assert.equal(site.pulseCount, 0);

  await site.advance(minutes(2));
  await site.type('482913#');
  assert.equal(site.last('access.granted').body['slot'], FLAT_KEY.slot);
  assert.deepEqual(site.openSlots(), [FLAT_KEY.slot]);
  await site.takeKey(FLAT_KEY.slot);
  assert.equal(site.last('access.taken').body['key'], FLAT_KEY.key);
  assert.equal(site.pulseCount, 1);
});

test('a key comes back late, into whatever slot is free', async () => {
  await using site = await simulatedSite({ seed: 2, at: '2026-03-02T09:00:00Z' });
  const window = {
    kind: 'instants',
    start: at('2026-03-02T09:00:00Z'),
    end: at('2026-03-02T09:02:00Z'),
  } as const;
  await site.put({ id: 'stay', pin: '482913', window });
  await site.type('482913#');
  await site.takeKey(FLAT_KEY.slot);

  await site.advance(minutes(3));
  assert.deepEqual(
    site.types('access').filter((type) => type === 'access.overdue'),
    ['access.overdue'],
  );
  await site.show(FLAT_KEY.fob);
  const [slot] = site.openSlots();
  assert.ok(slot !== undefined, 'a slot opened');
  await site.putKey(slot, FLAT_KEY.fob);
  assert.equal(site.last('access.late_return').body['key'], FLAT_KEY.key);
  assert.deepEqual(site.daemon.desk.journal.ledger.get('key', FLAT_KEY.key)?.place, {
    kind: 'slot',
    box: 'box',
    slot,
  });
});

test('P6: a grant that is revoked opens nothing, also offline', async () => {
  await using site = await simulatedSite({ seed: 3 });
  await site.put({ id: 'staff', fob: '1F00644BB6', key: STORE_KEY.key });
  const { desk } = site.daemon;
  const stored = desk.grants.list({ limit: 1 })[0];
  assert.ok(stored);
  const revoked = { kind: 'revoke', grant: stored.grant.id, rev: 2, at: site.clock.now() } as const;
  await site.settling(desk.grants.write({ source: 'cloud', changes: [revoked] }));
  await site.show('1F00644BB6');
  assert.equal(site.pulseCount, 0);
  assert.match(String(site.last('access.denied').body['reason']), /revoked|unknown-credential/);
});

test('an operator opens a slot once, and the journal says who asked', async () => {
  await using site = await simulatedSite({ seed: 4 });
  const { deviceId, slotNumber } = await import('../../drivers/contract/device.ts');
  const outcome = await site.command({
    kind: 'slot.open',
    by: 'anna',
    device: deviceId('box'),
    slot: slotNumber(12),
  });
  assert.equal(outcome.result, 'done');
  assert.equal(site.pulses(12), 1);
  assert.equal(site.last('access.commanded').body['by'], 'anna');
});
