import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkpointOf } from '../../../daemon/access/checkpoint.ts';
import { ENTRY_TYPES, type Entry } from '../../../daemon/access/entry.ts';
import { fold } from '../../../daemon/access/fold.ts';
import { Ledger } from '../../../daemon/access/ledger.ts';
import { holderId, keyId } from '../../../daemon/access/model.ts';
import { slotNumber } from '../../../drivers/contract/device.ts';
import {
  BOX,
  DOOR,
  DOOR_KEYPAD,
  fobOf,
  grantOf,
  HOUR,
  KEYPAD,
  LOCK,
  MINUTE,
  rowsOf,
  World,
} from './world.ts';

const FOB = '0f00012abc';

/** A site in which every table of the ledger has rows. */
function fullWorld(): World {
  const world = new World();
  world.key('k1', { fob: fobOf(FOB) }, 1);
  world.key('k2', {}, 2);
  world.put(grantOf({ uses: { max: 5, reset: 'a' } }));
  world.pictures();
  world.code('999999');
  world.code('123456');
  world.record([
    { type: 'access.granted', device: DOOR_KEYPAD, sub: holderId('bo'), body: { area: 'garage' } },
    { type: 'security.credential_disabled', body: { credential: 'c-1', wrong: 10 } },
  ]);
  world.command({ kind: 'lockdown', lockdown: 'l', scope: DOOR, allowStaff: true, by: 'x' });
  return world;
}

test('the fold goes on from a checkpoint as if nothing had been erased', () => {
  const world = fullWorld();
  const before = rowsOf(world.ledger);
  const entry: Entry = JSON.parse(JSON.stringify(checkpointOf(world.ledger)));
  const [recorded] = world.record([entry]);
  assert.equal(JSON.stringify(rowsOf(world.ledger)), JSON.stringify(before));
  const fresh = new Ledger();
  fresh.apply([
    {
      table: 'key',
      id: 'gone',
      value: { place: { kind: 'unknown', since: world.stamp.at }, flags: [] },
    },
  ]);
  fresh.apply(fold(fresh, recorded ?? assert.fail()));
  assert.equal(JSON.stringify(rowsOf(fresh)), JSON.stringify(before));
  for (const table of [
    'key',
    'slot',
    'use',
    'keypad',
    'credential',
    'lockdown',
    'opening',
    'area',
  ] as const) {
    assert.ok([...fresh.all(table)].length > 0, table);
  }
  assert.ok(Number(entry.body['rows']) > 8);
});

test('a checkpoint that is only a signature changes nothing', () => {
  const world = fullWorld();
  const before = rowsOf(world.ledger);
  world.record([
    { type: 'system.checkpoint', body: { seq: 1 } },
    { type: 'system.checkpoint', body: {}, evidence: { ledger: 'none' } },
  ]);
  assert.deepEqual(rowsOf(world.ledger), before);
});

test('an entry whose body was erased changes nothing and breaks nothing', () => {
  const world = fullWorld();
  const before = rowsOf(world.ledger);
  const harmless = ENTRY_TYPES.filter((type) => type !== 'system.storage_recovered');
  world.record(harmless.map((type) => ({ type, body: {} })));
  world.record(
    harmless.map((type) => ({
      type,
      body: { slot: 'x', key: 5, opening: 'y', grant: null, tries: 1, cards: [1, {}] },
    })),
  );
  assert.deepEqual(rowsOf(world.ledger), before);
});

test('what a recovered journal leaves: no key has a place, no count is sure, nothing is under way', () => {
  const world = fullWorld();
  world.record([{ type: 'system.storage_recovered', body: {} }]);
  assert.equal(world.placeOf('k1'), 'unknown');
  assert.equal(world.placeOf('k2'), 'unknown');
  assert.deepEqual(world.ledger.get('key', 'k1')?.lastSlot, { box: BOX, slot: 1 });
  assert.equal([...world.ledger.all('opening')].length, 0);
  assert.ok([...world.ledger.all('use')].every(([, row]) => row.unconfirmed === true));
  assert.equal([...world.ledger.all('use')].length, 2);
  assert.equal([...world.ledger.all('lockdown')].length, 1);
});

