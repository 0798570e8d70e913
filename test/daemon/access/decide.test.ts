import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decide } from '../../../daemon/access/decide.ts';
import {
  accessPointId,
  credentialId,
  grantId,
  holderId,
  keyId,
  REASONS,
  type Reason,
} from '../../../daemon/access/model.ts';
import { actuationId, deviceId, slotNumber } from '../../../drivers/contract/device.ts';
import { instant } from '../../../drivers/contract/time.ts';
import {
  BOX,
  boxPoint,
  card,
  DOOR,
  DOOR_KEYPAD,
  DOOR_READER,
  doorPoint,
  fobOf,
  grantOf,
  HOUR,
  KEYPAD,
  LOBBY,
  LOCK,
  MINUTE,
  pin,
  pinOf,
  READER,
  reasonOf,
  typesOf,
  World,
  type WorldOptions,
} from './world.ts';

const CARD = '0f00012abc';
const door = { kind: 'lock', id: LOCK } as const;

function doorWorld(options: WorldOptions = {}): World {
  return new World(options);
}

/** A site with one key in slot 1 and a grant for it under 123456. */
function boxWorld(): World {
  const world = new World();
  world.key('k1', { fob: fobOf('aaaaaaaaaa') }, 1);
  world.pictures();
  return world;
}

const seen = new Set<unknown>();
function expect(entries: Parameters<typeof reasonOf>[0], reason: Reason | 'granted'): void {
  assert.equal(reasonOf(entries), reason);
  seen.add(reason);
}

test('device-unknown: a reader that belongs to no access point', () => {
  const world = doorWorld();
  expect(world.card(CARD, deviceId('stray')), 'device-unknown');
});

test('malformed: a card whose bits are wrong, a code too short or too long', () => {
  const world = doorWorld();
  const bad = { kind: 'card-malformed', device: READER, bitCount: 25, fault: 'parity' } as const;
  const entries = world.event(bad);
  expect(entries, 'malformed');
  assert.equal(entries[0]?.body['fault'], 'parity');
  for (const digits of ['', '123', '12345678901234567', '12a4']) {
    expect(world.code(digits), 'malformed');
  }
  expect(world.code('1234567890123456'), 'unknown-credential');
  expect(world.code('0000'), 'unknown-credential');
});

test('locked-out: codes only, cards go on working', () => {
  const world = doorWorld();
  world.put(grantOf({ credentials: [pin('123456'), card(CARD)], targets: [door] }));
  for (let n = 0; n < 6; n++) expect(world.code('999999', DOOR_KEYPAD), 'unknown-credential');
  expect(world.code('123456', DOOR_KEYPAD), 'locked-out');
  expect(world.card(CARD, DOOR_READER), 'granted');
  world.advance(MINUTE);
  expect(world.code('123456', DOOR_KEYPAD), 'granted');
});

test('unknown-credential: no grant carries it, or the grant is still pending', () => {
  const world = doorWorld();
  expect(world.code('123456', DOOR_KEYPAD), 'unknown-credential');
  world.put(grantOf({ targets: [door], state: 'pending' }));
  expect(world.code('123456', DOOR_KEYPAD), 'unknown-credential');
});

test('ambiguous-credential: different holders, different things; only among grants that would open', () => {
  const world = boxWorld();
  world.key('k2', {}, 2);
  const first = world.put(grantOf({ targets: [{ kind: 'key', id: 'k1' }] }));
  const second = grantOf({ holder: holderId('bo'), targets: [{ kind: 'key', id: 'k2' }] });
  world.put(second);
  const [entry] = world.code('123456');
  expect([entry ?? assert.fail()], 'ambiguous-credential');
  assert.equal(entry?.sub, undefined);
  assert.equal(entry?.body['grant'], undefined);
  world.put({ ...second, rev: 2, window: { kind: 'instants', end: instant(world.now - 1) } });
  const [granted] = world.code('123456');
  assert.equal(granted?.body['grant'], first.id);
});

test('choice-required: one holder, different slots; the number chosen within 20 s opens it', () => {
  const world = boxWorld();
  world.key('k2', {}, 2);
  const targets = [
    { kind: 'key', id: 'k1' },
    { kind: 'key', id: 'k2' },
  ] as const;
  world.put(grantOf({ targets }));
  const [asked] = world.code('123456');
  expect([asked ?? assert.fail()], 'choice-required');
  assert.deepEqual(asked?.body['choices'], ['1', '2']);
  assert.ok(!world.asked.some(({ kind }) => kind === 'open-slot'));
  const [granted] = world.code('2');
  assert.equal(granted?.body['slot'], 2);
  assert.equal(granted?.body['key'], 'k2');

  world.code('123456');
  expect(world.code('9'), 'choice-required');
  assert.equal(world.asked.filter(({ kind }) => kind === 'open-slot').length, 1);
  world.advance(20_000);
  expect(world.code('1'), 'malformed');
});

test('what is chosen opens under the grant that names it, also after a number that was none', () => {
  const world = boxWorld();
  world.key('k2', {}, 2);
  const uses = { max: 3 };
  const named = (id: string) => ({ targets: [{ kind: 'key', id } as const] });
  const preferred = world.put(grantOf(named('k1')));
  const counted = world.put(grantOf({ ...named('k2'), uses }));
  for (const [number, grant] of [
    ['2', counted],
    ['1', preferred],
  ] as const) {
    expect(world.code('123456'), 'choice-required');
    expect(world.code('9'), 'choice-required');
    const [entry] = world.code(number);
    assert.equal(entry?.body['slot'], Number(number));
    assert.equal(entry?.body['grant'], grant.id);
  }
  assert.deepEqual(
    [...world.ledger.all('use')].map(([id, { count }]) => [id, count]),
    [[counted.id, 1]],
    'only a counted use leaves a row',
  );
});

test('a grant revoked between the code and the choice opens nothing', () => {
  const world = boxWorld();
  world.key('k2', {}, 2);
  const grant = world.put(
    grantOf({
      targets: [
        { kind: 'key', id: 'k1' },
        { kind: 'key', id: 'k2' },
      ],
    }),
  );
  world.code('123456');
  world.revoke(grant.id);
  expect(world.code('1'), 'revoked');
});

function pairWorld(): World {
  const world = doorWorld();
  const second = pin('5555', { combineWith: 'card' });
  world.put(grantOf({ credentials: [card(CARD), second], targets: [door] }));
  return world;
}

test('second-factor-required: card, then its PIN within 10 s at the same access point', () => {
  const world = pairWorld();
  expect(world.card(CARD, DOOR_READER), 'second-factor-required');
  const shown = world.asked.at(-1);
  assert.ok(shown?.kind === 'feedback' && shown.signal === 'wait');
  world.now += 9_999;
  world.up += 9_999;
  const entries = world.code('5555', DOOR_KEYPAD);
  expect(entries, 'granted');
  assert.equal(entries[0]?.body['method'], 'card+pin');

  world.card(CARD, DOOR_READER);
  world.now += 10_000;
  world.up += 10_000;
  expect(world.code('5555', DOOR_KEYPAD), 'second-factor-required');
});

