import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answerTo, nextWake } from '../../../daemon/access/answer.ts';
import { gatherForTimer } from '../../../daemon/access/gather.ts';
import { credentialIndex, holderId, keyId } from '../../../daemon/access/model.ts';
import type { InputRole } from '../../../daemon/access/site-facts.ts';
import { actuationId, deviceId, FIRE_HOLD, slotNumber } from '../../../drivers/contract/device.ts';
import { instant, uptime } from '../../../drivers/contract/time.ts';
import {
  BOX,
  boxPoint,
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
  READER,
  reasonOf,
  SLOT_READERS,
  typesOf,
  World,
} from './world.ts';

const IO = deviceId('io');
const FOB = '0f00012abc';
const door = { kind: 'lock', id: LOCK } as const;
const contact = (isOpen: boolean, first = false) =>
  ({ kind: 'door-contact', device: LOCK, isOpen, first }) as const;

function doorWorld(): World {
  const world = new World({
    points: [boxPoint(), doorPoint()],
    inputs: [
      { device: IO, input: 1, does: 'rex', accessPoint: DOOR, locks: [] },
      { device: IO, input: 2, does: 'fire', locks: [LOCK, BOX] },
      { device: IO, input: 3, does: 'tamper', locks: [] },
    ],
  });
  world.put(grantOf({ targets: [door], uses: { max: 5 } }));
  world.event(contact(false, true));
  return world;
}

const used = (world: World) => [...world.ledger.all('use')][0]?.[1].count;
const underWay = (world: World) => [...world.ledger.all('opening')].length;

test('a lock that opened: its door may be opened until it has locked again, and ten seconds more', () => {
  const world = doorWorld();
  world.code('123456', DOOR_KEYPAD);
  assert.deepEqual(typesOf(world.event(contact(true))), ['device.door']);
  assert.deepEqual(typesOf(world.event(contact(true))), []);
  world.event(contact(false));
  const [opened] = world.result('done');
  assert.equal(opened?.type, 'access.opened');
  assert.equal(opened?.body['lock'], LOCK);
  assert.equal(underWay(world), 0);
  world.advance(15_000);
  assert.deepEqual(typesOf(world.event(contact(true))), ['device.door']);
  world.event(contact(false));
  world.advance(1);
  const [forced] = world.event(contact(true));
  assert.equal(forced?.type, 'access.forced_open');
  assert.equal(forced?.body['alarm'], true);
});

test('a door opened after a reboot is forced, whatever was expected before', () => {
  const world = doorWorld();
  world.code('123456', DOOR_KEYPAD);
  world.result('done');
  world.restart();
  assert.deepEqual(typesOf(world.event(contact(true))), ['access.forced_open']);
});

test('what a lock says of an unlock: failed and withdrawn give the use back, unknown does not', () => {
  for (const [result, type, count] of [
    ['failed', 'access.open_failed', 0],
    ['refused', 'access.withdrawn', 0],
    ['unknown', 'access.unknown_outcome', 1],
  ] as const) {
    const world = doorWorld();
    world.code('123456', DOOR_KEYPAD);
    assert.equal(used(world), 1);
    const [entry] = world.result(result);
    assert.equal(entry?.type, type);
    assert.equal(entry?.sub, 'anna');
    assert.equal(used(world), count);
    assert.equal(underWay(world), 0);
  }
});

test('a lock that failed, and whose door was opened all the same: the use is spent', () => {
  const world = doorWorld();
  world.code('123456', DOOR_KEYPAD);
  assert.deepEqual(typesOf(world.event(contact(true))), ['device.door']);
  assert.deepEqual(typesOf(world.result('failed')), ['access.opened']);
  assert.deepEqual([used(world), underWay(world)], [1, 0]);
  // It stands open since: that tells nothing of the next.
  world.advance(1000);
  world.code('123456', DOOR_KEYPAD);
  assert.deepEqual(typesOf(world.result('failed')), ['access.open_failed']);
  assert.equal(used(world), 1);
});

