/** Answers of another version or another hand, and times around the nights that the clocks change. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { windowOf } from '../../../../daemon/vendors/intserv/mapping.ts';
import { FLAT_KEY } from '../../../site.ts';
import { intservBench, LEVEL } from './bench.ts';

type Row = Readonly<Record<string, unknown>>;

/** The next answers of one path, changed on their way. */
function altered(
  { cloud }: Awaited<ReturnType<typeof intservBench>>,
  end: string,
  change: (body: Row) => Row,
): void {
  for (let at = 0; at < 50; at += 1) {
    cloud.server.fail(
      {
        kind: 'altered',
        by: (reply) => ({ ...reply, body: JSON.stringify(change(JSON.parse(reply.body))) }),
      },
      ({ path }) => path.endsWith(end),
    );
  }
}

test('a level or an event that is not understood, and a word of a newer version, hold up nothing that is read', async () => {
  await using bench = await intservBench({
    seed: 141,
    cloud: { systems: [{ id: 'brf42x-001', delay: 0 }] },
  });
  const { cloud, part, site } = bench;
  const key = { identification: '004211', type: 'code' };
  await bench.post('/accesskeys/add', { key, access_levels: [LEVEL] });
  altered(bench, '/accesslevels/list', ({ levels }) => ({
    levels: [...Object(levels), { id: 7 }],
  }));
  altered(bench, '/status', (body) => ({ ...body, status: 'Verifying' }));
  altered(bench, '/events/list', (body) => ({
    ...body,
    events: Object(body['events']).map((each: Row) => ({ ...each, type: '102', category: null })),
  }));
  cloud.happen({ at: site.clock.now(), key_id: 'elsewhere' });
  await bench.poll(3);
  assert.equal(part.status.online, true, part.status.detail);
  assert.ok(part.status.syncedAt !== undefined);
  assert.deepEqual(
    part.differences().map(({ kind, ref }) => [kind, ref]),
    [['foreign-key', 'elsewhere']],
  );
});

test('a level of the config that is not among those understood is told only where all are', async () => {
  await using bench = await intservBench({ seed: 142 });
  bench.cloud.levels.clear();
  altered(bench, '/accesslevels/list', () => ({ levels: [null, { id: 7 }] }));
  await bench.poll();
  assert.deepEqual(bench.part.differences(), []);
  bench.cloud.server.mend();
  await bench.poll();
  assert.equal(bench.part.differences()[0]?.kind, 'level');
});

const TAKEN: readonly (readonly [string, string])[] = [
  ['2026-03-29T02:30:00+01:00', '2026-03-29T01:30:00Z'],
  ['2026-10-25T02:30:00+02:00', '2026-10-25T00:30:00Z'],
  ['2026-10-25T02:30:00+01:00', '2026-10-25T01:30:00Z'],
];
const REFUSED: readonly unknown[] = [
  '2026-03-01',
  '2026-03-01T06:00:00',
  '2026-03-01T24:00:00Z',
  '2026-02-30T06:00:00Z',
  '2026-03-01 06:00:00Z',
  'soon',
  '',
  1_772_000_000,
  false,
];

test('dates are taken as the instants that they name, in the hour that is missing or comes twice too; the rest is refused', async () => {
  await using bench = await intservBench({ seed: 143 });
  bench.cloud.server.isAway = true;
  const key = { identification: '004211', type: 'code' };
  const add = (dates: object) =>
    bench.post('/accesskeys/add', { key, access_levels: [LEVEL], ...dates });
  for (const [text, instant] of TAKEN) {
    const { status, body } = await add({ valid_from_date: text, valid_to_date: null });
    assert.deepEqual([status, body.valid_from_date], [200, instant]);
  }
  for (const text of REFUSED) {
    assert.equal((await add({ valid_from_date: text })).status, 400, String(text));
    assert.equal((await add({ valid_to_date: text })).status, 400, String(text));
  }
});

test('in the hour that comes twice a key opens from the second of them on, as its date says', async () => {
  await using bench = await intservBench({ seed: 144, at: '2026-10-25T00:29:00Z', isSwift: true });
  const { site } = bench;
  bench.cloud.server.isAway = true;
  await bench.post('/accesskeys/add', {
    key: { identification: '004211', type: 'code' },
    access_levels: [LEVEL],
    valid_from_date: '2026-10-25T02:30:00+01:00',
  });
  await site.advance(2 * 60_000);
  await site.type('004211#');
  assert.equal(site.last('access.denied').body['reason'], 'not-yet-valid');
  await site.advance(60 * 60_000);
  await site.type('004211#');
  assert.equal(site.last('access.granted').body['slot'], FLAT_KEY.slot);
});

test('however many digits of a second a date has, nothing begins before it nor ends after it', () => {
  const digits = fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 9 });
  fc.assert(
    fc.property(digits, digits, (from, to) => {
      const begin = Date.parse('2026-03-01T06:00:00Z');
      const nanos = (fraction: readonly number[]) => Number(fraction.join('').padEnd(9, '0'));
      const window = windowOf(
        `2026-03-01T06:00:00.${from.join('')}Z`,
        `2026-03-01T06:00:01.${to.join('')}Z`,
      );
      assert.ok(window?.kind === 'instants');
      const { start = 0, end = 0 } = window;
      assert.ok((start - begin) * 1e6 >= nanos(from) && (start - begin - 1) * 1e6 < nanos(from));
      assert.ok((end - begin - 1000) * 1e6 <= nanos(to));
    }),
  );
});