test('a second-factor PIN alone opens nothing, nor at another access point, nor after another presentation', () => {
  const world = pairWorld();
  expect(world.code('5555', DOOR_KEYPAD), 'second-factor-required');
  world.card(CARD, DOOR_READER);
  expect(world.code('5555', KEYPAD), 'second-factor-required');
  world.card('ffffffffff', DOOR_READER);
  expect(world.code('5555', DOOR_KEYPAD), 'second-factor-required');
  assert.ok(!world.asked.some(({ kind }) => kind === 'unlock'));
});

test('after a card the PIN is compared only with the PINs of its grants', () => {
  const world = pairWorld();
  world.put(grantOf({ credentials: [pin('7777')], targets: [door], holder: holderId('bo') }));
  world.card(CARD, DOOR_READER);
  expect(world.code('7777', DOOR_KEYPAD), 'second-factor-required');
  expect(world.code('7777', DOOR_KEYPAD), 'granted');
  const credentials = [card('0f00012abd'), pin('8888', { combineWith: 'card' })];
  world.put(grantOf({ credentials, targets: [door], holder: holderId('bo') }));
  world.card(CARD, DOOR_READER);
  expect(world.code('8888', DOOR_KEYPAD), 'second-factor-required');
  world.card('0f00012abd', DOOR_READER);
  expect(world.code('8888', DOOR_KEYPAD), 'granted');
});

test('a second factor is waited for while one keypad of several can take it', () => {
  const spare = deviceId('spare-keypad');
  const world = doorWorld({ points: [doorPoint({ readers: [DOOR_READER, DOOR_KEYPAD, spare] })] });
  world.site.keypads = new Set([DOOR_KEYPAD, spare]);
  world.put(
    grantOf({ credentials: [card(CARD), pin('5555', { combineWith: 'card' })], targets: [door] }),
  );
  world.online.delete(DOOR_KEYPAD);
  expect(world.card(CARD, DOOR_READER), 'second-factor-required');
  expect(world.code('5555', spare), 'granted');
});

test('a second factor tells holders of one card apart', () => {
  const world = doorWorld({
    points: [boxPoint(), doorPoint({ locks: [LOCK, deviceId('lock-2')] })],
  });
  world.online.add(deviceId('lock-2'));
  const one = grantOf({
    credentials: [card(CARD), pin('1111', { combineWith: 'card' })],
    targets: [door],
  });
  const two = grantOf({
    holder: holderId('bo'),
    credentials: [card(CARD), pin('2222', { combineWith: 'card' })],
    targets: [{ kind: 'lock', id: 'lock-2' }],
  });
  world.put(one, two);
  world.card(CARD, DOOR_READER);
  const [entry] = world.code('2222', DOOR_KEYPAD);
  assert.equal(entry?.body['grant'], two.id);
  assert.equal(entry?.body['opens'], 'lock-2');
});

test('credential-disabled: ten wrong second PINs in a row, durably, until enabled', () => {
  const world = pairWorld();
  for (let n = 1; n <= 10; n++) {
    world.card(CARD, DOOR_READER);
    const entries = world.code('0000', DOOR_KEYPAD);
    expect(entries, 'second-factor-required');
    assert.equal(typesOf(entries).includes('security.credential_disabled'), n === 10);
    world.advance(2 * HOUR);
  }
  world.restart();
  world.card(CARD, DOOR_READER);
  expect(world.code('5555', DOOR_KEYPAD), 'credential-disabled');
  const credential = credentialId(`card-${CARD}`);
  world.command({ kind: 'credential.enable', credential, by: 'manager' });
  world.card(CARD, DOOR_READER);
  expect(world.code('5555', DOOR_KEYPAD), 'granted');
});

test('P11: wrong PINs to one card disable no other that its source calls by the same id', () => {
  const other = '0f00012abd';
  const id = credentialId('intserv:em4100');
  const world = doorWorld();
  const put = (hex: string, digits: string) =>
    world.put(
      grantOf({
        credentials: [card(hex, { id }), pin(digits, { combineWith: 'card' })],
        targets: [door],
      }),
    );
  put(CARD, '5555');
  put(other, '6666');
  for (let n = 1; n <= 10; n++) {
    world.card(CARD, DOOR_READER);
    world.code('0000', DOOR_KEYPAD);
    world.advance(2 * HOUR);
    // What another does with theirs begins nothing anew.
    world.card(other, DOOR_READER);
    expect(world.code('6666', DOOR_KEYPAD), 'granted');
  }
  world.card(CARD, DOOR_READER);
  expect(world.code('5555', DOOR_KEYPAD), 'credential-disabled');
  world.command({ kind: 'credential.enable', credential: id, by: 'manager' });
  world.card(CARD, DOOR_READER);
  expect(world.code('5555', DOOR_KEYPAD), 'granted');
  // By hand: one grant's, or all that are called so.
  const { id: grant } = put(other, '6666');
  world.command({ kind: 'credential.disable', credential: id, grant, by: 'manager' });
  world.card(CARD, DOOR_READER);
  expect(world.code('5555', DOOR_KEYPAD), 'granted');
  world.command({ kind: 'credential.disable', credential: id, by: 'manager' });
  world.card(CARD, DOOR_READER);
  expect(world.code('5555', DOOR_KEYPAD), 'credential-disabled');
  world.command({ kind: 'credential.enable', credential: id, grant, by: 'manager' });
  world.card(CARD, DOOR_READER);
  expect(world.code('5555', DOOR_KEYPAD), 'granted');
});

test('a right PIN ends the row of wrong ones', () => {
  const world = pairWorld();
  for (let n = 0; n < 20; n++) {
    for (const digits of ['0000', '5555']) {
      world.card(CARD, DOOR_READER);
      world.code(digits, DOOR_KEYPAD);
      world.advance(2 * HOUR);
    }
  }
  world.card(CARD, DOOR_READER);
  expect(world.code('5555', DOOR_KEYPAD), 'granted');
});

test('a locked or dead keypad makes the pair locked-out, never a single factor', () => {
  const locked = pairWorld();
  for (let n = 0; n < 6; n++) locked.code('999999', DOOR_KEYPAD);
  expect(locked.card(CARD, DOOR_READER), 'locked-out');
  const dead = pairWorld();
  dead.online.delete(DOOR_KEYPAD);
  expect(dead.card(CARD, DOOR_READER), 'locked-out');
});

test('revoked, superseded', () => {
  const world = doorWorld();
  const grant = world.put(grantOf({ targets: [door] }));
  world.revoke(grant.id, 1);
  expect(world.code('123456', DOOR_KEYPAD), 'revoked');
  world.put({ ...grant, rev: 2 });
  expect(world.code('123456', DOOR_KEYPAD), 'granted');
  world.put({ ...grant, rev: 3, state: 'superseded' });
  expect(world.code('123456', DOOR_KEYPAD), 'superseded');
});

test('a grant for a key whose name no key can have opens the rest of what it names', () => {
  const odd = ['', '\u0000', 'a\ud800', 'x'.repeat(257)].map(
    (id) => ({ kind: 'key', id }) as const,
  );
  const world = boxWorld();
  world.put(grantOf({ targets: odd, credentials: [pin('111111')] }));
  world.put(grantOf({ targets: [...odd, { kind: 'key', id: 'k1' }] }));
  expect(world.code('111111'), 'wrong-access-point');
  expect(world.code('123456'), 'granted');
});