test('a lock of which nobody can tell whether it opened: who opens its door has not forced it', () => {
  const world = doorWorld();
  world.code('123456', DOOR_KEYPAD);
  world.result('unknown');
  world.advance(15_000);
  assert.deepEqual(typesOf(world.event(contact(true))), ['device.door']);
  world.event(contact(false));
  world.advance(1);
  assert.deepEqual(typesOf(world.event(contact(true))), ['access.forced_open']);
});

test('what a box says of a slot: refused gives back, unknown is settled by what is seen', () => {
  const world = new World();
  world.key('k1', { fob: fobOf(FOB) }, 1);
  world.put(grantOf({ uses: { max: 5 } }));
  world.pictures();
  world.code('123456');
  assert.deepEqual(typesOf(world.result('refused')), ['access.withdrawn']);
  assert.deepEqual([used(world), underWay(world)], [0, 0]);
  world.code('123456');
  assert.deepEqual(typesOf(world.result('unknown')), ['access.unknown_outcome']);
  assert.equal(underWay(world), 1);
  world.door(1, true);
  assert.deepEqual(typesOf(world.presence(1, false)), ['device.slot', 'access.taken']);
  world.door(1, false);
  world.card(FOB);
  assert.deepEqual(typesOf(world.result('failed')), ['access.open_failed']);
  assert.equal(world.placeOf('k1'), 'with anna');
  assert.deepEqual([used(world), underWay(world)], [1, 0]);
});

test('a result of nothing that waits is only told when it is bad', () => {
  const world = doorWorld();
  const result = (id: string, what: 'done' | 'failed') =>
    world.event({
      kind: 'actuation-result',
      device: LOCK,
      actuation: actuationId(id),
      result: what,
      sent: true,
      acknowledged: true,
      observed: false,
      detail: 'x',
    });
  assert.deepEqual(result('a-77', 'done'), []);
  const [failed] = result('a-77', 'failed');
  assert.equal(failed?.type, 'access.open_failed');
  assert.equal(failed?.body['opening'], 77);
  assert.deepEqual(result('n-1', 'failed'), []);
  assert.deepEqual(result('a-7x', 'failed'), []);
});

test('a release for fire that comes to nothing is told, though its entry came after it', () => {
  const world = doorWorld();
  world.event(input(2, true));
  const [failed, ...others] = world.event({
    kind: 'actuation-result',
    device: LOCK,
    actuation: actuationId('f-1'),
    result: 'refused',
    sent: false,
    acknowledged: false,
    observed: false,
    detail: 'the board does not answer',
  });
  assert.equal(failed?.type, 'access.open_failed');
  assert.deepEqual([failed?.body['lock'], failed?.body['alarm']], [LOCK, true]);
  assert.deepEqual(others, []);
});

test('a lock that says nothing for 30 seconds after its pulse: unknown outcome', () => {
  const world = doorWorld();
  world.code('123456', DOOR_KEYPAD);
  assert.deepEqual(world.advance(34_999), []);
  assert.deepEqual(typesOf(world.advance(1)), ['access.unknown_outcome']);
  assert.equal(used(world), 1);
});

test('a lock held open by hand or for passage expects its door to open', () => {
  const world = doorWorld();
  const state = (name: 'unlocked' | 'locked' | 'jammed', first = false) =>
    world.event({ kind: 'lock-state', device: LOCK, state: name, first });
  assert.deepEqual(state('locked', true), []);
  assert.deepEqual(typesOf(state('unlocked')), ['device.lock_state']);
  assert.deepEqual(state('unlocked', true), []);
  assert.deepEqual(typesOf(world.event(contact(true))), ['device.door']);
  world.event(contact(false));
  state('locked');
  assert.deepEqual(typesOf(world.event(contact(true))), ['access.forced_open']);
  const [jammed] = state('jammed', true);
  assert.equal(jammed?.body['alarm'], true);
});

test('a door found open at the first look was not forced before our eyes', () => {
  const world = doorWorld();
  assert.deepEqual(typesOf(world.event(contact(true, true))), ['device.door']);
});

