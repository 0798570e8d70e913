import assert from 'node:assert/strict';
import { test } from 'node:test';
import { accessPointId, holderId, keyId } from '../../../daemon/access/model.ts';
import { deviceId, slotNumber } from '../../../drivers/contract/device.ts';
import { instant } from '../../../drivers/contract/time.ts';
import {
  BOX,
  boxPoint,
  doorPoint,
  fobOf,
  grantOf,
  HOUR,
  LOBBY,
  MINUTE,
  pin,
  SLOT_READERS,
  typesOf,
  World,
} from './world.ts';

const FOB = '0f00012abc';
const OTHER = '0f00012abd';

function site(
  options: { readers?: boolean; door?: boolean; presence?: boolean; uses?: number } = {},
): World {
  const point = options.readers ? boxPoint({ slotReaders: SLOT_READERS }) : boxPoint();
  const world = new World({ points: [point, doorPoint()] });
  world.key('k1', { fob: fobOf(FOB) }, 1);
  world.key('k2', { fob: fobOf(OTHER) }, 2);
  world.put(grantOf({ ...(options.uses ? { uses: { max: options.uses } } : {}) }));
  world.pictures({ door: options.door ?? true, presence: options.presence ?? true });
  return world;
}

function uses(world: World): number | undefined {
  return [...world.ledger.all('use')][0]?.[1].count;
}

/** Code, slot open, key out, slot shut. */
function takeKey(world: World): void {
  world.code('123456');
  world.result('done');
  world.door(1, true);
  world.presence(1, false);
  world.door(1, false);
}

test('granted pick-up, slot opened, presence gone or door cycled: key with holder (taken)', () => {
  const world = site();
  assert.deepEqual(typesOf(world.code('123456')), ['access.granted']);
  assert.deepEqual(typesOf(world.result('done')), ['access.opened']);
  world.door(1, true);
  assert.deepEqual(typesOf(world.presence(1, false)), ['device.slot', 'access.taken']);
  assert.equal(world.placeOf('k1'), 'with anna');
  world.door(1, false);
  assert.equal([...world.ledger.all('opening')].length, 0);

  const blind = site({ presence: false });
  blind.code('123456');
  blind.result('done');
  blind.door(1, true);
  assert.deepEqual(typesOf(blind.door(1, false)), ['device.slot', 'access.taken']);
  assert.equal(blind.placeOf('k1'), 'with anna');
});

test('granted pick-up, door opened, the fob read in the slot after close: key still in slot (not-taken); the use is given back', () => {
  const world = site({ readers: true, presence: false, uses: 1 });
  world.code('123456');
  world.result('done');
  world.door(1, true);
  assert.deepEqual(typesOf(world.door(1, false)), ['device.slot']);
  assert.equal(uses(world), 1);
  assert.deepEqual(typesOf(world.card(FOB, deviceId('in-1'))), ['device.slot', 'access.not_taken']);
  assert.equal(world.placeOf('k1'), 'slot 1');
  assert.equal(uses(world), 0);
  assert.equal([...world.ledger.all('opening')].length, 0);
});

test('the same, presence only (no slot reader): content-unknown, the use is spent', () => {
  const world = site({ uses: 1 });
  world.code('123456');
  world.result('done');
  world.door(1, true);
  assert.deepEqual(typesOf(world.door(1, false)), ['device.slot', 'access.content_unknown']);
  assert.equal(uses(world), 1);
  assert.deepEqual(world.ledger.get('key', 'k1')?.flags, ['content-unknown']);
});

test('granted pick-up, slot did not open: jammed, key still in slot, alarm', () => {
  const told = site({ uses: 1 });
  told.code('123456');
  const [entry] = told.result('failed');
  assert.equal(entry?.type, 'access.jammed');
  assert.equal(entry?.body['alarm'], true);
  assert.equal(told.placeOf('k1'), 'slot 1');
  assert.equal(uses(told), 0);

  const seen = site();
  seen.code('123456');
  seen.result('done');
  assert.deepEqual(typesOf(seen.advance(34_999)), []);
  assert.deepEqual(typesOf(seen.advance(1)), ['access.jammed']);
  assert.equal(seen.placeOf('k1'), 'slot 1');
});

test('a key that left while the contact never saw the door open is taken, and its use is spent', () => {
  for (const ends of [
    (world: World) => world.result('failed'),
    (world: World) => [...world.result('done'), ...world.advance(35_000)],
  ]) {
    const world = site({ uses: 1 });
    world.code('123456');
    assert.deepEqual(typesOf(world.presence(1, false)), ['device.slot']);
    assert.deepEqual(typesOf(ends(world)), ['access.opened', 'access.taken']);
    assert.equal(world.placeOf('k1'), 'with anna');
    assert.equal(uses(world), 1);
    assert.equal([...world.ledger.all('opening')].length, 0);
  }
});

