import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ERROR_CODES } from '../../../daemon/local-api/errors.ts';
import { ApiBench } from './bench.ts';

const RUNS = process.env['LATCHKEY_LONG'] === '1' ? 20_000 : 400;

/** Names that mean something here, so that random bodies get past the first check. */
const names = fc.constantFrom(
  'holder',
  'credentials',
  'targets',
  'window',
  'kind',
  'id',
  'rev',
  'uses',
  'max',
  'pin',
  'number',
  'schedule',
  'weekly',
  'zone',
  'start',
  'end',
  'options',
  'staff',
  'operations',
  'holdMs',
  'why',
  'slot',
  'accessPoint',
  'name',
  'home',
  'fob',
  'scope',
  'allowStaff',
  'grant',
  'at',
  'reader',
  'count',
  '__proto__',
  'constructor',
);
const words = fc.oneof(
  fc.constantFrom(
    'lobby',
    'flat-3',
    'g-1',
    'box',
    'keypad',
    'pin',
    'key',
    'slot',
    'instants',
    'floating',
    'wall',
    'site',
    'lost',
    'holder',
    '2026-02-30T25:00',
    '2026-05-01T10:00',
    '2026-05-01T10:00:00Z',
    'Europe/Stockholm',
    '',
    '0F00012A03',
    '471147',
  ),
  fc.string({ maxLength: 20 }),
);
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    words,
    fc.integer({ min: -10, max: 10_000 }),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(names, tie('value'), { maxKeys: 6 }),
  ),
}));

test('whatever is sent, the answer is one of the list, and nothing breaks', async () => {
  await using bench = await ApiBench.open();
  await bench.site.put({ id: 'g-1', pin: '246813' });
  const endpoints = bench.endpoints.filter(
    ({ path, contentType }) => contentType === undefined && !path.includes('verify'),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...endpoints),
      fc.oneof(fc.dictionary(names, value, { maxKeys: 6 }), value),
      fc.array(
        fc.constantFrom(
          'lobby',
          'flat-3',
          'g-1',
          'box',
          'keypad',
          '3',
          '1',
          'none',
          'x'.repeat(200),
        ),
        { minLength: 2, maxLength: 2 },
      ),
      fc.dictionary(
        fc.constantFrom('limit', 'text', 'after', 'before', 'holder', 'from', 'order', 'x'),
        words,
        { maxKeys: 3 },
      ),
      async ({ method, path }, body, [first = '', second = ''], query) => {
        let place = 0;
        const url = path.replaceAll(/\{\w+\}/g, () =>
          encodeURIComponent((place++ === 0 ? first : second) || 'x'),
        );
        const search = new URLSearchParams(query).toString();
        const answer = await bench.call(method, search === '' ? url : `${url}?${search}`, { body });
        if (answer.status === 200) return;
        const { code, message } = answer.body.error ?? {};
        assert.ok(
          code in ERROR_CODES && code !== 'internal',
          `${method} ${url}: ${JSON.stringify(answer.body)} ${String(bench.broken.at(-1))}`,
        );
        assert.ok(!String(message).includes('471147'), 'what may be a secret is not repeated');
      },
    ),
    { numRuns: RUNS },
  );
  assert.deepEqual(bench.broken, []);
});