test('changes are taken back by what apply returns', () => {
  const world = fullWorld();
  const before = JSON.stringify(rowsOf(world.ledger));
  const [, entry] = world.journal.slice(-2);
  const undo = world.ledger.apply(
    fold(world.ledger, { ...(entry ?? assert.fail()), type: 'system.storage_recovered' }),
  );
  assert.notEqual(JSON.stringify(rowsOf(world.ledger)), before);
  world.ledger.apply(undo);
  assert.equal(JSON.stringify(rowsOf(world.ledger)), before);
});

test('the rows that an opening, a use, a try and an area leave', () => {
  const world = fullWorld();
  const [[id, opening] = assert.fail()] = [...world.ledger.all('opening')];
  const {
    slot,
    device,
    operation,
    key,
    holder,
    counted,
    hold,
    isReturn,
    byFob,
    seen,
    boot,
    uptime,
  } = opening;
  assert.deepEqual(
    {
      id,
      slot,
      device,
      operation,
      key,
      holder,
      counted,
      hold,
      isReturn,
      byFob,
      seen,
      boot,
      uptime,
    },
    {
      id: String(opening.seq),
      slot: 1,
      device: BOX,
      operation: 'pickup',
      key: 'k1',
      holder: 'anna',
      counted: true,
      hold: 5_000,
      isReturn: false,
      byFob: false,
      seen: {},
      boot: 'boot-1',
      uptime: world.up,
    },
  );
  const grant = opening.grant ?? assert.fail();
  assert.deepEqual(world.ledger.get('use', grant), { count: 1, reset: 'a' });
  assert.deepEqual(world.ledger.get('area', 'bo'), {
    area: 'garage',
    since: world.now,
    boot: 'boot-1',
    uptime: world.up,
    openings: [13],
  });
  assert.deepEqual(world.ledger.get('credential', 'c-1'), {
    wrongSecondFactors: 10,
    disabled: true,
  });
  const lockdown = world.ledger.get('lockdown', 'l');
  assert.deepEqual(lockdown, { id: 'l', scope: DOOR, allowStaff: true, since: world.now });
  assert.deepEqual(world.ledger.get('keypad', KEYPAD), {
    failures: 0,
    waitLeft: 0,
    sinceDecay: 0,
    longFailures: 0,
    longWaitLeft: 0,
    longSinceDecay: 0,
    recent: [world.now],
    asOf: { boot: 'boot-1', uptime: world.up, at: world.now },
  });
  world.command({ kind: 'release', lockdown: 'l', by: 'x' });
  assert.equal(world.ledger.get('lockdown', 'l'), undefined);
});

test('what is seen of an opening is kept until it ends', () => {
  const world = fullWorld();
  const seen = () => [...world.ledger.all('opening')][0]?.[1].seen;
  world.result('done');
  assert.deepEqual(seen(), { outcome: 'done' });
  world.door(1, true);
  assert.deepEqual(seen(), { outcome: 'done', opened: true });
  assert.deepEqual(world.ledger.get('slot', 'box:1')?.openSince, {
    at: world.now,
    boot: 'boot-1',
    uptime: world.up,
  });
  world.presence(1, false);
  assert.deepEqual(seen(), {
    outcome: 'done',
    opened: true,
    presenceGone: true,
    presenceBack: false,
  });
  world.presence(1, true);
  assert.deepEqual(seen(), {
    outcome: 'done',
    opened: true,
    presenceGone: true,
    presenceBack: true,
  });
  world.door(1, false);
  assert.equal(seen(), undefined);
  assert.equal(world.ledger.get('slot', 'box:1')?.openSince, undefined);
});

