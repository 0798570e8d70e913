/** The power goes, the disk fails: what was promised stands, and nobody has to do anything by hand. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { verifyJournalFile } from '../../daemon/store/journal-verify.ts';
import { deviceId, slotNumber } from '../../drivers/contract/device.ts';
import { FLAT_KEY, minutes, READ_KEY, STORE_KEY, simulatedSite } from '../site.ts';

test('power cut: an opening under way is told as unknown and never repeated, and the next one works', async () => {
  await using site = await simulatedSite({ seed: 11, onDisk: true });
  await site.put({ id: 'guest', pin: '482913', key: READ_KEY.key });
  await site.type('482913#');
  assert.deepEqual(site.openSlots(), [READ_KEY.slot]);
  const before = site.journal;

  site.cut();
  await site.restart(minutes(20));
  assert.deepEqual(
    site.journal.slice(0, before.length).map(({ hash }) => hash),
    before.map(({ hash }) => hash),
    'P8: what was committed is there',
  );
  assert.equal(site.last('access.unknown_outcome').body['slot'], READ_KEY.slot);
  assert.equal(site.pulseCount, 1, 'P2: no second pulse');

  site.hand('box', 'close-door', { slot: READ_KEY.slot });
  await site.advance(minutes(1));
  await site.put({ id: 'store', pin: '771204', key: STORE_KEY.key });
  await site.type('771204#');
  assert.equal(site.pulses(STORE_KEY.slot), 1);
  assert.equal((await site.daemon.desk.journal.verify()).ok, true);
});

test('power cut between the intent on the disk and the wire: nothing moves, also not afterwards', async () => {
  await using site = await simulatedSite({ seed: 12, onDisk: true });
  await site.put({ id: 'guest', pin: '482913' });
  site.daemon.desk.journal.follow((entries) => {
    if (entries.some(({ type }) => type === 'access.granted')) site.cut();
  });
  await site.type('482913#');
  await site.restart(minutes(1));
  await site.advance(minutes(1));
  assert.equal(site.last('access.granted').body['slot'], FLAT_KEY.slot);
  assert.equal(site.last('access.unknown_outcome').body['slot'], FLAT_KEY.slot);
  assert.equal(site.pulseCount, 0);
  await site.type('482913#');
  assert.equal(
    site.pulses(FLAT_KEY.slot),
    0,
    'without a slot reader nobody knows whether it is there',
  );
});

test('power cut: wrong codes are still counted, so that pulling the plug frees nobody from waiting (T10)', async () => {
  await using site = await simulatedSite({ seed: 13, onDisk: true });
  await site.put({ id: 'guest', pin: '482913' });
  for (let tries = 0; tries < 7; tries += 1) {
    await site.type(`11111${tries}#`);
    if (site.types('security').includes('security.locked_out')) break;
  }
  assert.ok(site.types('security').includes('security.locked_out'));
  site.cut();
  await site.restart();
  await site.type('482913#');
  assert.equal(site.last('access.denied').body['reason'], 'locked-out');
  await site.advance(minutes(5));
  await site.type('482913#');
  assert.equal(site.pulses(FLAT_KEY.slot), 1);
});

test('SD card failing: only staff are let in while nothing can be written, and it goes on by itself', async () => {
  await using site = await simulatedSite({ seed: 14, onDisk: true });
  await site.put({ id: 'guest', pin: '482913' });
  await site.put({
    id: 'manager',
    pin: '771204',
    key: STORE_KEY.key,
    more: { options: { staff: true } },
  });
  const { journal } = site.daemon.desk;
  journal.failWrites('broken', 1_000_000);
  await site.advance(minutes(1));
  assert.equal(journal.isSafe, false);

  await site.type('482913#');
  assert.equal(site.pulseCount, 0, 'a guest is refused: it could not be told afterwards');
  await site.type('771204#');
  assert.equal(site.pulses(STORE_KEY.slot), 1, 'policy allow_staff');
  const openedAt = site.clock.now();
  await site.takeKey(STORE_KEY.slot);
  const place = journal.ledger.get('key', STORE_KEY.key)?.place;
  assert.equal(place?.kind, 'holder', 'who has the key is known although it is on no disk');
  const outcome = await site.command({
    kind: 'slot.open',
    by: 'anna',
    device: deviceId('box'),
    slot: slotNumber(1),
  });
  assert.deepEqual([outcome.result, site.pulses(1)], ['done', 1], 'and it is told as it was');
  await site.advance(2000);
  site.hand('box', 'close-door', { slot: 1 });

  journal.failWrites('broken', 0);
  await site.advance(minutes(1));
  assert.equal(journal.isSafe, true);
  const opened = site.journal.find(({ type }) => type === 'access.granted');
  assert.ok((opened?.stamp.at ?? 0) <= openedAt, 'told late, with the time at which it happened');
  assert.deepEqual(site.types('access'), [
    'access.denied',
    'access.granted',
    'access.opened',
    'access.taken',
    'access.commanded',
    'access.opened',
  ]);
  assert.equal(site.types('system').includes('system.storage_gap'), false);
  await site.type('482913#');
  assert.equal(site.pulses(FLAT_KEY.slot), 1);
  await site.stop();
  const report = verifyJournalFile(`${site.storeDirectory}/journal.db`);
  assert.deepEqual([report.ok, report.faults], [true, []]);
});

test('SD card failing: wrong codes count while nothing can be stored, and what found no room is told as missing', async () => {
  await using site = await simulatedSite({ seed: 17, onDisk: true });
  await site.put({ id: 'manager', pin: '771204', more: { options: { staff: true } } });
  const { journal } = site.daemon.desk;
  journal.failWrites('broken', 1_000_000);
  await site.advance(minutes(1));
  for (let tries = 0; tries < 6; tries += 1) await site.type(`11111${tries}#`);
  await site.type('771204#');
  assert.equal(site.pulseCount, 0, 'locked out, also for the right code');
  assert.equal(site.daemon.desk.health().find(({ name }) => name === 'event-loop')?.ok, true);
  assert.ok(journal.unstored.kept >= 7);
  for (let n = 0; n < 1200; n += 1) {
    const entry = { type: 'device.log', device: deviceId('box'), body: { n } } as const;
    const { committed } = journal.append({
      stamp: site.daemon.desk.stamp(),
      entries: [entry],
      keep: true,
    });
    await assert.rejects(committed);
  }
  const { lost } = journal.unstored;
  assert.ok(lost > 0);
  journal.failWrites('broken', 0);
  await site.advance(minutes(1));
  const { body } = site.last('system.storage_gap');
  assert.ok(Number(body['count']) >= lost, 'and no fewer');
  assert.ok(site.types('security').includes('security.locked_out'));
  assert.equal((await journal.verify()).ok, true);
});

test('SD card failing under the very entry of a decision: nothing moves, and nothing is left of it', async () => {
  await using site = await simulatedSite({ seed: 16, onDisk: true });
  await site.put({ id: 'guest', pin: '482913' });
  const { journal } = site.daemon.desk;
  const before = journal.lastSeq;
  journal.failWrites('broken', 1);
  await site.type('482913#');
  assert.equal(site.pulseCount, 0);
  assert.equal(site.types('access').includes('access.granted'), false);
  assert.deepEqual([...journal.ledger.all('opening')], []);
  await site.advance(minutes(1));
  await site.type('482913#');
  assert.equal(site.pulses(FLAT_KEY.slot), 1, 'the next try is as good as the first');
  assert.ok(journal.lastSeq > before);
});

test('SD card full: the ballast makes room, the alarm is raised, nobody is refused', async () => {
  await using site = await simulatedSite({ seed: 15, onDisk: true });
  await site.put({ id: 'guest', pin: '482913' });
  await site.advance(minutes(1));
  while (!existsSync(`${site.storeDirectory}/ballast`)) await setImmediate(); // eight real megabytes
  site.daemon.desk.journal.failWrites('full', 1);
  await site.type('482913#');
  assert.equal(site.pulses(FLAT_KEY.slot), 1);
  assert.equal(site.daemon.desk.storage(), 'low');
  await site.advance(minutes(1));
  assert.equal(site.daemon.desk.storage(), 'ok', 'there is room again, and a new ballast');
});