test('wrong-access-point, operation-not-allowed', () => {
  const world = boxWorld();
  const grant = world.put(grantOf({ targets: [door] }));
  expect(world.code('123456'), 'wrong-access-point');
  world.put({ ...grant, operations: ['pickup'] });
  expect(world.code('123456', DOOR_KEYPAD), 'operation-not-allowed');
  world.put({ ...grant, targets: [{ kind: 'key', id: 'k1' }], operations: ['unlock'] });
  expect(world.code('123456'), 'operation-not-allowed');
  expect(world.code('123456', DOOR_KEYPAD), 'wrong-access-point');
});

test('targets: a location is all that is there, an access level is what the config says', () => {
  const levels = new Map([
    [
      'cleaners',
      [
        { kind: 'access_level', id: 'doors' },
        { kind: 'access_level', id: 'cleaners' },
      ],
    ],
    ['doors', [door]],
  ] as const);
  const world = new World({ policies: { accessLevels: levels } });
  world.key('k1', {}, 1);
  world.key('k2', { virtual: true });
  world.pictures();
  const grant = world.put(grantOf({ targets: [{ kind: 'access_level', id: 'cleaners' }] }));
  expect(world.code('123456', DOOR_KEYPAD), 'granted');
  expect(world.code('123456'), 'wrong-access-point');
  world.put({ ...grant, targets: [{ kind: 'access_level', id: 'none' }] });
  expect(world.code('123456', DOOR_KEYPAD), 'wrong-access-point');
  world.put({
    ...grant,
    targets: [
      { kind: 'location', id: LOBBY },
      { kind: 'location', id: DOOR },
    ],
  });
  expect(world.code('123456', DOOR_KEYPAD), 'granted');
  assert.equal(world.code('123456')[0]?.body['key'], 'k1');
  world.put({ ...grant, targets: [{ kind: 'key', id: 'k2' }] });
  expect(world.code('123456'), 'wrong-access-point');
});

test('a grant for two locks of one access point opens both with one use', () => {
  const second = deviceId('lock-2');
  const world = doorWorld({ points: [doorPoint({ locks: [LOCK, second] })] });
  world.put(grantOf({ targets: [{ kind: 'location', id: DOOR }], uses: { max: 1 } }));
  const entries = world.code('123456', DOOR_KEYPAD);
  assert.deepEqual(typesOf(entries), ['access.granted', 'access.granted']);
  assert.deepEqual(
    world.asked.filter(({ kind }) => kind === 'unlock').map(({ device, id }) => [device, id]),
    [
      [LOCK, 'a-1'],
      [second, 'a-2'],
    ],
  );
  expect(world.code('123456', DOOR_KEYPAD), 'uses-exhausted');
});

test('one use for several locks is given back only when none of them opened, in whatever order that is known', () => {
  const locks = [LOCK, deviceId('lock-2'), deviceId('lock-3')];
  const results = ['done', 'failed', 'refused', 'unknown'] as const;
  const uses = fc.tuple(...locks.map(() => fc.constantFrom(...results)));
  const order = fc.shuffledSubarray([0, 1, 2], { minLength: 3 });
  fc.assert(
    fc.property(uses, order, (outcomes, turns) => {
      const world = doorWorld({ points: [doorPoint({ locks })] });
      const grant = grantOf({ targets: [{ kind: 'location', id: DOOR }], uses: { max: 1 } });
      world.put(grant);
      world.code('123456', DOOR_KEYPAD);
      for (const turn of turns) {
        const [device, result] = [locks[turn], outcomes[turn]];
        assert.ok(device !== undefined && result !== undefined);
        world.event({
          kind: 'actuation-result',
          device,
          actuation: actuationId(`a-${turn + 1}`),
          result,
          sent: result !== 'refused',
          acknowledged: result === 'done',
          observed: result === 'done',
        });
      }
      const opened = outcomes.some((outcome) => outcome === 'done' || outcome === 'unknown');
      assert.equal(world.ledger.get('use', grant.id)?.count, opened ? 1 : 0);
      assert.deepEqual([...world.ledger.all('opening')], []);
      expect(world.code('123456', DOOR_KEYPAD), opened ? 'uses-exhausted' : 'granted');
    }),
    { seed: 4, numRuns: 200 },
  );
});

test('unsupported-limit: a limit this version does not know, a schedule it cannot read, a count that is another’s', () => {
  const world = doorWorld({ alone: false });
  const grant = world.put(grantOf({ targets: [door], unsupported: ['geofence'] }));
  expect(world.code('123456', DOOR_KEYPAD), 'unsupported-limit');
  const { unsupported: _, ...plain } = grant;
  for (const uses of [{ max: 1 }, { max: 1, carrier: 'bridge-2' }]) {
    world.put({ ...plain, uses });
    expect(world.code('123456', DOOR_KEYPAD), 'unsupported-limit');
  }
  world.put({ ...plain, schedule: { zone: 'Mars/Olympus', weekly: [] } });
  expect(world.code('123456', DOOR_KEYPAD), 'unsupported-limit');
  world.put({ ...plain, uses: { max: 1, carrier: 'bridge-1' } });
  expect(world.code('123456', DOOR_KEYPAD), 'granted');
});

test('uses-exhausted: counted where decided; outlives revision and re-adding; only a new word resets', () => {
  const world = doorWorld();
  const grant = world.put(grantOf({ targets: [door], uses: { max: 2, reset: 'a' } }));
  expect(world.code('123456', DOOR_KEYPAD), 'granted');
  expect(world.code('123456', DOOR_KEYPAD), 'granted');
  expect(world.code('123456', DOOR_KEYPAD), 'uses-exhausted');
  world.grants.delete(grant.id);
  world.put({ ...grant, rev: 7 });
  expect(world.code('123456', DOOR_KEYPAD), 'uses-exhausted');
  world.put({ ...grant, rev: 8, uses: { max: 2, reset: 'b' } });
  expect(world.code('123456', DOOR_KEYPAD), 'granted');
  // A restored copy of the store brings the older word: it gives nothing again.
  world.put({ ...grant, rev: 7 });
  expect(world.code('123456', DOOR_KEYPAD), 'granted');
  expect(world.code('123456', DOOR_KEYPAD), 'uses-exhausted');
  world.put({ ...grant, rev: 9, uses: { max: 2 } });
  expect(world.code('123456', DOOR_KEYPAD), 'uses-exhausted');
});

test('after a lost journal counted grants refuse until their source confirms the count', () => {
  const world = doorWorld();
  const grant = world.put(grantOf({ targets: [door], uses: { max: 2 } }));
  world.record([{ type: 'system.storage_recovered', body: {} }]);
  expect(world.code('123456', DOOR_KEYPAD), 'uses-exhausted');
  world.command({ kind: 'uses.confirm', grant: grant.id, count: 1, by: 'cloud' });
  expect(world.code('123456', DOOR_KEYPAD), 'granted');
  expect(world.code('123456', DOOR_KEYPAD), 'uses-exhausted');
});