test('a key that came back while the contact never saw the door open is returned', () => {
  const world = site();
  takeKey(world);
  world.card(FOB);
  world.presence(1, true);
  assert.deepEqual(typesOf(world.result('failed')), ['access.opened', 'access.returned']);
  assert.equal(world.placeOf('k1'), 'slot 1');
  assert.equal([...world.ledger.all('opening')].length, 0);
});

test('a key that was put back before its door was said to have stayed shut was not taken', () => {
  const world = site({ uses: 1 });
  world.code('123456');
  world.presence(1, false);
  world.presence(1, true);
  assert.deepEqual(typesOf(world.result('failed')), ['access.jammed']);
  assert.equal(world.placeOf('k1'), 'slot 1');
});

test('a box that was away while its slot could be opened: nobody knows whether it was, and the use is spent', () => {
  const away = (world: World) => {
    world.event({ kind: 'offline', device: BOX, why: 'its adapter was reset' });
    world.online.delete(BOX);
    world.advance(10_000);
    world.online.add(BOX);
    world.event({ kind: 'online', device: BOX });
  };
  const bare = site({ uses: 3, presence: false });
  bare.code('123456');
  bare.result('unknown');
  away(bare);
  assert.deepEqual(bare.door(1, false, true), [], 'it was opened and shut meanwhile, or never');
  assert.deepEqual(typesOf(bare.advance(25_000)), ['access.unknown_outcome']);
  assert.deepEqual([bare.placeOf('k1'), uses(bare)], ['unknown', 1]);

  const filled = site({ uses: 3 });
  filled.code('123456');
  filled.result('unknown');
  away(filled);
  assert.deepEqual(typesOf(filled.advance(25_000)), ['access.content_unknown']);
  assert.deepEqual([filled.placeOf('k1'), uses(filled)], ['slot 1', 1]);

  const emptied = site({ uses: 3 });
  emptied.code('123456');
  emptied.result('unknown');
  away(emptied);
  emptied.presence(1, false, true);
  assert.deepEqual(typesOf(emptied.advance(25_000)), ['access.taken']);
  assert.deepEqual([emptied.placeOf('k1'), uses(emptied)], ['with anna', 1]);

  const back = site({ presence: false });
  back.code('123456');
  back.result('done');
  back.door(1, true);
  back.door(1, false);
  assert.equal(back.placeOf('k1'), 'with anna');
  back.card(FOB);
  back.result('unknown');
  away(back);
  assert.deepEqual(typesOf(back.advance(25_000)), ['access.unknown_outcome']);
  assert.equal(back.placeOf('k1'), 'unknown');
  assert.equal([...back.ledger.all('opening')].length, 0);
});

test('fob shown to return, free slot opened, presence back: key in that slot (returned)', () => {
  const world = site();
  takeKey(world);
  const [granted] = world.card(FOB);
  assert.equal(granted?.type, 'access.granted');
  assert.equal(granted?.body['slot'], 1);
  assert.equal(granted?.sub, 'anna');
  world.result('done');
  world.door(1, true);
  world.presence(1, true);
  const back = world.door(1, false);
  assert.deepEqual(typesOf(back), ['device.slot', 'access.returned']);
  assert.equal(back[1]?.sub, 'anna');
  assert.equal(world.placeOf('k1'), 'slot 1');
});

test('a return moves home to the slot it was put in, late or not', () => {
  const world = site();
  takeKey(world);
  world.key('k9', {}, 1);
  world.presence(1, true);
  const [granted] = world.card(FOB);
  assert.equal(granted?.body['slot'], 3);
  world.result('done');
  world.door(3, true);
  world.presence(3, true);
  world.door(3, false);
  assert.deepEqual(world.ledger.get('key', 'k1')?.lastSlot, { box: BOX, slot: 3 });
});

test('fob of a key whose grant ended or was revoked: return accepted, late-return', () => {
  for (const how of ['ended', 'revoked'] as const) {
    const world = new World();
    world.key('k1', { fob: fobOf(FOB) }, 1);
    const grant = world.put(
      grantOf({ window: { kind: 'instants', end: instant(world.now + HOUR) } }),
    );
    world.pictures();
    takeKey(world);
    if (how === 'revoked') world.revoke(grant.id);
    else world.advance(2 * HOUR);
    assert.equal(world.card(FOB)[0]?.type, 'access.granted', how);
    world.result('done');
    world.door(1, true);
    world.presence(1, true);
    assert.deepEqual(typesOf(world.door(1, false)), [
      'device.slot',
      'access.returned',
      'access.late_return',
    ]);
    assert.equal(world.placeOf('k1'), 'slot 1');
  }
});

