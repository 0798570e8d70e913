import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  accessPointId,
  type Grant,
  grantId,
  holderId,
  type Schedule,
  type Weekday,
} from '../../../daemon/access/model.ts';
import { standing } from '../../../daemon/access/schedule.ts';
import { instantOf } from '../../../daemon/access/window.ts';
import { slotNumber } from '../../../drivers/contract/device.ts';
import { type Instant, instant } from '../../../drivers/contract/time.ts';
import { isOpen, oracle } from './decide-oracle.ts';
import { boundAt, offsetChanges } from './wall-oracle.ts';
import {
  BOX,
  boxPoint,
  DAY,
  DOOR,
  DOOR_KEYPAD,
  doorPoint,
  grantOf,
  HOUR,
  KEYPAD,
  LOBBY,
  LOCK,
  MINUTE,
  POLICIES,
  pin,
  World,
} from './world.ts';

const isLong = process.env['LATCHKEY_LONG'] === '1';
const FROM = Date.UTC(2027, 0, 1);
const TO = Date.UTC(2028, 0, 1);

/** One zone for each way in which clocks are changed in the year, or all of them. */
function zonesWithTransitions(): readonly (readonly [zone: string, changes: readonly number[]])[] {
  const all = Intl.supportedValuesOf('timeZone').map(
    (zone) => [zone, offsetChanges(zone, FROM, TO)] as const,
  );
  const changing = all.filter(([, changes]) => changes.length > 0);
  if (isLong) return changing;
  const seen = new Set<string>();
  return changing.filter(([, changes]) => {
    const kind = changes.join();
    return seen.has(kind) ? false : seen.add(kind);
  });
}

const zones = zonesWithTransitions();

/** Of the zones that change their clocks at the same moments, the first. */
function isFirstOfItsKind(zone: string): boolean {
  const changes = zones.find(([name]) => name === zone)?.[1].join();
  return zones.find(([, each]) => each.join() === changes)?.[0] === zone;
}
const second = 1_000;

test('ends of stays around every change of the clocks in the year, to the second', () => {
  for (const [zone, changes] of zones) {
    for (const change of changes) {
      for (const minutes of [-90, -60, -31, -30, -1, 0, 1, 29, 30, 31, 59, 60, 61, 90, 120]) {
        const wall = new Date(change + minutes * MINUTE).toISOString().slice(0, 19);
        const shifted = new Date(
          boundAt(wall, 'UTC', 'start') +
            (boundAt(wall, 'UTC', 'start') - boundAt(wall, zone, 'start')),
        )
          .toISOString()
          .slice(0, 19);
        for (const edge of ['start', 'end'] as const) {
          assert.equal(
            instantOf(shifted, zone, edge),
            boundAt(shifted, zone, edge),
            `${edge} ${shifted} ${zone}`,
          );
        }
      }
    }
  }
});

const WEEKDAYS: readonly Weekday[] = [1, 2, 3, 4, 5, 6, 7];

test('a weekly schedule over the year, in all zones with a transition, at every edge and a second beside it', () => {
  let compared = 0;
  for (const [zone, changes] of zones) {
    const schedule: Schedule = {
      zone,
      weekly: [
        { days: [1, 3, 5], from: '09:00', to: '17:30' },
        { days: [6, 7], from: '22:00', to: '02:30' },
        { days: [7], from: '00:30', to: '03:00' },
        { days: WEEKDAYS, from: '23:59', to: '24:00' },
      ],
      exceptions: [{ date: '2027-05-17', windows: [{ from: '20:00', to: '01:00' }] }],
      holidays: true,
    };
    const policies = { ...POLICIES, holidays: [{ date: '2027-12-25', windows: [] }] };
    // The whole year once for each way of changing clocks; the days about a change in every zone.
    const days = isLong && isFirstOfItsKind(zone) ? 365 : 0;
    const near = changes.flatMap((change) => [-1, 0, 1].map((day) => change + day * DAY));
    const whole = Array.from({ length: days }, (_, day) => FROM + day * DAY);
    const some = [
      Date.UTC(2027, 4, 16),
      Date.UTC(2027, 4, 17),
      Date.UTC(2027, 4, 18),
      Date.UTC(2027, 11, 25),
    ];
    for (const day of [...near, ...whole, ...some]) {
      const date = new Date(day).toISOString().slice(0, 10);
      for (const time of [
        '00:00',
        '00:30',
        '01:00',
        '02:30',
        '03:00',
        '09:00',
        '17:30',
        '20:00',
        '22:00',
        '23:59',
      ]) {
        for (const edge of ['start', 'end'] as const) {
          const at = boundAt(`${date}T${time}`, zone, edge);
          for (const beside of [-second, -1, 0, second]) {
            const now = instant(at + beside);
            const { certain } = standing(schedule, policies, now, instant(now + 1));
            assert.equal(
              certain,
              isOpen(schedule, { policies }, now),
              `${new Date(now).toISOString()} ${zone}`,
            );
            compared += 1;
          }
        }
      }
    }
  }
  assert.ok(compared > 10_000, String(compared));
});