test('P5: a count that was confirmed is not begun anew by the reset word that it was counted under', () => {
  for (const known of [undefined, 'a']) {
    const world = doorWorld();
    const grant = world.put(grantOf({ targets: [door], uses: { max: 2, reset: known ?? 'b' } }));
    if (known !== undefined) expect(world.code('123456', DOOR_KEYPAD), 'granted');
    world.record([{ type: 'system.storage_recovered', body: {} }]);
    world.put({ ...grant, rev: 2, uses: { max: 2, reset: 'b' } });
    expect(world.code('123456', DOOR_KEYPAD), 'uses-exhausted');
    world.command({ kind: 'uses.confirm', grant: grant.id, count: 1, reset: 'b', by: 'cloud' });
    expect(world.code('123456', DOOR_KEYPAD), 'granted');
    expect(world.code('123456', DOOR_KEYPAD), 'uses-exhausted');
    world.put({ ...grant, rev: 3, uses: { max: 2, reset: 'a' } });
    if (known !== undefined) expect(world.code('123456', DOOR_KEYPAD), 'uses-exhausted');
    world.put({ ...grant, rev: 4, uses: { max: 2, reset: 'c' } });
    expect(world.code('123456', DOOR_KEYPAD), 'granted');
  }
});

const inside = { area: { enters: 'garage', leaves: 'outside' } };
const outside = { area: { enters: 'outside', leaves: 'garage' } };
const OUT = deviceId('out-reader');

function garage(mode: 'soft' | 'hard' | 'off'): World {
  const exit = doorPoint({ id: accessPointId('exit'), readers: [OUT], ...outside });
  const world = new World({ points: [doorPoint(inside), exit] });
  world.put(
    grantOf({ credentials: [card(CARD)], targets: [door], options: { antiPassback: mode } }),
  );
  return world;
}

test('anti-passback: hard refuses a second entry, never an exit, and not for ever', () => {
  const world = garage('hard');
  expect(world.card(CARD, DOOR_READER), 'granted');
  expect(world.card(CARD, DOOR_READER), 'anti-passback');
  expect(world.card(CARD, OUT), 'granted');
  expect(world.card(CARD, OUT), 'granted');
  expect(world.card(CARD, DOOR_READER), 'granted');
  world.advance(60 * MINUTE - 1);
  expect(world.card(CARD, DOOR_READER), 'anti-passback');
  world.advance(1);
  expect(world.card(CARD, DOOR_READER), 'granted');
});

test('anti-passback: who was let in and found the door shut has not entered', () => {
  const world = garage('hard');
  const toldOf = (
    asked: { readonly id: string } | undefined,
    what: 'done' | 'failed' | 'refused',
  ) =>
    world.event({
      kind: 'actuation-result',
      device: LOCK,
      actuation: actuationId(asked?.id ?? ''),
      result: what,
      sent: what !== 'refused',
      acknowledged: what === 'done',
      observed: false,
    });
  const lastAsked = () => world.asked.findLast(({ kind }) => kind === 'unlock');
  for (const what of ['failed', 'refused'] as const) {
    expect(world.card(CARD, DOOR_READER), 'granted');
    expect(world.card(CARD, DOOR_READER), 'anti-passback');
    toldOf(lastAsked(), what);
  }
  assert.equal(world.ledger.get('area', 'anna'), undefined);
  expect(world.card(CARD, DOOR_READER), 'granted');
  toldOf(lastAsked(), 'done');
  // Left, but for a door that did not open: still inside.
  expect(world.card(CARD, OUT), 'granted');
  toldOf(lastAsked(), 'failed');
  expect(world.card(CARD, DOOR_READER), 'anti-passback');
});

test('anti-passback: of two locks, one that opened lets in, whichever answers first', () => {
  for (const order of [
    ['failed', 'done'],
    ['done', 'failed'],
  ] as const) {
    const second = deviceId('lock-2');
    const world = new World({ points: [doorPoint({ locks: [LOCK, second], ...inside })] });
    const targets = [door, { kind: 'lock', id: second } as const];
    const options = { antiPassback: 'hard' } as const;
    world.put(grantOf({ credentials: [card(CARD)], targets, options }));
    expect(world.card(CARD, DOOR_READER), 'granted');
    const asked = world.asked.filter(({ kind }) => kind === 'unlock');
    for (const [at, result] of order.entries()) {
      const { device = LOCK, id = '' } = asked[at] ?? {};
      const sent = { sent: true, acknowledged: true, observed: false };
      world.event({
        ...{ kind: 'actuation-result', device, actuation: actuationId(id), result },
        ...sent,
      });
    }
    expect(world.card(CARD, DOOR_READER), 'anti-passback');
  }
});

test('anti-passback: off says nothing, and of two locks that both stayed shut nobody was let in', () => {
  const off = garage('off');
  off.card(CARD, DOOR_READER);
  assert.deepEqual(typesOf(off.card(CARD, DOOR_READER)), ['access.granted']);
  const locks = [LOCK, deviceId('lock-2')];
  const world = new World({ points: [doorPoint({ locks, ...inside })] });
  const targets = locks.map((id) => ({ kind: 'lock', id }) as const);
  const options = { antiPassback: 'hard' } as const;
  world.put(grantOf({ credentials: [card(CARD)], targets, options }));
  expect(world.card(CARD, DOOR_READER), 'granted');
  for (const { device, id } of world.asked.filter(({ kind }) => kind === 'unlock')) {
    const told = { sent: true, acknowledged: true, observed: false, result: 'failed' } as const;
    world.event({ kind: 'actuation-result', device, actuation: actuationId(id), ...told });
  }
  expect(world.card(CARD, DOOR_READER), 'granted');
});

test('anti-passback: soft, a reader offline, or a state older than the start only report it', () => {
  const soft = garage('soft');
  soft.card(CARD, DOOR_READER);
  assert.deepEqual(typesOf(soft.card(CARD, DOOR_READER)), [
    'access.granted',
    'access.anti_passback',
  ]);
  const blind = garage('hard');
  blind.card(CARD, DOOR_READER);
  blind.online.delete(OUT);
  assert.deepEqual(typesOf(blind.card(CARD, DOOR_READER)), [
    'access.granted',
    'access.anti_passback',
  ]);
  const half = garage('hard');
  half.card(CARD, DOOR_READER);
  half.online.delete(DOOR_KEYPAD);
  assert.deepEqual(typesOf(half.card(CARD, DOOR_READER)), [
    'access.granted',
    'access.anti_passback',
  ]);
  const restarted = garage('hard');
  restarted.card(CARD, DOOR_READER);
  restarted.restart();
  assert.deepEqual(typesOf(restarted.card(CARD, DOOR_READER)), [
    'access.granted',
    'access.anti_passback',
  ]);
  const daemonOnly = garage('hard');
  daemonOnly.card(CARD, DOOR_READER);
  daemonOnly.startedAt = daemonOnly.up + 1;
  daemonOnly.up += 2;
  assert.deepEqual(typesOf(daemonOnly.card(CARD, DOOR_READER)), [
    'access.granted',
    'access.anti_passback',
  ]);
});