test('key put into another slot than the one opened: misplaced, ledger follows', () => {
  const world = site();
  takeKey(world);
  world.card(FOB);
  world.result('done');
  world.door(1, true);
  const seen = world.presence(4, true);
  assert.deepEqual(typesOf(seen), ['device.slot', 'access.misplaced', 'access.content_unknown']);
  assert.equal(world.placeOf('k1'), 'slot 4');
});

test('fob read in a wrong slot: misplaced, ledger follows the fob', () => {
  const world = site({ readers: true });
  takeKey(world);
  assert.deepEqual(typesOf(world.card(FOB, deviceId('in-1'))), ['access.misplaced']);
  assert.equal(world.placeOf('k1'), 'slot 1');
});

test('fob shown to return, door closed empty or never opened: not-returned, the key stays where it was', () => {
  const empty = site();
  takeKey(empty);
  empty.card(FOB);
  empty.result('done');
  empty.door(1, true);
  assert.deepEqual(typesOf(empty.door(1, false)), ['device.slot', 'access.not_returned']);
  assert.equal(empty.placeOf('k1'), 'with anna');

  const never = site();
  takeKey(never);
  never.card(FOB);
  never.result('done');
  assert.deepEqual(typesOf(never.advance(35_000)), ['access.not_returned']);
  assert.equal(never.placeOf('k1'), 'with anna');
});

test('crash between intent and close: re-read; without a slot reader the key is unknown and the use spent', () => {
  const blind = site({ uses: 1 });
  blind.code('123456');
  const [unknown] = blind.restart();
  assert.equal(unknown?.type, 'access.unknown_outcome');
  assert.equal(blind.placeOf('k1'), 'unknown');
  assert.equal(uses(blind), 1);
  assert.ok(!blind.asked.slice(-2).some(({ kind }) => kind === 'open-slot'));

  const reading = site({ readers: true });
  reading.code('123456');
  reading.restart();
  assert.ok(reading.asked.some(({ kind, device }) => kind === 'read-state' && device === 'in-1'));
  assert.deepEqual(typesOf(reading.card(FOB, deviceId('in-1'))), ['access.found_moved']);
  assert.equal(reading.placeOf('k1'), 'slot 1');
});

test('unknown fob: foreign-fob, nothing opens', () => {
  const world = site();
  assert.deepEqual(typesOf(world.card('ffffffffff')), ['access.denied', 'access.foreign_fob']);
  assert.ok(!world.asked.some(({ kind }) => kind === 'open-slot'));
});

test('within 30 s after a granted attach-fob presentation an unknown fob is attached, once', () => {
  const world = new World();
  world.key('k1');
  world.put(grantOf({ options: { allowSetup: true } }));
  world.pictures();
  const [granted] = world.code('123456');
  assert.equal(granted?.body['operation'], 'attach-fob');
  world.result('done');
  const attached = world.card('ffffffffff');
  assert.deepEqual(typesOf(attached), ['access.granted', 'access.fob_attached']);
  assert.equal(world.ledger.get('key', 'k1')?.fob, fobOf('ffffffffff'));
  world.door(1, true);
  world.presence(1, true);
  assert.deepEqual(typesOf(world.door(1, false)).slice(0, 2), ['device.slot', 'access.returned']);
  assert.deepEqual(typesOf(world.card('eeeeeeeeee')), ['access.denied', 'access.foreign_fob']);
  assert.equal(world.placeOf('k1'), 'slot 1');

  const late = new World();
  late.key('k1');
  late.put(grantOf({ options: { allowSetup: true } }));
  late.pictures();
  late.code('123456');
  late.now += 30_000;
  late.up += 30_000;
  assert.deepEqual(typesOf(late.card('ffffffffff')), ['access.denied', 'access.foreign_fob']);
});

test('a key’s first drop-off may attach its fob; later ones may not, and undoing it is a manager’s command', () => {
  const world = new World();
  world.key('k1');
  world.put(grantOf());
  world.pictures();
  assert.equal(world.code('123456')[0]?.body['operation'], 'attach-fob');
  world.card('ffffffffff');
  world.command({ kind: 'fob.detach', key: keyId('k1'), by: 'anna' });
  assert.equal(world.ledger.get('key', 'k1')?.fob, null);
  assert.deepEqual(typesOf(world.card('ffffffffff')), ['access.denied', 'access.foreign_fob']);
});

test('second fob found in an occupied slot: both there, slot-shared, out of use for pick-up until corrected', () => {
  const world = site({ readers: true });
  takeKey(world);
  assert.deepEqual(typesOf(world.card(FOB, deviceId('in-2'))), ['access.slot_shared']);
  assert.equal(world.placeOf('k1'), 'slot 2');
  assert.equal(world.placeOf('k2'), 'slot 2');
  assert.equal(world.code('123456')[0]?.body['reason'], 'slot-disabled');
  world.command({
    kind: 'key.correct',
    key: keyId('k2'),
    place: { kind: 'slot', box: BOX, slot: slotNumber(3) },
    by: 'manager',
  });
  assert.equal(world.code('123456')[0]?.type, 'access.granted');
});