test('an exit button ends no longer opening of its lock', () => {
  const world = doorWorld();
  world.command({ kind: 'unlock', device: LOCK, hold: MINUTE, by: 'anna' });
  world.result('done');
  world.event(input(1, true));
  world.advance(MINUTE);
  assert.deepEqual(typesOf(world.event(contact(true))), ['device.door']);
});

test('a door held open, and closed later', () => {
  const world = doorWorld();
  world.code('123456', DOOR_KEYPAD);
  world.result('done');
  world.event(contact(true));
  assert.deepEqual(world.advance(MINUTE - 1), []);
  const [held] = world.advance(1);
  assert.equal(held?.type, 'access.held_open');
  assert.equal(held?.body['lock'], LOCK);
  assert.deepEqual(world.advance(HOUR), []);
  const [, closed] = world.event(contact(false));
  assert.equal(closed?.type, 'access.closed_late');
  assert.equal(closed?.body['openMs'], HOUR + MINUTE);
  assert.deepEqual(world.ledger.get('slot', 'lock:door')?.flags, []);
});

const input = (number: number, active: boolean, first = false) =>
  ({ kind: 'input', device: IO, input: number, active, first }) as const;

test('an exit button lets its door be opened', () => {
  const world = doorWorld();
  assert.deepEqual(world.event(input(1, false)), []);
  assert.deepEqual(world.event(input(1, true, true)), []);
  const [egress] = world.event(input(1, true));
  assert.equal(egress?.type, 'access.egress');
  assert.equal(egress?.body['accessPoint'], DOOR);
  world.advance(15_000);
  assert.deepEqual(typesOf(world.event(contact(true))), ['device.door']);
});

test('fire releases the locks named for it at once, never a key box, storage safe or not', () => {
  const world = doorWorld();
  world.storageSafe = false;
  world.command({ kind: 'lockdown', lockdown: 'l', scope: 'site', allowStaff: false, by: 'cloud' });
  const [release, ...others] = world.event(input(2, true));
  assert.equal(others.length, 0);
  assert.equal(release?.type, 'security.fire_release');
  assert.equal(release?.body['alarm'], true);
  const asked = world.asked.at(-1);
  assert.ok(asked?.kind === 'unlock' && asked.device === LOCK && asked.atOnce === true);
  assert.ok(!world.asked.some(({ device }) => device === BOX));
  assert.deepEqual(typesOf(world.event(contact(true))), ['device.door']);
  assert.deepEqual(world.advance(HOUR), [], 'a door open for fire is not held open');
  assert.ok(
    world.asked.filter(({ kind, device }) => kind === 'unlock' && device === LOCK).length > 1,
  );
  world.event(contact(false));
  assert.deepEqual(typesOf(world.event(input(2, false))), ['security.fire_cleared']);
  assert.deepEqual(world.event(input(2, false, true)), []);
  const before = world.asked.length;
  world.advance(HOUR);
  assert.equal(world.asked.length, before);
  assert.deepEqual(typesOf(world.event(contact(true))), ['access.forced_open']);
});

test('fire found at the first look releases, and its end found at the first look is recorded', () => {
  const world = doorWorld();
  assert.deepEqual(typesOf(world.event(input(2, true, true))), ['security.fire_release']);
  assert.deepEqual(typesOf(world.event(input(2, false, true))), ['security.fire_cleared']);
});

const opensOf = (world: World) =>
  world.asked.flatMap((each) => (each.kind === 'unlock' ? [each] : []));

test('fire: a lock that comes back is released at once, and no other', () => {
  const world = doorWorld();
  world.event({ kind: 'online', device: LOCK });
  world.event(input(2, true));
  const before = opensOf(world).length;
  world.event({ kind: 'online', device: BOX });
  assert.equal(opensOf(world).length, before);
  assert.deepEqual(typesOf(world.event({ kind: 'online', device: LOCK })), ['device.online']);
  const again = opensOf(world).at(-1);
  assert.deepEqual([opensOf(world).length, again?.device, again?.atOnce], [before + 1, LOCK, true]);
  world.event(input(2, false));
  world.event({ kind: 'online', device: LOCK });
  assert.equal(opensOf(world).length, before + 1);
});

