import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ENTRY_TYPES, type JsonObject, type RecordedEntry } from '../../../daemon/access/entry.ts';
import { holderId } from '../../../daemon/access/model.ts';
import { deviceId } from '../../../drivers/contract/device.ts';
import { instant, uptime } from '../../../drivers/contract/time.ts';
import { readerOf, sentText } from './known.ts';

const RUNS = process.env['LATCHKEY_LONG'] === '1' ? 20_000 : 400;
const EPOCH = '01970000-0000-7000-8000-000000000000';
const YEAR_0 = new Date(0).setUTCFullYear(0, 0, 1);
const YEAR_10000 = Date.UTC(10_000, 0, 1);

/** Whatever Unicode has, and what JSON and SQLite have their own way with. */
const texts = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.string({ unit: 'binary' }),
  fc.constantFrom('', '"', "'", '\\', '%s %d %%', '\n\t\u0001\u007f', '\u2028ö€😀', 'a,b', '}{'),
);
const names = fc.oneof(texts, fc.constantFrom('front-door', 'box', 'b3f1'));
const subs = names.map((name) => `h${name.replaceAll(/[\u0000-\u001f]/g, '')}`);
/** Of the years with four digits, which are more than a clock of Linux has. */
const times = fc.oneof(
  fc.integer({ min: Date.UTC(2026, 0, 1), max: Date.UTC(2026, 0, 3) }),
  fc.integer({ min: YEAR_0, max: YEAR_10000 - 1 }),
  fc.constantFrom(
    YEAR_0,
    YEAR_10000 - 1,
    -86_400_000,
    -1,
    0,
    999,
    Date.UTC(2028, 1, 29, 23, 59, 59),
  ),
);
const bodies = fc
  .dictionary(texts, fc.jsonValue({ maxDepth: 3, stringUnit: 'binary' }))
  .map((body): JsonObject => JSON.parse(JSON.stringify(body)));
const hashes = fc.stringMatching(/^[0-9a-f]{64}$/);

const entries = fc
  .array(
    fc.record({
      id: fc.uuid({ version: 7 }),
      type: fc.constantFrom(...ENTRY_TYPES),
      at: times,
      mono: fc.integer({ min: 0, max: 2 ** 41 }),
      boot: names,
      state: fc.constantFrom('trusted', 'holdover', 'floor', 'broken'),
      width: fc.oneof(fc.nat(), fc.constant(Number.POSITIVE_INFINITY)),
      device: fc.option(fc.stringMatching(/^[a-z0-9-]{1,32}$/)),
      sub: fc.option(subs),
      body: bodies,
      hash: hashes,
    }),
    { minLength: 1, maxLength: 12 },
  )
  .map((made) =>
    made.map(
      ({ id, type, at, mono, boot, state, width, device, sub, body, hash }, n): RecordedEntry => ({
        epoch: EPOCH,
        seq: n + 1,
        id,
        type,
        stamp: {
          at: instant(at),
          uptime: uptime(mono),
          boot,
          clock: { lo: instant(at), hi: instant(at + width), state },
        },
        ...(device === null ? {} : { device: deviceId(device) }),
        ...(sub === null ? {} : { sub: holderId(sub) }),
        body,
        prev: '',
        hash,
      }),
    ),
  );

test('SQLite writes every entry as JavaScript would, byte for byte, wherever a page of them begins', () => {
  fc.assert(
    fc.property(entries, fc.nat(), fc.integer({ min: 1, max: 13 }), (all, where, limit) => {
      const reader = readerOf(all);
      const told = reader.read({ limit: all.length });
      const after = where % all.length;
      const lines = reader.outbox.read(after, all.length, limit);
      assert.deepEqual(
        lines.map(({ seq, type, page, from, to }) => [seq, type, page.toString('utf8', from, to)]),
        told.slice(after, after + limit).map((entry) => [entry.seq, entry.type, sentText(entry)]),
      );
      assert.equal(lines[0]?.from, 0);
      for (const [n, { page, to }] of lines.slice(0, -1).entries()) {
        assert.equal(page.toString('utf8', to, to + 1), ',');
        assert.deepEqual([lines[n + 1]?.page, lines[n + 1]?.from], [page, to + 1]);
      }
    }),
    { numRuns: RUNS },
  );
});

test('there is nothing to read beyond the last entry', () => {
  const [one] = fc.sample(entries, { numRuns: 1, seed: 1 });
  const reader = readerOf(one ?? []);
  assert.deepEqual(reader.outbox.read(one?.length ?? 0, 1_000, 10), []);
  assert.deepEqual(reader.outbox.read(0, 0, 10), []);
});