test('one of two fobs read in a slot that was forced settles the forcing, and leaves the slot shared', () => {
  const world = site({ readers: true });
  world.door(2, true);
  takeKey(world);
  world.card(FOB, deviceId('in-2'));
  world.card(OTHER, deviceId('in-2'));
  assert.deepEqual(world.ledger.get('slot', 'box:2')?.flags, ['forced', 'shared']);
  world.door(2, false);
  world.card(FOB, deviceId('in-2'));
  assert.deepEqual(world.ledger.get('slot', 'box:2')?.flags, ['shared']);
  world.command({ kind: 'slot.prove', device: BOX, slot: slotNumber(2), by: 'manager' });
  assert.deepEqual(world.ledger.get('slot', 'box:2')?.flags, []);
});

test('fob seen while the ledger has that key in another slot: fob-doubled, key unknown, return taken, alarm', () => {
  const world = site();
  const seen = world.card(FOB);
  assert.deepEqual(typesOf(seen), ['access.granted', 'access.fob_doubled']);
  assert.equal(seen[1]?.body['alarm'], true);
  assert.equal(world.placeOf('k1'), 'unknown');
  world.result('done');
  world.door(3, true);
  world.presence(3, true);
  world.door(3, false);
  assert.equal(world.placeOf('k1'), 'slot 3');
});

test('fob read in two slots: fob-doubled, key unknown, alarm', () => {
  const world = site({ readers: true });
  const [entry] = world.card(FOB, deviceId('in-2'));
  assert.equal(entry?.type, 'access.fob_doubled');
  assert.equal(entry?.body['alarm'], true);
  assert.equal(world.placeOf('k1'), 'unknown');
});

test('no fob read, presence only: content-unknown, key flagged', () => {
  const world = site();
  takeKey(world);
  assert.equal(world.code('123456')[0]?.body['operation'], 'dropoff');
  world.result('done');
  world.door(1, true);
  world.presence(1, true);
  assert.deepEqual(typesOf(world.door(1, false)), [
    'device.slot',
    'access.returned',
    'access.content_unknown',
  ]);
  assert.deepEqual(world.ledger.get('key', 'k1')?.flags, ['content-unknown']);
});

test('slot open, door held beyond its time: held-open; closing later is recorded', () => {
  const world = site();
  world.code('123456');
  world.result('done');
  world.door(1, true);
  assert.deepEqual(typesOf(world.advance(MINUTE - 1)), []);
  assert.deepEqual(typesOf(world.advance(1)), ['access.held_open']);
  assert.deepEqual(typesOf(world.advance(MINUTE)), []);
  world.presence(1, false);
  const closing = world.door(1, false);
  assert.ok(typesOf(closing).includes('access.closed_late'));
  assert.deepEqual(world.ledger.get('slot', 'box:1')?.flags, []);
});

test('door opens without a decision: forced-open, every key in it becomes unknown until re-read', () => {
  const world = site({ readers: true });
  const [entry] = world.door(1, true);
  assert.equal(entry?.type, 'access.forced_open');
  assert.equal(entry?.body['alarm'], true);
  assert.equal(world.placeOf('k1'), 'unknown');
  world.door(1, false);
  assert.deepEqual(typesOf(world.card(FOB, deviceId('in-1'))), ['access.found_moved']);
  assert.equal(world.placeOf('k1'), 'slot 1');
});

test('not back by the end of the window: overdue (once), reminder if the grant asked for it', () => {
  const world = new World();
  world.key('k1', { fob: fobOf(FOB) }, 1);
  world.put(
    grantOf({
      window: { kind: 'instants', end: instant(world.now + HOUR) },
      options: { remindMinutes: 10 },
    }),
  );
  world.pictures();
  takeKey(world);
  assert.deepEqual(typesOf(world.advance(49 * MINUTE)), []);
  assert.deepEqual(typesOf(world.advance(MINUTE)), ['access.reminder']);
  assert.deepEqual(typesOf(world.tick()), []);
  assert.deepEqual(typesOf(world.restart()), []);
  assert.deepEqual(typesOf(world.tick()), []);
  assert.deepEqual(typesOf(world.advance(10 * MINUTE)), ['access.overdue']);
  assert.deepEqual(typesOf(world.advance(HOUR)), []);
  assert.equal(world.placeOf('k1'), 'with anna');
});