test('fire: nobody shuts what it opened, by a card, by a command, or by a start', () => {
  const world = doorWorld();
  world.event({ kind: 'online', device: LOCK });
  world.code('123456', DOOR_KEYPAD);
  assert.equal(opensOf(world).at(-1)?.hold, 5000);
  world.event(input(2, true));
  world.code('123456', DOOR_KEYPAD);
  assert.equal(opensOf(world).at(-1)?.hold, FIRE_HOLD);
  world.command({ kind: 'unlock', device: LOCK, hold: 1000, by: 'anna' });
  assert.equal(opensOf(world).at(-1)?.hold, FIRE_HOLD);
  world.command({ kind: 'unlock', device: LOCK, hold: 60_000, by: 'anna' });
  assert.equal(opensOf(world).at(-1)?.hold, 60_000);
  const { refused } = world.command({ kind: 'lock', device: LOCK, by: 'anna' });
  assert.equal(refused?.reason, 'operation-not-allowed');
  world.restart();
  assert.ok(!world.asked.some(({ kind }) => kind === 'lock'));
});

test('fire at two inputs: the lock is held until both are clear', () => {
  const world = new World({
    points: [doorPoint()],
    inputs: [2, 4].map((at) => ({ device: IO, input: at, does: 'fire', locks: [LOCK] })),
  });
  const isHeld = () => {
    const before = opensOf(world).length;
    world.advance(MINUTE);
    return opensOf(world).length > before;
  };
  world.event(input(2, true));
  world.event(input(4, true));
  world.event(input(4, true, true));
  world.event(input(2, false));
  assert.ok(isHeld());
  assert.deepEqual(world.event(input(2, false, true)), [], 'told already');
  world.event(input(4, false));
  assert.ok(!isHeld());
});

test('fire: what an input holds that the config names no more is let go at the next start, and told', () => {
  const fire = (at: number): InputRole => ({ device: IO, input: at, does: 'fire', locks: [LOCK] });
  const inputs = [fire(2), fire(4)];
  const world = new World({ points: [doorPoint()], inputs });
  const isHeld = () => {
    const before = opensOf(world).length;
    world.advance(MINUTE);
    return opensOf(world).length > before;
  };
  world.event(input(2, true));
  world.event(input(4, true));
  assert.deepEqual(world.restart(), [], 'both are read still');
  assert.ok(isHeld());
  inputs.shift();
  const [letGo, ...others] = world.restart();
  assert.deepEqual([letGo?.type, others], ['security.fire_cleared', []]);
  assert.deepEqual(letGo?.body, { input: 2, locks: [LOCK], why: 'not in the config any more' });
  assert.ok(isHeld(), 'by the other');
  inputs[0] = { ...fire(4), locks: [] };
  assert.equal(world.restart().length, 1, 'it is read for other locks');
  assert.ok(!isHeld());
  assert.deepEqual(world.restart(), []);
});

test('tamper, and inputs that mean nothing', () => {
  const world = doorWorld();
  assert.deepEqual(world.event(input(3, false, true)), []);
  const [raised] = world.event(input(3, true, true));
  assert.equal(raised?.type, 'device.tamper');
  assert.equal(raised?.body['alarm'], true);
  assert.deepEqual(typesOf(world.event(input(3, false))), ['device.tamper_cleared']);
  const other = { kind: 'input', device: LOCK, input: 9, active: true } as const;
  assert.deepEqual(typesOf(world.event({ ...other, first: false })), ['device.input']);
  assert.deepEqual(world.event({ ...other, first: true }), []);
});