test('key-not-here, key-held-by-another, slot-disabled', () => {
  const world = boxWorld();
  world.put(grantOf({ operations: ['pickup'] }));
  const other = grantOf({ holder: holderId('bo'), credentials: [pin('654321')] });
  world.put(other);
  const by = 'manager';
  world.command({ kind: 'key.correct', key: keyId('k1'), place: { kind: 'unknown' }, by });
  expect(world.code('123456'), 'key-not-here');
  const holder = holderId('anna');
  world.command({ kind: 'key.correct', key: keyId('k1'), place: { kind: 'holder', holder }, by });
  expect(world.code('654321'), 'key-held-by-another');

  const points = [
    boxPoint({ box: { device: BOX, slots: [slotNumber(1)], disabledSlots: [slotNumber(1)] } }),
  ];
  const closed = new World({ points });
  closed.key('k1', {}, 1);
  closed.put(grantOf());
  expect(closed.code('123456'), 'slot-disabled');
});

test('a slot grant opens its slot, unless a key lies in it that the grant does not name', () => {
  const world = boxWorld();
  const grant = world.put(grantOf({ targets: [{ kind: 'slot', id: 'box:1' }] }));
  expect(world.code('123456'), 'key-not-here');
  world.put({ ...grant, targets: [...grant.targets, { kind: 'key', id: 'k9' }] });
  expect(world.code('123456'), 'key-not-here');
  world.put({ ...grant, targets: [...grant.targets, { kind: 'key', id: 'k1' }] });
  const [pickup] = world.code('123456');
  assert.deepEqual(
    ['slot', 'operation', 'key'].map((name) => pickup?.body[name]),
    [1, 'pickup', 'k1'],
  );
  world.put({ ...grant, targets: [{ kind: 'slot', id: 'box:3' }], operations: ['dropoff'] });
  const [entry] = world.code('123456');
  assert.equal(entry?.body['slot'], 3);
  assert.equal(entry?.body['operation'], 'dropoff');
});

test('a slot named by a live slot grant is never offered for returns', () => {
  const world = boxWorld();
  world.put(grantOf({ targets: [{ kind: 'slot', id: 'box:2' }], credentials: [pin('777777')] }));
  world.card('aaaaaaaaaa');
  const opened = world.asked.findLast(({ kind }) => kind === 'open-slot');
  assert.ok(opened?.kind === 'open-slot' && opened.slot === 3);
});

test('box-full: a first drop-off with no free slot', () => {
  const world = new World({
    points: [boxPoint({ box: { device: BOX, slots: [slotNumber(1)], disabledSlots: [] } })],
  });
  world.key('k1');
  world.put(grantOf());
  world.presence(1, true, true);
  expect(world.code('123456'), 'box-full');
});

test('lockdown: site or one access point, staff as it says, never a return', () => {
  const world = boxWorld();
  world.put(
    grantOf({ targets: [door, { kind: 'key', id: 'k1' }] }),
    grantOf({ targets: [door], credentials: [pin('654321')], options: { staff: true } }),
  );
  const lockdown = { kind: 'lockdown', lockdown: 'ld-1', by: 'cloud' } as const;
  world.command({ ...lockdown, scope: DOOR, allowStaff: true });
  expect(world.code('123456', DOOR_KEYPAD), 'lockdown');
  expect(world.code('654321', DOOR_KEYPAD), 'granted');
  expect(world.code('123456'), 'granted');
  world.command({ ...lockdown, scope: 'site', allowStaff: false });
  world.restart();
  expect(world.code('654321', DOOR_KEYPAD), 'lockdown');
  expect(world.code('123456'), 'lockdown');
  expect(world.card('aaaaaaaaaa'), 'granted');
  assert.equal(
    world.command({ kind: 'release', lockdown: 'other', by: 'cloud' }).refused?.reason,
    'lockdown',
  );
  world.command({ kind: 'release', lockdown: 'ld-1', by: 'cloud' });
  expect(world.code('654321', DOOR_KEYPAD), 'granted');
});

test('device-offline: what would be opened cannot be reached', () => {
  const world = boxWorld();
  world.put(grantOf());
  world.online.delete(BOX);
  expect(world.code('123456'), 'device-offline');
  expect(world.card('aaaaaaaaaa'), 'device-offline');
});

test('storage-unsafe: by policy; a counted grant never', () => {
  const staff = { options: { staff: true }, credentials: [pin('654321')], targets: [door] };
  for (const [auditFull, plain, ofStaff] of [
    ['deny', 'storage-unsafe', 'storage-unsafe'],
    ['allow_staff', 'storage-unsafe', 'granted'],
    ['allow', 'granted', 'granted'],
  ] as const) {
    const world = new World({ policies: { auditFull } });
    world.put(grantOf({ targets: [door] }), grantOf(staff));
    world.put(grantOf({ ...staff, credentials: [pin('888888')], uses: { max: 9 } }));
    world.storageSafe = false;
    expect(world.code('123456', DOOR_KEYPAD), plain);
    expect(world.code('654321', DOOR_KEYPAD), ofStaff);
    expect(world.code('888888', DOOR_KEYPAD), 'storage-unsafe');
  }
});

test('not-yet-valid and expired to the millisecond, half-open', () => {
  const world = doorWorld();
  const start = instant(world.now);
  world.put(
    grantOf({ targets: [door], window: { kind: 'instants', start, end: instant(start + HOUR) } }),
  );
  world.now = start - 1;
  expect(world.code('123456', DOOR_KEYPAD), 'not-yet-valid');
  world.now = start;
  expect(world.code('123456', DOOR_KEYPAD), 'granted');
  world.now = start + HOUR - 1;
  expect(world.code('123456', DOOR_KEYPAD), 'granted');
  world.now = start + HOUR;
  expect(world.code('123456', DOOR_KEYPAD), 'expired');
});

test('outside-schedule, and holiday where only the holiday is in the way', () => {
  const at = Date.UTC(2027, 4, 10, 10);
  const holidays = [{ date: '2027-05-17', windows: [] }];
  const world = new World({ at, policies: { holidays } });
  const weekly = [{ days: [1], from: '10:00', to: '13:00' }] as const;
  const grant = world.put(
    grantOf({ targets: [door], schedule: { zone: 'site', weekly, holidays: true } }),
  );
  expect(world.code('123456', DOOR_KEYPAD), 'granted');
  world.now = at + 25 * HOUR;
  expect(world.code('123456', DOOR_KEYPAD), 'outside-schedule');
  world.now = at + 7 * 24 * HOUR;
  expect(world.code('123456', DOOR_KEYPAD), 'holiday');
  world.put({ ...grant, rev: 2, schedule: { zone: 'site', weekly } });
  expect(world.code('123456', DOOR_KEYPAD), 'granted');
});