test('return with no free slot: box-full, the holder keeps the key, receipt event', () => {
  const world = site();
  takeKey(world);
  for (const slot of [1, 3, 4]) world.presence(slot, true);
  const seen = world.card(FOB);
  assert.deepEqual(typesOf(seen), ['access.denied', 'access.box_full']);
  assert.equal(seen[0]?.body['reason'], 'box-full');
  assert.equal(seen[1]?.sub, 'anna');
  assert.equal(world.placeOf('k1'), 'with anna');
});

test('a full box: who missed the door of the slot that was opened for a return shows the fob again, and it opens again', () => {
  const world = site();
  takeKey(world);
  for (const slot of [3, 4]) world.presence(slot, true);
  const openedFor = () => world.card(FOB)[0]?.body['slot'];
  assert.equal(openedFor(), 1);
  world.result('done');
  assert.equal(openedFor(), 1, 'its door was not pulled in time');
  world.result('done');
  world.door(1, true);
  assert.equal(openedFor(), 1, 'its door stands open');
  world.result('done');
  assert.equal(world.card(OTHER)[0]?.body['reason'], 'box-full', 'for this key alone');
  world.presence(1, true);
  assert.deepEqual(typesOf(world.door(1, false)), ['device.slot', 'access.returned']);
  assert.equal(world.placeOf('k1'), 'slot 1');
  assert.equal([...world.ledger.all('opening')].length, 0);
});

test('roaming false and not the home location: refused; home is told to holder and manager, not at the box', () => {
  const other = boxPoint({ id: accessPointId('cellar'), readers: [deviceId('cellar-reader')] });
  const world = new World({
    points: [
      boxPoint(),
      { ...other, box: { device: deviceId('box-2'), slots: [slotNumber(1)], disabledSlots: [] } },
    ],
  });
  world.key('k1', { fob: fobOf(FOB) }, 1);
  world.put(grantOf());
  world.pictures();
  takeKey(world);
  const [entry] = world.card(FOB, deviceId('cellar-reader'));
  assert.equal(entry?.body['reason'], 'wrong-access-point');
  assert.equal(entry?.body['home'], LOBBY);
  assert.equal(entry?.sub, 'anna');
  const feedback = world.asked.at(-1);
  assert.ok(feedback?.kind === 'feedback' && feedback.text === undefined);
});

test('a manager states a key’s place, or lost, or a slot proven: corrected, and it leaves every flag', () => {
  const world = site({ readers: true });
  world.door(1, true);
  const by = 'manager';
  world.command({ kind: 'key.correct', key: keyId('k1'), place: { kind: 'lost' }, by });
  assert.deepEqual(world.ledger.get('key', 'k1')?.flags, ['lost']);
  world.command({
    kind: 'key.correct',
    key: keyId('k1'),
    place: { kind: 'holder', holder: holderId('bo') },
    by,
  });
  assert.equal(world.placeOf('k1'), 'with bo');
  assert.deepEqual(world.ledger.get('key', 'k1')?.flags, []);
  world.door(1, false);
  assert.deepEqual(world.ledger.get('slot', 'box:1')?.flags, ['forced']);
  world.command({ kind: 'slot.prove', device: BOX, slot: slotNumber(1), by });
  assert.deepEqual(world.ledger.get('slot', 'box:1')?.flags, []);
  assert.ok(
    world.journal
      .filter(({ type }) => type === 'access.corrected')
      .every(({ body }) => 'by' in body),
  );
});

test('daemon was off while doors moved: re-read at start; differences are found-moved, never guessed', () => {
  const world = site();
  world.restart(HOUR);
  assert.deepEqual(typesOf(world.presence(1, false, true)), ['access.found_moved']);
  assert.equal(world.placeOf('k1'), 'unknown');
  assert.deepEqual(typesOf(world.presence(3, true, true)), ['access.found_moved']);
  assert.deepEqual(typesOf(world.presence(2, true, true)), []);
  assert.equal(world.placeOf('k2'), 'slot 2');
});

test('a slot grant’s drop-off of no certain key ends when the slot is shut, and a fob read in it is returned', () => {
  const world = site({ readers: true });
  takeKey(world);
  world.put(
    grantOf({
      holder: holderId('bo'),
      credentials: [pin('777777')],
      targets: [{ kind: 'slot', id: 'box:1' }],
      operations: ['dropoff'],
    }),
  );
  assert.equal(world.code('777777')[0]?.body['operation'], 'dropoff');
  world.result('done');
  world.door(1, true);
  world.presence(1, true);
  const [returned] = world.card(FOB, deviceId('in-1'));
  assert.equal(returned?.type, 'access.returned');
  assert.equal(returned?.sub, 'anna');
  world.door(1, false);
  assert.equal([...world.ledger.all('opening')].length, 0);
  world.code('777777');
  assert.deepEqual(typesOf(world.advance(35_000)), []);
});