test('one input with two meanings: each entry keeps its own intent', () => {
  const world = new World({
    points: [doorPoint()],
    inputs: [
      { device: IO, input: 1, does: 'rex', accessPoint: DOOR, locks: [] },
      { device: IO, input: 1, does: 'fire', accessPoint: DOOR, locks: [LOCK] },
    ],
  });
  const answer = answerTo(input(1, true), world.know(input(1, true)), world.stamp);
  assert.deepEqual(typesOf(answer.entries), ['access.egress', 'security.fire_release']);
  assert.equal(answer.actuations[0]?.intent, 1);
});

test('what devices say of themselves is recorded as it comes', () => {
  const world = doorWorld();
  for (const [event, type, field, value] of [
    [{ kind: 'online' }, 'device.online', 'why', undefined],
    [{ kind: 'offline', why: 'silent' }, 'device.offline', 'why', 'silent'],
    [{ kind: 'tamper', state: 'raised' }, 'device.tamper', 'alarm', true],
    [{ kind: 'tamper', state: 'cleared' }, 'device.tamper_cleared', 'alarm', undefined],
    [{ kind: 'power', state: 'lost' }, 'device.power', 'state', 'lost'],
    [{ kind: 'power', state: 'rebooted' }, 'device.restarted', 'state', undefined],
    [{ kind: 'battery', percent: 9, critical: true }, 'device.battery', 'alarm', true],
    [{ kind: 'battery', percent: 90, critical: false }, 'device.battery', 'alarm', undefined],
    [
      { kind: 'identity', model: 'm', serial: 's', firmware: 'f' },
      'device.identity',
      'serial',
      's',
    ],
    [
      { kind: 'fault', fault: 'silent', state: 'raised', detail: 'd' },
      'device.fault',
      'fault',
      'silent',
    ],
    [
      { kind: 'fault', fault: 'silent', state: 'cleared', detail: 'd' },
      'device.fault_cleared',
      'fault',
      'silent',
    ],
    [
      { kind: 'device-log', index: 1, at: 2, action: 'unlock', by: 'hand', detail: '' },
      'device.log',
      'action',
      'unlock',
    ],
    [
      { kind: 'code-memory', actuation: actuationId('a-1'), entry: 'g', state: 'present' },
      'device.code_memory',
      'state',
      'present',
    ],
  ] as const) {
    const [entry] = world.event({ ...event, device: LOCK });
    assert.equal(entry?.type, type);
    assert.equal(entry?.body[field], value, type);
    assert.equal(entry?.device, LOCK);
  }
  assert.deepEqual(world.event({ kind: 'keypad', device: DOOR_KEYPAD, notice: 'key' }), []);
});

test('events of devices that belong nowhere open nothing', () => {
  const world = doorWorld();
  const stray = deviceId('stray');
  const slot = slotNumber(1);
  for (const first of [true, false]) {
    assert.deepEqual(
      world.event({ kind: 'slot-presence', device: stray, slot, present: true, first }),
      [],
    );
    assert.deepEqual(
      world.event({ kind: 'slot-door', device: stray, slot, isOpen: true, first }),
      [],
    );
  }
  assert.deepEqual(typesOf(world.event({ kind: 'online', device: stray })), ['device.online']);
});

test('an operator’s opening is an intent, and answers for the key until it is back', () => {
  const world = new World();
  world.key('k1', { fob: fobOf(FOB) }, 1);
  world.pictures();
  const open = {
    kind: 'slot.open',
    device: BOX,
    slot: slotNumber(1),
    by: 'usr-9',
    id: 'c-1',
    why: 'stranded',
  } as const;
  world.command({ ...open, holder: holderId('guest') });
  const intent = world.journal.at(-1);
  assert.equal(intent?.type, 'access.commanded');
  assert.deepEqual(
    [intent?.body['by'], intent?.body['command'], intent?.body['why']],
    ['usr-9', 'c-1', 'stranded'],
  );
  const asked = world.asked.at(-1);
  assert.ok(asked?.kind === 'open-slot' && asked.id === `a-${intent?.seq}` && asked.hold === 5_000);
  world.result('done');
  world.door(1, true);
  world.presence(1, false);
  world.door(1, false);
  assert.equal(world.placeOf('k1'), 'with guest');
  assert.equal(underWay(world), 0);

  const own = new World();
  own.key('k1', {}, 1);
  own.pictures();
  own.command(open);
  own.door(1, true);
  own.presence(1, false);
  assert.equal(own.placeOf('k1'), 'with usr-9');
});