/** One time in so many. */
function rarely<T>(arbitrary: fc.Arbitrary<T>, times: number): fc.Arbitrary<T | undefined> {
  return fc.oneof(
    { arbitrary: fc.constant(undefined), weight: times - 1 },
    { arbitrary, weight: 1 },
  );
}

// Any site, any grants, any moment: the rules and the plain words of the page say the same.

const NOW = Date.UTC(2027, 2, 27, 22);
const moments = fc.integer({ min: -3, max: 30 }).map((hours) => NOW + hours * HOUR);
const beside = fc.constantFrom(-second, -1, 0, 1, second);
const wallTime = fc
  .integer({ min: 0, max: 30 * 60 })
  .map((minutes) =>
    new Date(NOW + Math.round(minutes / 10) * 10 * MINUTE).toISOString().slice(0, 16),
  );
const window = fc.oneof(
  { arbitrary: fc.constant({ kind: 'ongoing' } as const), weight: 4 },
  fc
    .record({ start: moments, end: moments })
    .filter(({ start, end }) => start < end)
    .map(
      ({ start, end }) => ({ kind: 'instants', start: instant(start), end: instant(end) }) as const,
    ),
  moments.map((end) => ({ kind: 'instants', end: instant(end) }) as const),
  fc
    .record({
      start: wallTime,
      end: wallTime,
      zone: fc.constantFrom('Europe/Stockholm', 'America/New_York'),
    })
    .filter(({ start, end, zone }) => boundAt(start, zone, 'start') < boundAt(end, zone, 'end'))
    .map((fields) => ({ kind: 'wall', ...fields }) as const),
  fc
    .record({ start: wallTime, end: wallTime })
    .filter(
      ({ start, end }) =>
        boundAt(start, 'Europe/Stockholm', 'start') < boundAt(end, 'Europe/Stockholm', 'end'),
    )
    .map((fields) => ({ kind: 'floating', ...fields }) as const),
);
const clockTime = fc
  .integer({ min: 0, max: 47 })
  .map((half) => `${String(Math.floor(half / 2)).padStart(2, '0')}:${half % 2 ? '30' : '00'}`);
const dayWindow = fc
  .record({ from: clockTime, to: fc.oneof(clockTime, fc.constant('24:00')) })
  .filter(({ from, to }) => from !== to);
const schedule = fc.record({
  zone: fc.constantFrom('site', 'America/New_York'),
  weekly: fc.array(
    fc
      .record({
        days: fc.subarray([...WEEKDAYS], { minLength: 3 }),
        from: clockTime,
        to: fc.constantFrom('04:00', '12:00', '24:00'),
      })
      .filter(({ from, to }) => from !== to),
    { maxLength: 2 },
  ),
  exceptions: fc.array(
    fc.record({
      date: fc.constantFrom('2027-03-27', '2027-03-28'),
      windows: fc.array(dayWindow, { maxLength: 1 }),
    }),
    { maxLength: 1 },
  ),
  holidays: fc.boolean(),
});
const target = fc.constantFrom(
  { kind: 'key', id: 'k1' },
  { kind: 'key', id: 'k2' },
  { kind: 'key', id: 'k3' },
  { kind: 'lock', id: LOCK },
  { kind: 'location', id: LOBBY },
  { kind: 'location', id: DOOR },
  { kind: 'access_level', id: 'all' },
) satisfies fc.Arbitrary<Grant['targets'][number]>;
const anyGrant = fc.record({
  holder: fc.constantFrom(holderId('anna'), holderId('bo')),
  digits: fc.constantFrom('123456', '123456', '654321'),
  targets: fc.uniqueArray(target, {
    minLength: 1,
    maxLength: 2,
    selector: ({ kind, id }) => kind + id,
  }),
  window,
  schedule: rarely(schedule, 3),
  uses: rarely(
    fc.record({
      max: fc.integer({ min: 0, max: 2 }),
      carrier: fc.constantFrom('bridge-1', 'bridge-1', 'bridge-2'),
    }),
    4,
  ),
  operations: fc.constantFrom<Grant['operations']>(
    ['pickup', 'dropoff', 'unlock'],
    ['pickup', 'unlock'],
    ['unlock'],
    ['dropoff'],
    ['pickup'],
  ),
  staff: fc.boolean(),
  state: fc.constantFrom<Grant['state']>('active', 'active', 'active', 'pending', 'superseded'),
  unsupported: rarely(fc.constant(['geofence']), 8),
  revoked: fc.constantFrom(false, false, false, false, true),
});
const place = fc.constantFrom('slot', 'slot', 'anna', 'bo', 'unknown', 'none');
const situation = fc.record({
  grants: fc.array(anyGrant, { minLength: 1, maxLength: 3 }),
  places: fc.tuple(place, place, place),
  now: moments,
  beside,
  spread: fc.constantFrom(1, 200, 5 * MINUTE, 12 * HOUR),
  state: fc.constantFrom(
    'trusted' as const,
    'holdover' as const,
    'floor' as const,
    'broken' as const,
  ),
  graceLeft: fc.constantFrom(0, HOUR),
  policy: fc.constantFrom('deny' as const, 'grace' as const, 'assume' as const),
  auditFull: fc.constantFrom('deny' as const, 'allow_staff' as const, 'allow' as const),
  storageSafe: fc.constantFrom(true, true, true, false),
  disabled: fc.constantFrom([], [], [1], [1, 2]),
  filled: fc.constantFrom([], [3], [3, 4]),
  offline: fc.constantFrom([], [], [], [BOX], [LOCK]),
  lockdown: rarely(
    fc.record({
      scope: fc.constantFrom('site' as const, DOOR, accessPointId('x')),
      allowStaff: fc.boolean(),
    }),
    6,
  ),
  alone: fc.constantFrom(true, true, false),
  used: fc.integer({ min: 0, max: 2 }),
});
type Situation = typeof situation extends fc.Arbitrary<infer T> ? T : never;