test('clock-untrusted: what is only possibly valid, by the three policies', () => {
  const at = Date.UTC(2027, 4, 10, 10);
  const lo = instant(at);
  const hi = instant(at + 12 * HOUR);
  const bounded = { kind: 'instants', start: instant(at - HOUR), end: instant(at + HOUR) } as const;
  const later = {
    kind: 'instants',
    start: instant(at + HOUR),
    end: instant(at + 2 * HOUR),
  } as const;
  const over = { kind: 'instants', end: instant(at) } as const;
  // Longer than grace: with none left, nobody knows how much of it has passed (T9).
  const long = {
    kind: 'instants',
    start: instant(at - HOUR),
    end: instant(at + 72 * HOUR),
  } as const;
  const schedule = {
    zone: 'site',
    weekly: [{ days: [1, 2], from: '10:00', to: '20:00' }],
  } as const;
  const always = { kind: 'ongoing' } as const;
  const cases = [
    // policy, window, schedule, grace left, staff, reason
    ['deny', bounded, undefined, 0, false, 'clock-untrusted'],
    ['deny', always, undefined, 0, false, 'granted'],
    ['deny', over, undefined, 0, false, 'expired'],
    ['deny', always, schedule, 0, true, 'clock-untrusted'],
    ['grace', bounded, undefined, HOUR, false, 'granted'],
    ['grace', later, undefined, HOUR, false, 'granted'],
    ['grace', bounded, undefined, 0, false, 'clock-untrusted'],
    ['grace', long, undefined, HOUR, false, 'granted'],
    ['grace', long, undefined, 0, false, 'clock-untrusted'],
    ['grace', always, undefined, 0, false, 'granted'],
    ['grace', over, undefined, HOUR, false, 'expired'],
    ['grace', always, schedule, HOUR, false, 'clock-untrusted'],
    ['assume', bounded, undefined, 0, false, 'granted'],
    ['assume', later, undefined, 0, false, 'not-yet-valid'],
    ['assume', always, schedule, 0, false, 'granted'],
  ] as const;
  for (const [clockUntrusted, window, week, graceLeft, isStaff, reason] of cases) {
    for (const state of ['floor', 'broken'] as const) {
      const world = new World({ at, policies: { clockUntrusted } });
      world.clock = {
        lo,
        hi: clockUntrusted === 'deny' ? instant(Number.POSITIVE_INFINITY) : hi,
        state,
        graceLeft,
      };
      const options = isStaff ? { staff: true } : {};
      world.put(grantOf({ targets: [door], window, options, ...(week ? { schedule: week } : {}) }));
      expect(world.code('123456', DOOR_KEYPAD), reason);
    }
  }
});

test('a grant without window and schedule is held by any clock', () => {
  for (const clockUntrusted of ['deny', 'grace', 'assume'] as const) {
    for (const staff of [true, false]) {
      const world = new World({ policies: { clockUntrusted } });
      world.put(grantOf({ targets: [door], options: { staff } }));
      world.clock = { lo: instant(0), hi: instant(Number.POSITIVE_INFINITY), state: 'broken' };
      expect(world.code('123456', DOOR_KEYPAD), 'granted');
    }
  }
});

test('with a known clock error, grace opens at its edges and deny does not', () => {
  for (const [clockUntrusted, reason] of [
    ['grace', 'granted'],
    ['deny', 'clock-untrusted'],
  ] as const) {
    for (const state of ['trusted', 'holdover'] as const) {
      const world = new World({ policies: { clockUntrusted } });
      world.clock = { lo: instant(world.now - 100), hi: instant(world.now + 100), state };
      const window = { kind: 'instants', start: instant(world.now) } as const;
      world.put(grantOf({ targets: [door], window }));
      expect(world.code('123456', DOOR_KEYPAD), reason);
    }
  }
});

test('when none grants, the reason furthest down the list is told', () => {
  const world = doorWorld();
  const revoked = world.put(grantOf({ targets: [door] }));
  world.revoke(revoked.id);
  const expired = grantOf({
    targets: [door],
    holder: holderId('bo'),
    window: { kind: 'instants', end: instant(1) },
  });
  world.put(expired);
  const [entry] = world.code('123456', DOOR_KEYPAD);
  expect([entry ?? assert.fail()], 'expired');
  assert.equal(entry?.sub, 'bo');
  assert.equal(entry?.body['grant'], expired.id);
});

test('several grants for the same thing: uncounted first, then the earliest end, then the id', () => {
  const world = doorWorld();
  const end = (hours: number) =>
    ({ kind: 'instants', end: instant(world.now + hours * HOUR) }) as const;
  const counted = grantOf({ id: grantId('a'), targets: [door], uses: { max: 9 }, window: end(1) });
  const late = grantOf({ id: grantId('b'), targets: [door] });
  const early = grantOf({ id: grantId('d'), targets: [door], window: end(2) });
  const same = grantOf({
    id: grantId('c'),
    targets: [door],
    window: end(2),
    holder: holderId('bo'),
  });
  world.put(counted);
  assert.equal(world.code('123456', DOOR_KEYPAD)[0]?.body['grant'], 'a');
  world.put(late);
  assert.equal(world.code('123456', DOOR_KEYPAD)[0]?.body['grant'], 'b');
  world.put(early);
  assert.equal(world.code('123456', DOOR_KEYPAD)[0]?.body['grant'], 'd');
  assert.equal(world.code('123456', DOOR_KEYPAD)[0]?.sub, 'anna');
  world.put(same);
  const [entry] = world.code('123456', DOOR_KEYPAD);
  assert.equal(entry?.body['grant'], 'c');
  assert.equal(entry?.sub, undefined);
  assert.equal(entry?.body['unattributed'], true);
});

test('which of several grants is taken does not depend on the order they came in', () => {
  const ends = [undefined, 1, 2, 3];
  fc.assert(
    fc.property(fc.shuffledSubarray(ends, { minLength: 1 }), (order) => {
      const world = doorWorld();
      for (const hours of order) {
        const end = hours === undefined ? {} : { end: instant(world.now + hours * HOUR) };
        const id = grantId(`g-${hours}`);
        world.put(grantOf({ id, targets: [door], window: { kind: 'instants', ...end } }));
      }
      const earliest = order.toSorted((a, b) => (a ?? 9) - (b ?? 9))[0];
      assert.equal(world.code('123456', DOOR_KEYPAD)[0]?.body['grant'], `g-${earliest}`);
    }),
  );
});

test('duress opens as usual and alarms silently; a refused one alarms too', () => {
  const plain = doorWorld();
  const forced = doorWorld();
  const grant = grantOf({ targets: [door] });
  plain.put(grant);
  forced.put({ ...grant, credentials: [pin('123456', { duress: true })] });
  const usual = plain.code('123456', DOOR_KEYPAD);
  const alarmed = forced.code('123456', DOOR_KEYPAD);
  assert.deepEqual(typesOf(alarmed), ['access.granted', 'security.duress']);
  assert.deepEqual(alarmed[0], usual[0]);
  assert.deepEqual(forced.asked, plain.asked);
  assert.equal(alarmed[1]?.body['alarm'], true);
  assert.equal(alarmed[1]?.body['silent'], true);
  forced.revoke(grant.id);
  plain.revoke(grant.id);
  assert.deepEqual(typesOf(forced.code('123456', DOOR_KEYPAD)), [
    'access.denied',
    'security.duress',
  ]);
  plain.code('123456', DOOR_KEYPAD);
  assert.deepEqual(forced.asked, plain.asked);
});