test('an operator opens an empty slot and shuts it again', () => {
  const world = new World();
  world.pictures();
  world.command({ kind: 'slot.open', device: BOX, slot: slotNumber(3), hold: 2_000, by: 'usr-9' });
  world.door(3, true);
  assert.deepEqual(typesOf(world.door(3, false)), ['device.slot', 'device.slot']);
  assert.equal(underWay(world), 0);
  world.command({ kind: 'slot.open', device: BOX, slot: slotNumber(3), hold: 2_000, by: 'usr-9' });
  assert.deepEqual(typesOf(world.advance(32_000)), ['access.jammed']);
});

test('commands: unlock and lock with their intents', () => {
  const world = doorWorld();
  world.command({ kind: 'unlock', device: LOCK, by: 'usr-9' });
  const unlock = world.asked.at(-1);
  assert.ok(unlock?.kind === 'unlock' && unlock.hold === 5_000 && unlock.id !== '');
  world.command({ kind: 'unlock', device: LOCK, hold: 9_000, by: 'usr-9' });
  const longer = world.asked.at(-1);
  assert.ok(longer?.kind === 'unlock' && longer.hold === 9_000);
  world.command({ kind: 'lock', device: LOCK, by: 'usr-9' });
  assert.equal(world.asked.at(-1)?.kind, 'lock');
  assert.equal(world.journal.at(-1)?.body['operation'], 'lock');
  assert.equal(underWay(world), 2);
});

test('commands that cannot be done say why, and record nothing', () => {
  const world = doorWorld();
  const before = world.journal.length;
  const by = 'usr-9';
  const nobody = deviceId('nobody');
  const key = keyId('none');
  for (const [command, reason] of [
    [{ kind: 'slot.open', device: nobody, slot: slotNumber(1) }, 'device-unknown'],
    [{ kind: 'slot.open', device: BOX, slot: slotNumber(9) }, 'device-unknown'],
    [{ kind: 'unlock', device: nobody }, 'device-offline'],
    [{ kind: 'unlock', device: DOOR_READER }, 'device-unknown'],
    [{ kind: 'lock', device: nobody }, 'device-offline'],
    [{ kind: 'release', lockdown: 'none' }, 'lockdown'],
    [{ kind: 'keypad.reset', device: READER }, 'device-unknown'],
    [{ kind: 'key.correct', key, place: { kind: 'lost' } }, 'key-not-here'],
    [{ kind: 'slot.prove', device: LOCK, slot: slotNumber(1) }, 'device-unknown'],
    [{ kind: 'fob.attach', key, fob: credentialIndex('0'.repeat(32)) }, 'key-not-here'],
    [{ kind: 'fob.detach', key }, 'key-not-here'],
  ] as const) {
    assert.equal(world.command({ ...command, by }).refused?.reason, reason, command.kind);
  }
  world.key('k1');
  const wrong = { kind: 'slot', box: BOX, slot: slotNumber(9) } as const;
  assert.equal(
    world.command({ kind: 'key.correct', key: keyId('k1'), place: wrong, by }).refused?.reason,
    'device-unknown',
  );
  world.online.delete(BOX);
  const open = { kind: 'slot.open', device: BOX, slot: slotNumber(1), by } as const;
  assert.equal(world.command(open).refused?.reason, 'device-offline');
  world.online.add(BOX);
  world.storageSafe = false;
  assert.equal(world.command(open).refused, undefined);
  world.site.policies = { ...world.policies, auditFull: 'deny' };
  assert.equal(world.command(open).refused?.reason, 'storage-unsafe');
  assert.equal(world.journal.length, before + 1);
});

