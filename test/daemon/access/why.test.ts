import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { toJsonObject } from '../../../daemon/access/body.ts';
import type { RecordedEntry } from '../../../daemon/access/entry.ts';
import { evidenceOf, inOrder, readEvidence } from '../../../daemon/access/evidence.ts';
import { grantId, keyId, REASONS } from '../../../daemon/access/model.ts';
import { safeReason, signalFor } from '../../../daemon/access/safe-reason.ts';
import { explain, RULES, whatIf } from '../../../daemon/access/why.ts';
import { deviceId } from '../../../drivers/contract/device.ts';
import { instant, uptime } from '../../../drivers/contract/time.ts';
import {
  boxPoint,
  card,
  DOOR_KEYPAD,
  DOOR_READER,
  doorPoint,
  fobOf,
  grantOf,
  HOUR,
  KEYPAD,
  LOCK,
  pin,
  pinOf,
  typesOf,
  World,
} from './world.ts';

const door = { kind: 'lock', id: LOCK } as const;

function decisions(world: World): readonly RecordedEntry[] {
  return world.journal.filter(({ evidence }) => evidence !== undefined);
}

/** A day with something of everything. */
function busyWorld(): World {
  const world = new World();
  world.key('k1', { fob: fobOf('aaaaaaaaaa') }, 1);
  world.key('k2', {}, 2);
  world.pictures();
  world.put(
    grantOf({
      targets: [
        { kind: 'key', id: 'k1' },
        { kind: 'key', id: 'k2' },
      ],
      uses: { max: 3 },
    }),
    grantOf({
      targets: [door],
      credentials: [card('0f00012abc'), pin('5555', { combineWith: 'card' })],
    }),
    grantOf({
      targets: [door],
      credentials: [pin('654321', { duress: true })],
      schedule: { zone: 'site', weekly: [{ days: [2], from: '10:00', to: '11:00' }] },
    }),
  );
  world.code('123456');
  world.code('1');
  world.result();
  world.door(1, true);
  world.presence(1, false);
  world.door(1, false);
  world.card('aaaaaaaaaa');
  world.card('0f00012abc', DOOR_READER);
  world.code('5555', DOOR_KEYPAD);
  world.code('654321', DOOR_KEYPAD);
  world.code('999999', DOOR_KEYPAD);
  world.card('0f00012abc', deviceId('stray'));
  world.event({ kind: 'card-malformed', device: DOOR_READER, bitCount: 3, fault: 'length' });
  world.clock = { lo: instant(world.now), hi: instant(Number.POSITIVE_INFINITY), state: 'floor' };
  world.code('654321', DOOR_KEYPAD);
  return world;
}

test('every decision can be replayed from the journal with the same result', () => {
  const found = decisions(busyWorld());
  assert.ok(found.length >= 10);
  for (const entry of found) {
    const stored: RecordedEntry = JSON.parse(JSON.stringify(entry));
    const told = explain(stored);
    assert.ok(told.kind === 'explained', entry.type);
    assert.deepEqual(told.differences, [], entry.type);
    assert.equal(told.isSame, true);
  }
});

test('why names rule, grant revision, clock state and tzdata version', () => {
  const world = new World();
  const grant = world.put(
    grantOf({ targets: [door], rev: 7, window: { kind: 'instants', end: instant(world.now - 1) } }),
  );
  world.code('123456', DOOR_KEYPAD);
  const entry = world.journal.at(-1) ?? assert.fail();
  const told = explain(entry);
  assert.equal(
    told.sentence,
    `Denied at door under grant ${grant.id} revision 7: expired, its window is over ` +
      '(clock trusted 2027-05-10T10:00:00.000Z to 2027-05-10T10:00:00.001Z, tzdata test).',
  );
  world.put({ ...grant, rev: 8, window: { kind: 'ongoing' } });
  world.clock = { lo: instant(world.now), hi: instant(Number.POSITIVE_INFINITY), state: 'floor' };
  world.code('123456', DOOR_KEYPAD);
  assert.equal(
    explain(world.journal.at(-1) ?? assert.fail()).sentence,
    `Granted at door under grant ${grant.id} revision 8: unlock opens lock lock; every check passed ` +
      '(clock floor not before 2027-05-10T10:00:00.000Z, tzdata test).',
  );
});

test('why tells a return and a slot', () => {
  const found = decisions(busyWorld()).map((entry) => explain(entry).sentence);
  assert.ok(
    found.some((sentence) =>
      /^Granted at lobby under grant \S+ revision 1: pickup opens slot 1 of box; every check passed/.test(
        sentence,
      ),
    ),
  );
  assert.ok(
    found.some((sentence) =>
      /^Granted at lobby: dropoff opens slot 1 of box; a return is taken whatever became of its grant/.test(
        sentence,
      ),
    ),
  );
  assert.ok(found.some((sentence) => sentence.startsWith('Denied: device-unknown, ')));
});

test('a duress opening reads as a plain one', () => {
  const plain = new World();
  const forced = new World();
  const grant = grantOf({ targets: [door] });
  plain.put(grant);
  forced.put({ ...grant, credentials: [pin('123456', { duress: true })] });
  assert.deepEqual(typesOf(plain.code('123456', DOOR_KEYPAD)), ['access.granted']);
  assert.deepEqual(typesOf(forced.code('123456', DOOR_KEYPAD)), [
    'access.granted',
    'security.duress',
  ]);
  const [a, b] = [plain, forced].map((world) => explain(world.journal[0] ?? assert.fail()));
  assert.deepEqual(a, b);
});

function isSame(explanation: ReturnType<typeof explain>): boolean {
  return explanation.kind === 'explained' && explanation.isSame;
}