function siteOf(it: Situation): World {
  const box = {
    device: BOX,
    slots: [1, 2, 3, 4].map(slotNumber),
    disabledSlots: it.disabled.map(slotNumber),
  };
  const world = new World({
    at: it.now + it.beside,
    points: [boxPoint({ box }), doorPoint()],
    alone: it.alone,
    policies: {
      clockUntrusted: it.policy,
      auditFull: it.auditFull,
      holidays: [{ date: '2027-03-28', windows: [{ from: '01:00', to: '06:00' }] }],
      accessLevels: new Map([
        [
          'all',
          [
            { kind: 'key', id: 'k1' },
            { kind: 'lock', id: LOCK },
          ],
        ],
      ]),
    },
  });
  it.places.forEach((where, at) => {
    const id = `k${at + 1}`;
    world.key(id, { roaming: at === 0 }, where === 'slot' ? at + 1 : undefined);
    if (where === 'slot' || where === 'none') return;
    const body = where === 'unknown' ? { key: id, place: 'unknown' } : { key: id, place: 'holder' };
    const sub = where === 'unknown' ? {} : { sub: holderId(where) };
    world.record([{ type: 'access.corrected', body, ...sub }]);
  });
  for (const slot of it.filled) world.presence(slot, true, true);
  it.grants.forEach(
    ({ digits, staff, revoked, schedule: week, uses, unsupported, ...plain }, at) => {
      const id = grantId(`g${at}`);
      world.put(
        grantOf({
          ...plain,
          id,
          source: { vendor: 'cloud', ref: id, version: '1' },
          credentials: [pin(digits)],
          options: staff ? { staff } : {},
          ...(week ? { schedule: week } : {}),
          ...(uses ? { uses } : {}),
          ...(unsupported ? { unsupported } : {}),
        }),
      );
      if (revoked && at === 0) world.revoke(id, 1);
      for (let n = 0; n < it.used; n++) {
        world.record([{ type: 'access.granted', body: { grant: id, counted: true } }]);
      }
    },
  );
  if (it.lockdown) world.command({ kind: 'lockdown', lockdown: 'l', by: 'x', ...it.lockdown });
  for (const device of it.offline) world.online.delete(device);
  world.storageSafe = it.storageSafe;
  const endless = it.policy === 'deny' && (it.state === 'floor' || it.state === 'broken');
  const hi: Instant = endless ? instant(world.now + 7 * DAY) : instant(world.now + it.spread);
  world.clock = { lo: instant(world.now), hi, state: it.state, graceLeft: it.graceLeft };
  return world;
}

test('the rules say what a second implementation says, in any situation', () => {
  const seen = new Map<string, number>();
  fc.assert(
    fc.property(situation, fc.boolean(), (it, isDoor) => {
      const world = siteOf(it);
      const wanted = oracle(world, '123456', isDoor ? DOOR : LOBBY);
      const [entry] = world.code('123456', isDoor ? DOOR_KEYPAD : KEYPAD);
      const says = entry?.type === 'access.granted' ? 'granted' : entry?.body['reason'];
      assert.equal(says, wanted.says);
      seen.set(wanted.says, (seen.get(wanted.says) ?? 0) + 1);
      if (wanted.says !== 'granted') return;
      assert.equal(entry?.body['grant'], wanted.grant);
      const { slot, opens } = entry?.body ?? {};
      assert.equal(slot === undefined ? `lock ${opens}` : `slot ${slot}`, wanted.opens);
    }),
    { numRuns: isLong ? 50_000 : 1_500 },
  );
  assert.ok((seen.get('granted') ?? 0) > 50);
  assert.ok(seen.size > 14, [...seen].join(' '));
});

test('offline and online runs give identical journals: nothing but store and clock is asked', () => {
  fc.assert(
    fc.property(situation, (it) => {
      const journal = () => {
        const world = siteOf(it);
        for (const keypad of [KEYPAD, DOOR_KEYPAD, KEYPAD]) {
          world.code('123456', keypad);
          world.advance(MINUTE);
        }
        return JSON.stringify(world.journal);
      };
      assert.equal(journal(), journal());
    }),
    { numRuns: isLong ? 2_000 : 50 },
  );
});