test('two keys may be brought to one slot: it opens without a choice, and neither is named', () => {
  const world = new World({ points: [boxPoint({ slotReaders: SLOT_READERS })] });
  world.key('k1', { fob: fobOf(FOB) });
  world.key('k2', { fob: fobOf(OTHER) });
  world.put(
    grantOf({
      targets: [
        { kind: 'key', id: 'k1' },
        { kind: 'key', id: 'k2' },
      ],
    }),
  );
  world.pictures();
  const [granted] = world.code('123456');
  assert.equal(granted?.type, 'access.granted');
  assert.equal(granted?.body['key'], undefined);
  assert.equal(granted?.body['slot'], 1);
  world.result('done');
  assert.deepEqual(typesOf(world.advance(35_000)), ['access.not_returned']);
});

test('a box without door contacts: settled by presence as it changes, or when the time is over', () => {
  const taken = site({ door: false });
  taken.code('123456');
  taken.result('done');
  assert.deepEqual(typesOf(taken.presence(1, false)), ['device.slot', 'access.taken']);
  assert.equal([...taken.ledger.all('opening')].length, 0);
  taken.card(FOB);
  taken.result('done');
  assert.deepEqual(typesOf(taken.presence(1, true)), ['device.slot', 'access.returned']);
  assert.equal([...taken.ledger.all('opening')].length, 0);

  const left = site({ door: false });
  left.code('123456');
  left.result('done');
  assert.deepEqual(typesOf(left.advance(34_999)), []);
  assert.deepEqual(typesOf(left.advance(1)), ['access.content_unknown']);

  const kept = site({ door: false });
  kept.code('123456');
  kept.presence(1, false);
  kept.card(FOB);
  kept.result('done');
  assert.deepEqual(typesOf(kept.advance(35_000)), ['access.not_returned']);
  assert.equal(kept.placeOf('k1'), 'with anna');
});

test('a box that sees nothing: whoever opened a slot has its key, and who opens one to return has given it back', () => {
  const world = site({ door: false, presence: false });
  world.code('123456');
  world.result('done');
  assert.deepEqual(typesOf(world.advance(35_000)), ['access.taken']);
  world.card(FOB);
  world.result('done');
  assert.deepEqual(typesOf(world.advance(35_000)), ['access.returned', 'access.content_unknown']);
  assert.equal(world.placeOf('k1'), 'slot 1');
  assert.deepEqual(world.ledger.get('key', 'k1')?.flags, ['content-unknown']);
});

test('slot readers alone tell: read in its slot is not taken, or returned; another fob there is neither', () => {
  const left = site({ door: false, presence: false, readers: true });
  left.code('123456');
  assert.deepEqual(typesOf(left.card(FOB, deviceId('in-1'))), ['device.slot', 'access.not_taken']);

  const out = () => {
    const world = site({ door: true, presence: false, readers: true });
    world.code('123456');
    world.door(1, true);
    world.card(FOB, deviceId('in-1')); // still in the open slot: no news
    world.door(1, false);
    assert.deepEqual(typesOf(world.advance(5_000)), ['access.taken']);
    return world;
  };
  const back = out();
  assert.equal(back.placeOf('k1'), 'with anna');
  back.card(FOB);
  back.door(1, true);
  back.door(1, false);
  assert.deepEqual(typesOf(back.card(FOB, deviceId('in-1'))), ['device.slot', 'access.returned']);

  const none = out();
  none.card(FOB);
  none.door(1, true);
  none.door(1, false);
  assert.deepEqual(typesOf(none.advance(5_000)), ['access.not_returned']);

  const foreign = site({ readers: true });
  takeKey(foreign);
  foreign.card(FOB);
  foreign.door(1, true);
  foreign.presence(1, true);
  assert.deepEqual(typesOf(foreign.card('ffffffffff', deviceId('in-1'))), [
    'access.foreign_fob',
    'device.slot',
  ]);
  assert.deepEqual(typesOf(foreign.door(1, false)), ['device.slot', 'access.not_returned']);
  assert.equal(foreign.placeOf('k1'), 'with anna');
});

test('a return with a slot reader that stays silent: back, but nobody saw which fob', () => {
  const world = site({ readers: true });
  takeKey(world);
  world.card(FOB);
  world.door(1, true);
  world.presence(1, true);
  assert.deepEqual(typesOf(world.door(1, false)), ['device.slot']);
  assert.ok(world.asked.some(({ kind, device }) => kind === 'read-state' && device === 'in-1'));
  assert.deepEqual(typesOf(world.advance(5_000)), ['access.returned', 'access.content_unknown']);
});