test('a fob attached by a manager brings its key home', () => {
  const world = new World();
  world.key('k1');
  world.pictures();
  world.command({ kind: 'fob.attach', key: keyId('k1'), fob: fobOf(FOB), by: 'manager' });
  assert.equal(world.card(FOB)[0]?.body['return'], true);
  world.command({ kind: 'fob.detach', key: keyId('k1'), by: 'manager' });
  assert.equal(reasonOf(world.card(FOB)), 'unknown-credential');
});

test('the next wake is the first of all deadlines', () => {
  const world = new World({ points: [boxPoint(), doorPoint()] });
  const wake = () => {
    const at = nextWake(gatherForTimer(world.ports, world.stamp), world.stamp);
    return at === undefined ? undefined : at - world.up;
  };
  assert.equal(wake(), undefined);
  world.key('k1', { fob: fobOf(FOB) }, 1);
  const end = instant(world.now + 30 * MINUTE);
  world.put(grantOf({ window: { kind: 'instants', end }, options: { remindMinutes: 10 } }));
  world.pictures();
  world.code('123456');
  assert.equal(wake(), 35_000);
  world.door(1, true);
  assert.equal(wake(), MINUTE);
  world.presence(1, false);
  world.door(1, false);
  assert.equal(wake(), 20 * MINUTE);
  world.advance(20 * MINUTE);
  assert.equal(wake(), 10 * MINUTE);
  world.advance(10 * MINUTE);
  assert.equal(wake(), undefined);
  world.pending.set(LOBBY, {
    kind: 'attach-fob',
    until: uptime(world.up + 7),
    key: keyId('k1'),
    grant: grantOf().id,
  });
  assert.equal(wake(), 7);
  world.advance(7);
  assert.equal(world.pending.size, 0);
  world.event({ kind: 'door-contact', device: LOCK, isOpen: true, first: false });
  assert.equal(wake(), MINUTE);
  world.restart();
  assert.equal(wake(), MINUTE);
});

test('a far wall time is looked at again each hour', () => {
  const world = new World();
  world.key('k1', {}, 1);
  world.put(grantOf({ window: { kind: 'instants', end: instant(world.now + 90 * 24 * HOUR) } }));
  world.code('123456');
  world.presence(1, true);
  world.presence(1, false);
  const at = nextWake(gatherForTimer(world.ports, world.stamp), world.stamp);
  assert.equal(at, world.up + HOUR);
});

test('a grant made longer while the key is out moves what is due, and one made shorter too', () => {
  const world = new World();
  world.key('k1', { fob: fobOf(FOB) }, 1);
  const grant = world.put(
    grantOf({ window: { kind: 'instants', end: instant(world.now + HOUR) } }),
  );
  world.pictures();
  world.code('123456');
  world.door(1, true);
  world.presence(1, false);
  world.door(1, false);
  world.put({ ...grant, rev: 2, window: { kind: 'instants', end: instant(world.now + 3 * HOUR) } });
  assert.deepEqual(world.advance(2 * HOUR), []);
  assert.deepEqual(typesOf(world.advance(HOUR)), ['access.overdue']);
});

test('a key out under a clock that is not sure is overdue only when it certainly is', () => {
  const world = new World();
  world.key('k1', { fob: fobOf(FOB) }, 1);
  world.put(grantOf({ window: { kind: 'instants', end: instant(world.now + HOUR) } }));
  world.pictures();
  world.code('123456');
  world.door(1, true);
  world.presence(1, false);
  world.door(1, false);
  world.clock = { lo: instant(world.now), hi: instant(world.now + 12 * HOUR), state: 'floor' };
  assert.deepEqual(world.advance(2 * HOUR), []);
  world.clock = { lo: instant(world.now), hi: instant(world.now + 1), state: 'trusted' };
  assert.deepEqual(typesOf(world.tick()), ['access.overdue']);
});