test('a code of duress that is a plain one of another grant alarms whichever of the two opens', () => {
  for (const [forcedUses, plainUses] of [
    [{ max: 9 }, undefined],
    [undefined, { max: 9 }],
  ]) {
    const counted = (uses: { max: number } | undefined) => (uses === undefined ? {} : { uses });
    const marked = grantOf({ id: grantId('forced'), targets: [door], ...counted(forcedUses) });
    const other = grantOf({ id: grantId('plain'), targets: [door], ...counted(plainUses) });
    const worlds = [true, false].map((duress) => {
      const world = doorWorld();
      world.put({ ...marked, credentials: [pin('123456', duress ? { duress } : {})] }, other);
      return { world, entries: world.code('123456', DOOR_KEYPAD) };
    });
    const [forced, usual] = worlds;
    assert.ok(forced !== undefined && usual !== undefined);
    assert.deepEqual(typesOf(forced.entries), ['access.granted', 'security.duress']);
    assert.deepEqual(forced.entries[0], usual.entries[0]);
    assert.equal(forced.entries[0]?.body['grant'], forcedUses === undefined ? 'forced' : 'plain');
    assert.equal(forced.entries[1]?.body['grant'], 'forced');
    assert.deepEqual(forced.world.asked, usual.world.asked);
  }
});

test('the keypad’s feedback is the same for every kind of refusal', () => {
  const world = boxWorld();
  world.put(grantOf({ window: { kind: 'instants', end: instant(1) } }));
  const feedback = ['123456', '999999', '12'].map((digits) => {
    world.code(digits);
    return world.asked.at(-1);
  });
  assert.deepEqual(feedback[1], feedback[0]);
  assert.deepEqual(feedback[2], feedback[0]);
});

test('no digits, no card number and no sealed code reach an entry or its evidence', () => {
  const world = doorWorld();
  world.put(
    grantOf({
      targets: [door],
      credentials: [pin('739251', { sealed: 'SEALED', duress: true }), card(CARD)],
    }),
  );
  world.code('739251', DOOR_KEYPAD);
  world.code('739252', DOOR_KEYPAD);
  world.card(CARD, DOOR_READER);
  const text = JSON.stringify(world.journal);
  for (const secret of ['739251', '739252', CARD, 'SEALED']) {
    assert.equal(
      text.replaceAll(`pin-${secret}`, '').replaceAll(`card-${secret}`, '').includes(secret),
      false,
    );
  }
  assert.equal(
    JSON.stringify(world.journal.map(({ evidence }) => evidence)).includes('duress'),
    false,
  );
});

test('the end of a window stops pick-up, never a return by code', () => {
  const world = boxWorld();
  const grant = world.put(
    grantOf({ window: { kind: 'instants', end: instant(world.now + HOUR) } }),
  );
  world.code('123456');
  world.result('done');
  world.door(1, true);
  world.presence(1, false);
  world.door(1, false);
  world.advance(2 * HOUR);
  world.revoke(grant.id);
  const [entry] = world.code('123456');
  assert.equal(entry?.type, 'access.granted');
  assert.equal(entry?.body['operation'], 'dropoff');
  assert.equal(entry?.body['return'], true);
});

test('every reason of the list was reached by a test above', () => {
  assert.deepEqual(
    REASONS.filter((reason) => !seen.has(reason)),
    [],
  );
});

test('knowledge is plain JSON: a decision is the same after a round trip', () => {
  const world = boxWorld();
  world.put(grantOf());
  const known = world.know({ kind: 'code-entered', device: KEYPAD, digits: '123456' });
  const shown = known.presentation ?? assert.fail();
  assert.deepEqual(shown, { kind: 'code', digits: 6, index: pinOf('123456') });
  const copy = JSON.parse(JSON.stringify(known));
  assert.deepEqual(decide(copy, shown, world.interval), decide(known, shown, world.interval));
});

test('a bad read does not end the wait for a fob to be attached, but ends a pair', () => {
  const bad = (device: typeof READER) =>
    ({ kind: 'card-malformed', device, bitCount: 3, fault: 'length' }) as const;
  const box = new World();
  box.key('k1');
  box.put(grantOf({ options: { allowSetup: true } }));
  box.pictures();
  box.code('123456');
  box.event(bad(READER));
  assert.deepEqual(typesOf(box.card('ffffffffff')), ['access.granted', 'access.fob_attached']);

  const pair = pairWorld();
  pair.card(CARD, DOOR_READER);
  pair.event(bad(DOOR_READER));
  assert.equal(reasonOf(pair.code('5555', DOOR_KEYPAD)), 'second-factor-required');
  assert.equal(pair.pending.size, 0);
});

test('what waits is cleared by what follows, and only then', () => {
  const world = boxWorld();
  world.key('k2', {}, 2);
  world.put(
    grantOf({
      targets: [
        { kind: 'key', id: 'k1' },
        { kind: 'key', id: 'k2' },
      ],
    }),
  );
  world.code('123456');
  assert.equal(world.pending.get(LOBBY)?.kind, 'choice');
  world.card(CARD, DOOR_READER);
  assert.equal(world.pending.get(LOBBY)?.kind, 'choice');
  world.code('0000');
  assert.equal(world.pending.size, 0);
});

test('a choice after card and PIN keeps both factors', () => {
  const world = boxWorld();
  world.key('k2', {}, 2);
  const credentials = [card(CARD), pin('5555', { combineWith: 'card' })];
  world.put(
    grantOf({
      credentials,
      targets: [
        { kind: 'key', id: 'k1' },
        { kind: 'key', id: 'k2' },
      ],
    }),
  );
  world.card(CARD);
  expect(world.code('5555'), 'choice-required');
  const [granted] = world.code('2');
  assert.equal(granted?.body['slot'], 2);
  assert.equal(granted?.body['method'], 'card+pin');
  expect(world.code('5555'), 'second-factor-required');
});

test('a card that several holders share names nobody while its PIN is awaited', () => {
  const of = (digits: string, holder: string) =>
    grantOf({
      holder: holderId(holder),
      credentials: [card(CARD), pin(digits, { combineWith: 'card' })],
      targets: [door],
    });
  const world = doorWorld();
  world.put(of('1111', 'anna'), of('2222', 'anna'));
  assert.equal(world.card(CARD, DOOR_READER)[0]?.sub, 'anna');
  world.put(of('3333', 'bo'));
  assert.equal(world.card(CARD, DOOR_READER)[0]?.sub, undefined);
});

test('anti-passback over a reboot: only reported, and by the wall clock it expires too', () => {
  const world = garage('hard');
  world.card(CARD, DOOR_READER);
  world.restart(59 * MINUTE);
  assert.deepEqual(typesOf(world.card(CARD, DOOR_READER)), [
    'access.granted',
    'access.anti_passback',
  ]);
  const later = garage('hard');
  later.card(CARD, DOOR_READER);
  later.restart(60 * MINUTE);
  assert.deepEqual(typesOf(later.card(CARD, DOOR_READER)), ['access.granted']);
});

test('nothing typed is no choice', () => {
  const world = boxWorld();
  world.key('k2', {}, 2);
  world.put(
    grantOf({
      targets: [
        { kind: 'key', id: 'k1' },
        { kind: 'key', id: 'k2' },
      ],
    }),
  );
  world.code('123456');
  expect(world.code(''), 'malformed');
  world.code('123456');
  assert.equal(world.code('002')[0]?.body['slot'], 2);
});

