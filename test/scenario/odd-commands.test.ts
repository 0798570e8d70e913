/** What may be said by those who may say it, however odd: it is answered, and the box goes on deciding. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Reply } from '../../daemon/cloud/messages.ts';
import { seededRandom } from '../../simulator/random.ts';
import { OwnCloud } from '../../simulator/site/own-cloud.ts';
import { Exchange } from '../daemon/cloud/cloud-and-bridge.ts';
import { simulatedSite } from '../site.ts';

const COMMANDS = process.env['LATCHKEY_LONG'] === '1' ? 3_000 : 400;
const SEED = 71;

/** Each breaks something somewhere: a file's text, a map's key, a topic, a place in an id. */
const oddText = fc.constantFrom(
  '\u0000',
  'a\ud800',
  '\udfff',
  '__proto__',
  'constructor',
  '*',
  '+/#',
  'e\u0301',
  '\u{1f511}',
  "'; --",
  '\u2028',
  'x'.repeat(64),
);
const name = fc.oneof(
  fc.constantFrom('__proto__', 'constructor', '-', '..', ':', 'box'),
  fc.nat(9_999).map((n) => `n${n}`),
);
const place = fc.oneof(
  oddText,
  fc.constantFrom('flat-3', 'box', 'box:0', 'box:7', 'box:9999', 'nowhere'),
);
const device = fc.constantFrom('box', 'keypad', 'fobs', 'constructor', '-');
const number = fc.constantFrom(0, 1, 2, 4096, 2 ** 31, 2 ** 53 - 1);
const wall = fc.constantFrom('0000-01-01T00:00', '2026-03-29T02:30', '9999-12-31T23:59:59');
const zone = fc.oneof(oddText, fc.constantFrom('Europe/Stockholm', '+01:00', 'Factory', 'site'));
const time = fc.constantFrom('00:00', '24:00', '09:00', '23:59');
const dayWindow = fc.record({ from: time, to: time });
const maybe = { requiredKeys: [] };

const grant = fc.record({
  id: name,
  rev: number,
  holder: name,
  credentials: fc.constant([]),
  targets: fc.array(
    fc.record({ kind: fc.constantFrom('key', 'lock', 'slot', 'access_level', 'odd'), id: place }),
    { maxLength: 3 },
  ),
  window: fc.oneof(
    fc.constant({ kind: 'ongoing' }),
    fc.record({ kind: fc.constant('instants'), end: fc.constantFrom(-8.64e15, 0, 8.64e15) }),
    fc.record({ kind: fc.constant('wall'), start: wall, end: wall, zone }),
  ),
  schedule: fc.record({
    zone,
    weekly: fc.array(
      dayWindow.map((hours) => ({ ...hours, days: [1] })),
      { maxLength: 2 },
    ),
    exceptions: fc.constantFrom('2026-02-28', '2026-02-30').map((date) => [{ date, windows: [] }]),
  }),
  uses: fc.record({ max: fc.constant(1), reset: oddText }),
  operations: fc.subarray(['pickup', 'unlock', 'odd']),
});

type Sent = readonly [type: Parameters<OwnCloud['ask']>[0], body: object];
const command: fc.Arbitrary<Sent> = fc.oneof(
  fc.tuple(fc.constant('grant.put' as const), fc.record({ grant })),
  fc.tuple(fc.constant('grant.revoke' as const), fc.record({ id: name, rev: number })),
  fc.tuple(
    fc.constant('grants.delta' as const),
    fc.record({
      from: fc.constant(0),
      to: number,
      put: fc.array(grant, { maxLength: 2 }),
      revoke: fc.array(fc.record({ id: name, rev: number }), { maxLength: 2 }),
    }),
  ),
  fc.tuple(
    fc.constant('key.put' as const),
    fc.record({
      key: fc.record(
        { id: name, rev: number, name: oddText, notes: oddText, home: name },
        { requiredKeys: ['id', 'rev', 'name'] },
      ),
    }),
  ),
  fc.tuple(fc.constant('key.remove' as const), fc.record({ id: name, rev: number })),
  fc.tuple(
    fc.constantFrom('unlock' as const, 'slot.open' as const),
    fc.record(
      { dev: device, slot: fc.constantFrom(1, 4096), by: oddText, reason: oddText },
      { requiredKeys: ['dev', 'slot'] },
    ),
  ),
  fc.tuple(
    fc.constant('lockdown' as const),
    fc.record({ scope: place, level: fc.constant('deny_entry'), allowStaff: fc.boolean() }),
  ),
  fc.tuple(fc.constant('release' as const), fc.record({ lockdownId: oddText })),
  fc.tuple(fc.constant('keypad.reset' as const), fc.record({ dev: device })),
  fc.tuple(fc.constant('uses.confirm' as const), fc.record({ grant: name, count: number })),
  fc.tuple(fc.constant('device.identify' as const), fc.record({ dev: device })),
  fc.tuple(
    fc.constant('grants.compare' as const),
    fc.record({ bucket: number, after: name }, maybe),
  ),
  fc.tuple(
    fc.constant('events.resend' as const),
    fc.record({ epoch: oddText, from: number, to: number }),
  ),
  fc.tuple(fc.constant('ping' as const), fc.record({ echo: oddText }, maybe)),
  fc.tuple(
    fc.constantFrom('config' as const),
    fc.record({ version: number, set: fc.dictionary(oddText, oddText, { maxKeys: 2 }) }),
  ),
  fc.tuple(
    fc.constant('device.add' as const),
    fc.record({ dev: device, settings: fc.dictionary(oddText, oddText, { maxKeys: 2 }) }),
  ),
);

test(`P11: ${COMMANDS} commands with whatever their fields may hold are answered, and a guest gets in`, async () => {
  const exchange = new Exchange();
  await using site = await simulatedSite({ seed: SEED, broker: exchange, isSwift: true });
  const join = async (kid: string) => {
    const key = site.enrolment.senders.find((each) => each.kid === kid);
    if (key === undefined) throw new Error(`no sender ${kid}`);
    const random = seededRandom(SEED);
    return site.settling(OwnCloud.join({ broker: exchange, key, clock: site.clock, random }));
  };
  await using cc = await join('cc-test');
  await using ops = await join('ops-test');
  const statuses = new Set<string>();
  for (const [type, body] of fc.sample(command, { seed: SEED, numRuns: COMMANDS })) {
    const by = type === 'config' || type === 'device.add' ? ops : cc;
    const reply: Reply = await site.settling(Reflect.apply(by.ask, by, [type, body]));
    assert.notEqual(reply.code, 'internal', type);
    statuses.add(`${type} ${reply.status}`);
  }
  for (const type of ['grant.put', 'grants.delta', 'slot.open', 'key.put', 'config']) {
    assert.ok(statuses.has(`${type} ok`), type);
  }
  for (const type of ['grant.put', 'grants.delta', 'slot.open', 'lockdown', 'device.add']) {
    assert.ok(statuses.has(`${type} error`), type);
  }

  await site.put({ id: 'guest', pin: '482913' });
  await site.type('482913#');
  assert.equal(site.last('access.granted').body['grant'], 'guest');
  assert.deepEqual((await site.settling(site.daemon.desk.journal.verify())).faults, []);
  assert.equal(cc.forged, 0);
});