test('a key put back before the door was shut, presence only: content unknown in its slot', () => {
  const world = fullWorld();
  world.result('done');
  world.door(1, true);
  world.presence(1, false);
  assert.equal(world.placeOf('k1'), 'with anna');
  world.presence(1, true);
  world.door(1, false);
  assert.equal(world.placeOf('k1'), 'slot 1');
  assert.deepEqual(world.ledger.get('key', 'k1')?.flags, ['content-unknown']);
  assert.deepEqual(world.ledger.get('slot', 'box:1')?.flags, ['content-unknown']);
});

test('who has a key, under what, since when, until when', () => {
  const world = fullWorld();
  world.result('done');
  world.door(1, true);
  world.advance(MINUTE / 2);
  world.presence(1, false);
  const place = world.ledger.get('key', 'k1')?.place;
  const [[, opening] = assert.fail()] = [...world.ledger.all('opening')];
  assert.deepEqual(place, {
    kind: 'holder',
    holder: 'anna',
    grant: opening.grant,
    since: world.now,
    due: undefined,
  });
  world.advance(HOUR);
  world.command({
    kind: 'key.correct',
    key: keyId('k1'),
    place: { kind: 'slot', box: BOX, slot: slotNumber(4) },
    by: 'x',
  });
  assert.deepEqual(world.ledger.get('key', 'k1')?.place, { kind: 'slot', box: BOX, slot: 4 });
  assert.deepEqual(world.ledger.get('key', 'k1')?.lastSlot, { box: BOX, slot: 4 });
});

test('whoever shares a code is not named, but may bring the key back with it', () => {
  const world = new World();
  world.key('k1', {}, 1);
  world.put(grantOf(), grantOf({ holder: holderId('bo') }));
  world.pictures();
  const [granted] = world.code('123456');
  assert.equal(granted?.sub, undefined);
  world.result('done');
  world.door(1, true);
  world.presence(1, false);
  world.door(1, false);
  assert.equal(world.placeOf('k1'), 'with unattributed');
  const [back] = world.code('123456');
  assert.equal(back?.body['return'], true);
});

test('a presence that goes without a door being opened: the key is unknown, with an alarm', () => {
  const world = fullWorld();
  const [, lost] = world.presence(2, false);
  assert.equal(lost?.type, 'access.content_unknown');
  assert.equal(lost?.body['alarm'], true);
  assert.equal(world.placeOf('k2'), 'unknown');
  assert.deepEqual(world.presence(3, false), []);
  assert.deepEqual(
    world.presence(3, true).map(({ type }) => type),
    ['device.slot'],
  );
  assert.deepEqual(world.ledger.get('slot', 'box:3')?.flags, ['content-unknown']);
  assert.deepEqual(
    world.presence(3, false).map(({ type }) => type),
    ['device.slot'],
  );
  assert.equal(world.ledger.get('slot', `${LOCK}:door`), undefined);
});

test('an area is entered by somebody, or by nobody that can be told', () => {
  const world = new World();
  world.record([
    { type: 'access.granted', body: { area: 'garage' } },
    { type: 'access.granted', sub: holderId('bo'), body: {} },
  ]);
  assert.deepEqual([...world.ledger.all('area')], []);
});

test('a row of tries is read field by field, and what is missing is nothing', () => {
  const world = new World();
  world.record([{ type: 'access.denied', device: KEYPAD, body: { tries: {} } }]);
  assert.deepEqual(world.ledger.get('keypad', KEYPAD), {
    failures: 0,
    waitLeft: 0,
    sinceDecay: 0,
    longFailures: 0,
    longWaitLeft: 0,
    longSinceDecay: 0,
    recent: [],
    asOf: { boot: '', uptime: 0, at: 0 },
  });
  const tries = {
    failures: 1,
    waitLeft: 2,
    sinceDecay: 3,
    longFailures: 4,
    longWaitLeft: 5,
    longSinceDecay: 6,
    recent: [7],
    asOf: { boot: 'b', uptime: 8, at: 9 },
  };
  world.record([{ type: 'access.denied', device: KEYPAD, body: { tries } }]);
  assert.deepEqual(world.ledger.get('keypad', KEYPAD), tries);
});