test('only the holidays that now can meet are kept with a decision', () => {
  const day = (date: string) => ({ date, windows: [] });
  const holidays = ['2027-05-06', '2027-05-07', '2027-05-10', '2027-05-13', '2027-05-14'].map(day);
  const world = new World({ policies: { holidays } });
  const known = world.know({ kind: 'code-entered', device: KEYPAD, digits: '123456' });
  assert.deepEqual(known.policies.holidays, holidays.slice(1, 4));
});

test('under deny a window must hold all of the interval, to its very ends', () => {
  const at = Date.UTC(2027, 4, 10, 10);
  for (const [start, end, reason] of [
    [at, at + 200, 'granted'],
    [at, at + 199, 'clock-untrusted'],
    [at + 1, at + 200, 'clock-untrusted'],
  ] as const) {
    const world = new World({ at, policies: { clockUntrusted: 'deny' } });
    world.clock = { lo: instant(at), hi: instant(at + 200), state: 'trusted' };
    const window = { kind: 'instants', start: instant(start), end: instant(end) } as const;
    world.put(grantOf({ targets: [door], window }));
    expect(world.code('123456', DOOR_KEYPAD), reason);
  }
});

test('two locks of one access point open together or, with one out of reach, not at all', () => {
  const second = deviceId('lock-2');
  const world = doorWorld({ points: [doorPoint({ locks: [LOCK, second] })] });
  world.put(grantOf({ targets: [{ kind: 'location', id: DOOR }] }));
  world.online.delete(second);
  expect(world.code('123456', DOOR_KEYPAD), 'device-offline');
});

test('a holder’s fob needs its PIN as a card does, a phone does not', () => {
  for (const [kind, reason] of [
    ['fob', 'second-factor-required'],
    ['mobile_key', 'granted'],
  ] as const) {
    const world = doorWorld();
    const credentials = [card(CARD, { kind }), pin('5555', { combineWith: 'card' })];
    world.put(grantOf({ credentials, targets: [door] }));
    expect(world.card(CARD, DOOR_READER), reason);
  }
});

/** The key is out with anna under this grant. */
function takenUnder(world: World, grant: ReturnType<typeof grantOf>): void {
  const body = { key: 'k1', place: 'holder', grant: grant.id, by: 'test' };
  world.record([{ type: 'access.corrected', sub: grant.holder, body }]);
  world.pictures();
}

test('a key comes back by any code of its holder that names it, and by no code of another', () => {
  const world = boxWorld();
  const first = world.put(grantOf({ credentials: [pin('111111')] }));
  world.put(grantOf({ credentials: [pin('222222')] }));
  world.put(grantOf({ credentials: [pin('333333')], targets: [{ kind: 'key', id: 'k2' }] }));
  world.put(grantOf({ credentials: [pin('444444')], holder: holderId('bo') }));
  takenUnder(world, first);
  expect(world.code('333333'), 'wrong-access-point');
  expect(world.code('444444'), 'key-held-by-another');
  world.revoke(first.id);
  for (const digits of ['222222', '111111']) {
    const [entry] = world.code(digits);
    assert.equal(entry?.body['return'], true, digits);
    assert.equal(entry?.body['due'], undefined);
  }
});

test('a code whose key belongs elsewhere opens what else it may, and else tells where the key goes', () => {
  const points = [boxPoint({ locks: [LOCK] }), boxPoint({ id: DOOR, readers: [DOOR_READER] })];
  const world = new World({ points });
  world.key('k1', { home: DOOR }, 1);
  const grant = world.put(grantOf({ targets: [{ kind: 'key', id: 'k1' }, door] }));
  takenUnder(world, grant);
  const [entry] = world.code('123456');
  assert.equal(entry?.body['operation'], 'unlock');
  world.put({ ...grant, targets: [{ kind: 'key', id: 'k1' }] });
  const [refused] = world.code('123456');
  assert.equal(refused?.body['reason'], 'wrong-access-point');
  assert.equal(refused?.body['operation'], 'dropoff');
});

test('a return on an unsafe store follows the policy; staff by their code only', () => {
  for (const [auditFull, guest, staff] of [
    ['deny', 'storage-unsafe', 'storage-unsafe'],
    ['allow_staff', 'storage-unsafe', 'granted'],
    ['allow', 'granted', 'granted'],
  ] as const) {
    for (const [isStaff, reason] of [
      [false, guest],
      [true, staff],
    ] as const) {
      const world = boxWorld();
      world.policies = { ...world.policies, auditFull };
      world.site.policies = world.policies;
      takenUnder(world, world.put(grantOf({ options: { staff: isStaff } })));
      world.storageSafe = false;
      expect(world.code('123456'), reason);
    }
  }
});

test('a key goes back into the slot that it came from', () => {
  const world = boxWorld();
  world.key('k2', { fob: fobOf('bbbbbbbbbb') }, 3);
  const body = { key: 'k2', place: 'holder', by: 'test' };
  world.record([{ type: 'access.corrected', sub: holderId('anna'), body }]);
  const [entry] = world.card('bbbbbbbbbb');
  assert.equal(entry?.body['slot'], 3);
});

test('only a live grant lets a fob be attached to the key that it brings back', () => {
  for (const isLive of [true, false]) {
    const world = new World();
    world.key('k1', {}, 1);
    const grant = world.put(grantOf({ options: { allowSetup: true } }));
    takenUnder(world, grant);
    if (!isLive) world.revoke(grant.id);
    expect(world.code('123456'), 'granted');
    assert.equal(world.pending.get(LOBBY)?.kind, isLive ? 'attach-fob' : undefined);
  }
});

test('a fob that a key got meanwhile is not followed by a second', () => {
  const world = new World();
  world.key('k1', {}, 1);
  takenUnder(world, world.put(grantOf({ options: { allowSetup: true } })));
  expect(world.code('123456'), 'granted');
  world.key('k1', { fob: fobOf('aaaaaaaaaa') });
  expect(world.card('ffffffffff'), 'unknown-credential');
});

test('access levels stand beside other targets, and a circle of them names what is in it', () => {
  const accessLevels = new Map([
    ['staff', [{ kind: 'access_level', id: 'all' } as const]],
    ['all', [{ kind: 'access_level', id: 'staff' } as const, door]],
  ]);
  const world = new World({ policies: { accessLevels } });
  const targets = [
    { kind: 'key', id: 'k1' } as const,
    { kind: 'access_level', id: 'staff' } as const,
  ];
  world.put(grantOf({ targets }));
  expect(world.code('123456', DOOR_KEYPAD), 'granted');
});

test('P5: no reset word that was ever spent gives uses again, however many came since', () => {
  const world = doorWorld();
  const grant = world.put(grantOf({ targets: [door], uses: { max: 1, reset: 'w0' } }));
  const words = ['w0', 'w1', 'w2', 'w3'];
  for (const [at, reset] of words.entries()) {
    world.put({ ...grant, rev: at + 2, uses: { max: 1, reset } });
    expect(world.code('123456', DOOR_KEYPAD), 'granted');
    for (const [older, spent] of words.slice(0, at + 1).entries()) {
      world.put({ ...grant, rev: 10 * (at + 1) + older, uses: { max: 1, reset: spent } });
      expect(world.code('123456', DOOR_KEYPAD), 'uses-exhausted');
    }
  }
});