test('a slot reader that says nothing after the door was shut: judged by what else is seen', () => {
  for (const [presence, key, expected] of [
    [true, 'slot 1', 'access.content_unknown'],
    [false, 'with anna', 'access.taken'],
  ] as const) {
    const world = new World({ points: [boxPoint({ slotReaders: SLOT_READERS })] });
    world.key('k1', { fob: fobOf(FOB) }, 1);
    world.put(grantOf());
    world.pictures({ door: true, presence });
    world.code('123456');
    world.result('done');
    world.door(1, true);
    world.door(1, false);
    assert.deepEqual(world.advance(4_999), []);
    assert.deepEqual(typesOf(world.advance(1)), [expected]);
    assert.equal(world.placeOf('k1'), key);
  }
});

test('a presentation at a keypad where nothing is set up is refused, and a card at a slot reader opens nothing', () => {
  const world = new World({ points: [boxPoint({ slotReaders: SLOT_READERS })] });
  world.key('k1', {}, 1);
  world.put(grantOf());
  assert.equal(
    reasonOf(world.event({ kind: 'code-entered', device: deviceId('in-1'), digits: '123456' })),
    'device-unknown',
  );
  const before = world.asked.length;
  world.card('ffffffffff', deviceId('in-2'));
  world.event({ kind: 'card-malformed', device: deviceId('in-2'), bitCount: 1, fault: 'x' });
  assert.equal(world.asked.slice(before).filter(({ kind }) => kind === 'open-slot').length, 0);
  assert.equal(world.journal.at(-1)?.type, 'access.foreign_fob');
  assert.equal(world.code('123456', KEYPAD)[0]?.type, 'access.granted');
});

test('fire goes on releasing the doors it is for, and no others', () => {
  const second = deviceId('lock-2');
  const world = new World({
    points: [doorPoint({ locks: [LOCK, second] })],
    inputs: [{ device: IO, input: 2, does: 'fire', accessPoint: DOOR, locks: [second] }],
  });
  world.event(input(2, true));
  const wake = nextWake(gatherForTimer(world.ports, world.stamp), world.stamp);
  assert.equal(wake, world.up + 20_000);
  const before = world.asked.length;
  world.advance(20_000);
  assert.deepEqual(
    world.asked.slice(before).map(({ device }) => device),
    [second],
  );
});

test('fire holds a lock that stands at no access point, too', () => {
  const hatch = deviceId('hatch');
  const world = new World({
    points: [doorPoint()],
    inputs: [{ device: IO, input: 2, does: 'fire', locks: [hatch] }],
  });
  const asked = (act: () => unknown) => {
    const before = world.asked.length;
    act();
    return world.asked.slice(before).map(({ device }) => device);
  };
  assert.deepEqual(
    asked(() => world.event(input(2, true))),
    [hatch],
  );
  assert.equal(nextWake(gatherForTimer(world.ports, world.stamp), world.stamp), world.up + 20_000);
  assert.deepEqual(
    asked(() => world.advance(20_000)),
    [hatch],
  );
  assert.deepEqual(
    asked(() => world.event({ kind: 'online', device: hatch })),
    [hatch],
  );
  const opened = { kind: 'door-contact', device: hatch, isOpen: true, first: false } as const;
  assert.deepEqual(typesOf(world.event(opened)), ['device.door']);
  world.event(input(2, false));
  assert.deepEqual(
    asked(() => world.advance(20_000)),
    [],
  );
});

test('a lock that was being opened when the power went: unknown, ended, and never opened again', () => {
  const world = doorWorld();
  world.code('123456', DOOR_KEYPAD);
  const before = world.asked.length;
  const [entry] = world.restart();
  assert.equal(entry?.type, 'access.unknown_outcome');
  assert.equal(entry?.sub, 'anna');
  assert.equal(entry?.body['lock'], LOCK);
  assert.equal(underWay(world), 0);
  const asked = world.asked.slice(before).map(({ kind, device }) => `${kind} ${device}`);
  assert.deepEqual(asked, ['lock lock', 'read-state box']);
});