test('a first fob may be attached by the reader in the slot itself', () => {
  const world = new World({ points: [boxPoint({ slotReaders: SLOT_READERS })] });
  world.key('k1');
  world.put(grantOf({ options: { allowSetup: true } }));
  world.pictures();
  world.code('123456');
  world.door(1, true);
  world.presence(1, true);
  assert.deepEqual(typesOf(world.card('ffffffffff', deviceId('in-1'))), [
    'access.fob_attached',
    'device.slot',
  ]);
  assert.equal(world.pending.size, 0);
  assert.deepEqual(typesOf(world.door(1, false)), ['device.slot', 'access.returned']);
  assert.equal(world.placeOf('k1'), 'slot 1');
});

test('a slot shared by three stays shared until two have left', () => {
  const world = site({ readers: true });
  world.key('k3', { fob: fobOf('0f00012abe') });
  const at = deviceId('in-2');
  const unknown = (id: string) =>
    world.command({ kind: 'key.correct', key: keyId(id), place: { kind: 'unknown' }, by: 'm' });
  unknown('k1');
  world.card(FOB, at);
  world.card('0f00012abe', at);
  assert.deepEqual(world.ledger.get('slot', 'box:2')?.flags, ['shared']);
  unknown('k1');
  assert.deepEqual(world.ledger.get('slot', 'box:2')?.flags, ['shared']);
  unknown('k3');
  assert.deepEqual(world.ledger.get('slot', 'box:2')?.flags, []);
});

test('a fob read where the ledger has it settles what was flagged there', () => {
  const world = site({ readers: true });
  world.code('123456');
  world.result('done');
  world.door(1, true);
  world.door(1, false);
  world.advance(5_000);
  assert.deepEqual(world.ledger.get('key', 'k1')?.flags, ['content-unknown']);
  const [proven] = world.card(FOB, deviceId('in-1'));
  assert.equal(proven?.body['proves'], true);
  assert.deepEqual(world.ledger.get('key', 'k1')?.flags, []);
  assert.deepEqual(world.ledger.get('slot', 'box:1')?.flags, []);
  assert.deepEqual(world.card(FOB, deviceId('in-1')), []);
});

test('under a grant for all that is here, the code of whoever has a key brings it back', () => {
  const world = site();
  const [grant] = [...world.grants.values()];
  world.put({ ...(grant?.grant ?? assert.fail()), targets: [{ kind: 'location', id: LOBBY }] });
  world.code('123456');
  world.code('1');
  world.result('done');
  world.door(1, true);
  world.presence(1, false);
  world.door(1, false);
  const [back] = world.code('123456');
  assert.equal(back?.body['return'], true);
  assert.equal(back?.body['key'], 'k1');
});

test('doors found open at start, and those found shut', () => {
  const world = site();
  world.restart();
  const [open] = world.door(1, true, true);
  assert.equal(open?.type, 'access.found_moved');
  assert.equal(world.placeOf('k1'), 'unknown');
  assert.deepEqual(world.door(2, false, true), []);
  assert.equal(world.placeOf('k2'), 'slot 2');
  const [shut] = world.door(1, false, true);
  assert.equal(shut?.type, 'access.found_moved');
});

test('an opening seen to end before the power went is not called unknown', () => {
  const world = site();
  world.code('123456');
  world.result('done');
  world.door(1, true);
  world.presence(1, false);
  const [entry] = world.restart();
  assert.equal(entry?.type, 'access.unknown_outcome');
  assert.equal(entry?.body['lost'], undefined);
  assert.equal(world.placeOf('k1'), 'with anna');
  assert.equal([...world.ledger.all('opening')].length, 0);
});

test('a slot that a key of unknown place may still lie in is not offered', () => {
  const world = site({ presence: false });
  world.door(1, true);
  world.door(1, false);
  assert.equal(world.placeOf('k1'), 'unknown');
  world.command({
    kind: 'key.correct',
    key: keyId('k2'),
    place: { kind: 'holder', holder: holderId('bo') },
    by: 'm',
  });
  assert.equal(world.card(OTHER)[0]?.body['slot'], 2);
  world.result('refused');
  world.key('k9', {}, 2);
  assert.equal(world.card(OTHER)[0]?.body['slot'], 3);
});

test('a key that a manager gave to somebody is overdue when they said', () => {
  const world = site();
  const due = instant(world.now + HOUR);
  const place = { kind: 'holder', holder: holderId('bo'), due } as const;
  world.command({ kind: 'key.correct', key: keyId('k1'), place, by: 'm' });
  assert.deepEqual(world.advance(HOUR - 1), []);
  const [overdue] = world.advance(1);
  assert.equal(overdue?.type, 'access.overdue');
  assert.equal(overdue?.sub, 'bo');
  assert.equal(overdue?.body['alarm'], true);
});