test('evidence that was touched is told', () => {
  const world = busyWorld();
  const entry = decisions(world)[0] ?? assert.fail();
  const { evidence } = entry;
  assert.ok(evidence !== undefined);
  const hash = createHash('sha256').update(JSON.stringify(evidence)).digest('hex');
  const body = { ...entry.body, evidence: hash }; // as the store names it
  assert.ok(isSame(explain({ ...entry, body })));
  const known = { ...readEvidence(evidence)?.known, storageSafe: false };
  const touched = explain({
    ...entry,
    body,
    evidence: JSON.parse(JSON.stringify({ ...evidence, known })),
  });
  assert.ok(touched.kind === 'explained' && !touched.isSame);
  assert.deepEqual(touched.differences, [
    'the replay decides otherwise than the evidence says',
    'the evidence is not the one that the entry names',
    'the entry says otherwise than the replay',
  ]);
  const reworded = explain({ ...entry, body: { ...body, reason: 'expired' } });
  assert.ok(reworded.kind === 'explained' && reworded.differences.length === 1);
  const retyped = explain({ ...entry, type: 'access.granted' });
  assert.ok(retyped.kind === 'explained' && !retyped.isSame);
  const granted = decisions(world).find(({ type }) => type === 'access.granted') ?? assert.fail();
  const regranted = explain({ ...granted, body: { ...granted.body, grant: 'other' } });
  assert.ok(regranted.kind === 'explained' && !regranted.isSame);
});

test('what is no decision has no explanation, nor has evidence of another format', () => {
  const world = busyWorld();
  const entry = world.journal.find(({ type }) => type === 'device.slot') ?? assert.fail();
  assert.match(explain(entry).sentence, /^Entry \d+ \(device\.slot\) is no decision\.$/);
  const decided = decisions(world)[0] ?? assert.fail();
  for (const more of [
    { format: 2 },
    { known: {} },
    { known: 5 },
    { clock: 1 },
    { clock: { state: 'x', lo: 1 } },
    { clock: { state: 'floor' } },
  ]) {
    assert.equal(readEvidence({ ...decided.evidence, ...more }), undefined);
  }
});

test('evidence keeps an endless hi, and what is left of grace', () => {
  const world = new World();
  const known = world.know({ kind: 'code-entered', device: KEYPAD, digits: '123456' });
  const clock = {
    lo: instant(5),
    hi: instant(Number.POSITIVE_INFINITY),
    state: 'floor',
    graceLeft: 7,
  } as const;
  const evidence = evidenceOf(known, clock, { kind: 'denied', reason: 'revoked' });
  assert.deepEqual(readEvidence(toJsonObject(evidence))?.clock, clock);
});

test('what is compared does not depend on the order of members', () => {
  assert.equal(
    inOrder({ b: 1, a: [true, { d: 'q"', c: null }] }),
    '{"a":[true,{"c":null,"d":"q\\""}],"b":1}',
  );
});

test('what-if answers for any other moment and leaves no trace', () => {
  const world = new World({ points: [boxPoint(), doorPoint()] });
  world.put(
    grantOf({
      targets: [door],
      window: { kind: 'floating', start: '2027-03-28T02:30', end: '2027-03-28T05:00' },
    }),
  );
  const known = world.know({ kind: 'code-entered', device: DOOR_KEYPAD, digits: '123456' });
  const shown = { kind: 'code', digits: 6, index: pinOf('123456') } as const;
  const at = (ms: number) =>
    whatIf(known, shown, { lo: instant(ms), hi: instant(ms + 1), state: 'trusted' });
  const first = Date.parse('2027-03-28T01:00Z');
  assert.match(at(first - 1).sentence, /not-yet-valid/);
  assert.match(at(first).sentence, /^Granted/);
  assert.equal(at(first + 2 * HOUR).decision.kind, 'denied');
  assert.equal(world.journal.length, 0);
});

test('every reason has its rule, and what a guest may learn says less', () => {
  const safe = new Set(REASONS.map((reason) => safeReason(reason)));
  assert.equal(safe.size, 5);
  for (const reason of REASONS) assert.ok(RULES[reason].length > 10);
  // Nothing tells whether a code exists, was revoked, or is somebody else's.
  const hidden = [
    'unknown-credential',
    'ambiguous-credential',
    'revoked',
    'superseded',
    'credential-disabled',
    'key-held-by-another',
    'key-not-here',
    'uses-exhausted',
  ] as const;
  assert.equal(new Set(hidden.map((reason) => safeReason(reason))).size, 1);
  assert.equal(safeReason('revoked'), 'ask-the-host');
  assert.equal(safeReason('expired'), 'not-now');
  assert.equal(safeReason('holiday'), safeReason('not-yet-valid'));
  assert.equal(safeReason('wrong-access-point'), 'not-here');
  assert.equal(safeReason('box-full'), 'box-full');
  assert.equal(safeReason('lockdown'), safeReason('device-offline'));
});

test('the keypad tells granted, denied, or that something more is awaited', () => {
  const pending = {
    kind: 'attach-fob',
    until: uptime(1),
    key: keyId('k'),
    grant: grantId('g'),
  } as const;
  assert.equal(signalFor({ kind: 'denied', reason: 'revoked' }), 'denied');
  assert.equal(signalFor({ kind: 'denied', reason: 'choice-required', pending }), 'wait');
  assert.equal(
    signalFor({
      kind: 'granted',
      operation: 'unlock',
      method: 'pin',
      opens: [],
      isReturn: false,
      counted: false,
    }),
    'granted',
  );
});
