/** What people do at the box that nobody planned. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keyId } from '../../daemon/access/model.ts';
import { deviceId, slotNumber } from '../../drivers/contract/device.ts';
import { instant } from '../../drivers/contract/time.ts';
import {
  FLAT_KEY,
  minutes,
  READ_KEY,
  type SimulatedSite,
  STORE_KEY,
  simulatedSite,
} from '../site.ts';

const at = (text: string) => instant(Date.parse(text));
const place = (site: SimulatedSite, key: string) =>
  site.daemon.desk.journal.ledger.get('key', key)?.place;

test('lost fob: once it is revoked it opens nothing, and everybody else goes on', async () => {
  await using site = await simulatedSite({ seed: 31 });
  await site.put({ id: 'lost', fob: '1F00644BB6', key: STORE_KEY.key });
  await site.put({ id: 'other', fob: '1F00644BB7', key: STORE_KEY.key });
  await site.show('1F00644BB6');
  assert.equal(site.pulses(STORE_KEY.slot), 1);
  site.hand('box', 'close-door', { slot: STORE_KEY.slot });
  await site.advance(5000);
  await site.command({
    kind: 'key.correct',
    by: 'anna',
    key: keyId(STORE_KEY.key),
    place: { kind: 'slot', box: deviceId('box'), slot: slotNumber(STORE_KEY.slot) },
  });
  await site.revoke('lost', 2);
  await site.show('1F00644BB6');
  assert.equal(site.pulses(STORE_KEY.slot), 1);
  await site.show('1F00644BB7');
  assert.equal(site.pulses(STORE_KEY.slot), 2);
});

test('lost fob of a key: who finds it can bring the key back and take nothing', async () => {
  await using site = await simulatedSite({ seed: 32 });
  await site.put({ id: 'guest', pin: '482913' });
  await site.type('482913#');
  await site.takeKey(FLAT_KEY.slot);
  const before = site.pulseCount;
  await site.show(FLAT_KEY.fob);
  const [slot] = site.openSlots();
  assert.ok(slot !== undefined);
  assert.equal(site.pulseCount, before + 1);
  assert.ok(slot !== READ_KEY.slot && slot !== STORE_KEY.slot, 'an empty one');
  await site.putKey(slot, FLAT_KEY.fob);
  assert.deepEqual(place(site, FLAT_KEY.key), { kind: 'slot', box: 'box', slot });
});

test('wrong key returned: the slot that reads fobs sees whose it is, and the ledger follows the fob', async () => {
  await using site = await simulatedSite({ seed: 33 });
  await site.put({ id: 'one', pin: '482913', key: READ_KEY.key });
  await site.put({ id: 'two', pin: '771204', key: STORE_KEY.key });
  for (const [pin, slot] of [
    ['482913', READ_KEY.slot],
    ['771204', STORE_KEY.slot],
  ] as const) {
    await site.type(`${pin}#`);
    await site.takeKey(slot);
  }
  await site.show(READ_KEY.fob);
  const [slot] = site.openSlots();
  assert.equal(slot, READ_KEY.slot, 'its own slot is free');
  await site.putKey(READ_KEY.slot, STORE_KEY.fob);
  await site.advance(minutes(1));
  assert.ok(site.types('access').includes('access.misplaced'));
  assert.deepEqual(place(site, STORE_KEY.key), { kind: 'slot', box: 'box', slot: READ_KEY.slot });
  assert.notEqual(place(site, READ_KEY.key)?.kind, 'slot');
});

test('nothing taken: the fob is still read in the slot, so the key stays there and the use is given back', async () => {
  await using site = await simulatedSite({ seed: 34 });
  await site.put({ id: 'guest', pin: '482913', key: READ_KEY.key, more: { uses: { max: 1 } } });
  for (const round of [1, 2]) {
    await site.type('482913#');
    assert.equal(site.pulses(READ_KEY.slot), round);
    await site.advance(2000);
    site.hand('box', 'close-door', { slot: READ_KEY.slot });
    await site.advance(minutes(1));
    assert.equal(site.last('access.not_taken').body['key'], READ_KEY.key);
    assert.deepEqual(place(site, READ_KEY.key), { kind: 'slot', box: 'box', slot: READ_KEY.slot });
  }
});

test('quick hands: a key taken, or put back, and the door shut before the board is asked again', async () => {
  await using site = await simulatedSite({ seed: 36 });
  await site.put({ id: 'guest', pin: '482913' });
  await site.type('482913#');
  site.hand('box', 'take-key', { slot: FLAT_KEY.slot });
  site.hand('box', 'close-door', { slot: FLAT_KEY.slot });
  await site.advance(minutes(1));
  assert.equal(place(site, FLAT_KEY.key)?.kind, 'holder');
  await site.show(FLAT_KEY.fob);
  site.hand('box', 'put-key', { slot: FLAT_KEY.slot, fob: FLAT_KEY.fob });
  site.hand('box', 'close-door', { slot: FLAT_KEY.slot });
  await site.advance(minutes(1));
  assert.deepEqual(place(site, FLAT_KEY.key), { kind: 'slot', box: 'box', slot: FLAT_KEY.slot });
  assert.deepEqual(
    site.types('access').filter((type) => /unknown|not_returned|jammed/.test(type)),
    [],
  );
});

test('guest early: the code that will do at three does not at noon, and the box says so to nobody but its journal', async () => {
  await using site = await simulatedSite({ seed: 35, at: '2026-06-01T13:58:00+02:00' });
  const window = {
    kind: 'wall',
    start: '2026-06-01T14:00',
    end: '2026-06-03T11:00',
    zone: 'Europe/Stockholm',
  } as const;
  await site.put({ id: 'stay', pin: '482913', window });
  await site.type('482913#');
  assert.equal(site.last('access.denied').body['reason'], 'not-yet-valid');
  await site.type('482914#');
  assert.equal(site.last('access.denied').body['reason'], 'unknown-credential');
  assert.equal(site.pulseCount, 0);
  await site.advance(minutes(3));
  await site.type('482913#');
  assert.deepEqual(site.openSlots(), [FLAT_KEY.slot]);
});

test('box full on return: the holder keeps the key and gets a receipt, and once a slot is free it is taken', async () => {
  await using site = await simulatedSite({ seed: 36, at: '2026-03-02T09:00:00Z' });
  const window = {
    kind: 'instants',
    start: at('2026-03-02T08:00Z'),
    end: at('2026-03-02T12:00Z'),
  } as const;
  await site.put({ id: 'stay', pin: '482913', window });
  await site.type('482913#');
  await site.takeKey(FLAT_KEY.slot);
  for (let slot = 1; slot <= 16; slot += 1) {
    if (slot !== READ_KEY.slot && slot !== STORE_KEY.slot)
      site.hand('box', 'stock', {
        slot,
        fob: `AA000000${slot.toString(16).padStart(2, '0')}`.toUpperCase(),
      });
  }
  await site.advance(minutes(1));
  const before = site.pulseCount;
  await site.show(FLAT_KEY.fob);
  assert.equal(site.pulseCount, before);
  assert.equal(site.last('access.box_full').body['key'], FLAT_KEY.key);
  assert.equal(place(site, FLAT_KEY.key)?.kind, 'holder');

  await site.put({ id: 'store', pin: '771204', key: STORE_KEY.key });
  await site.type('771204#');
  await site.takeKey(STORE_KEY.slot);
  await site.show(FLAT_KEY.fob);
  assert.deepEqual(site.openSlots(), [STORE_KEY.slot]);
  await site.putKey(STORE_KEY.slot, FLAT_KEY.fob);
  assert.deepEqual(place(site, FLAT_KEY.key), { kind: 'slot', box: 'box', slot: STORE_KEY.slot });
});