test('a flag is raised once, however often it is told', () => {
  const world = site();
  const told = {
    type: 'access.content_unknown',
    device: BOX,
    body: { slot: 1, key: 'k1' },
  } as const;
  world.record([told, told]);
  assert.deepEqual(world.ledger.get('slot', 'box:1')?.flags, ['content-unknown']);
  assert.deepEqual(world.ledger.get('key', 'k1')?.flags, ['content-unknown']);
  const overdue = { type: 'access.overdue', body: { key: 'k1' } } as const;
  world.record([overdue, overdue]);
  assert.deepEqual(world.ledger.get('key', 'k1')?.flags, ['content-unknown', 'overdue']);
});

test('attaching a fob as an operation of its own, to a key that was here before', () => {
  const world = new World();
  world.key('k1', {}, 1);
  world.command({ kind: 'key.correct', key: keyId('k1'), place: { kind: 'unknown' }, by: 'm' });
  const grant = world.put(grantOf({ operations: ['attach-fob'] }));
  world.pictures();
  assert.equal(world.code('123456')[0]?.body['operation'], 'attach-fob');
  world.put({ ...grant, operations: ['dropoff'] });
  world.result('refused');
  assert.equal(world.code('123456')[0]?.body['operation'], 'dropoff');
  assert.equal(world.pending.size, 0);
});

test('an operator whose name is no id still answers for the key', () => {
  const world = site();
  const open = { kind: 'slot.open', device: BOX, slot: slotNumber(1) } as const;
  world.command({ ...open, by: '\u0007' });
  assert.equal(world.journal.at(-1)?.sub, 'operator');
  world.command({ ...open, by: 'x'.repeat(300) });
  assert.equal(world.journal.at(-1)?.sub?.length, 256);
  // UTF-8 has no half of a pair: the journal would read back another name than it hashed.
  world.command({ ...open, by: `${'x'.repeat(255)}\u{1f511}` });
  assert.equal(world.journal.at(-1)?.sub, `${'x'.repeat(255)}\ufffd`);
  world.command({ ...open, by: 'anna \ud83d' });
  assert.equal(world.journal.at(-1)?.sub, 'anna \ufffd');
});

test('a slot forced and left open is held open too, and closing it is recorded as late', () => {
  const world = site();
  world.door(1, true);
  assert.deepEqual(typesOf(world.advance(MINUTE)), ['access.held_open']);
  const [, late] = world.door(1, false);
  assert.equal(late?.type, 'access.closed_late');
  assert.equal(late?.body['openMs'], MINUTE);
  assert.equal(world.ledger.get('slot', 'box:1')?.doorOpen, false);
});

test('with two returns under way, what appears in a third slot is nobody’s in particular', () => {
  const world = site();
  const by = 'm';
  for (const id of ['k1', 'k2']) {
    const place = { kind: 'holder', holder: holderId('anna') } as const;
    world.command({ kind: 'key.correct', key: keyId(id), place, by });
  }
  for (const slot of [1, 2]) world.presence(slot, false);
  world.card(FOB);
  world.card(OTHER);
  assert.equal([...world.ledger.all('opening')].length, 2);
  assert.deepEqual(typesOf(world.presence(4, true)), ['device.slot']);
  assert.equal(world.placeOf('k1'), 'with anna');
  assert.equal(world.placeOf('k2'), 'with anna');
});

test('a shared slot is not offered for a return', () => {
  const world = site({ readers: true, presence: false });
  world.key('k9', {}, 3);
  world.key('k8', {}, 4);
  const unknown = (id: string) =>
    world.command({ kind: 'key.correct', key: keyId(id), place: { kind: 'unknown' }, by: 'm' });
  unknown('k1');
  world.card(FOB, deviceId('in-2'));
  world.key('k3', { fob: fobOf('0f00012abe') });
  world.record([
    { type: 'access.corrected', body: { key: 'k3', place: 'holder' }, sub: holderId('bo') },
  ]);
  assert.equal(world.card('0f00012abe')[0]?.body['slot'], 1);
  world.result('refused');
  world.key('k7', {}, 1);
  assert.equal(world.card('0f00012abe')[0]?.body['reason'], 'box-full');
});

test('a slot held open is told in time, whatever its sensor says meanwhile', () => {
  const world = site();
  world.code('123456');
  world.result('done');
  world.door(1, true);
  world.now += MINUTE - 1;
  world.up += MINUTE - 1;
  world.presence(1, false);
  assert.deepEqual(typesOf(world.advance(1)), ['access.held_open']);
});

test('a jammed slot is an alarm, and what it was counted for is given back', () => {
  const world = site({ uses: 1 });
  world.code('123456');
  world.result('done');
  const [jammed] = world.advance(HOUR);
  assert.equal(jammed?.type, 'access.jammed');
  assert.equal(jammed?.body['alarm'], true);
  assert.equal(uses(world), 0);
});
