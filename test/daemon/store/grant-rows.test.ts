/** A grant lies in its row without what is as usual, and comes out as it went in. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  type Credential,
  credentialId,
  type Grant,
  grantId,
  holderId,
} from '../../../daemon/access/model.ts';
import { resolveWindow } from '../../../daemon/access/window.ts';
import { GRANTS_MIGRATIONS, migrate, openDatabase } from '../../../daemon/store/database.ts';
import { grantFrom, grantRow, resolved } from '../../../daemon/store/grant-rows.ts';
import { GrantFile } from '../../../daemon/store/grants-file.ts';
import { GrantReader } from '../../../daemon/store/grants-query.ts';
import { instant } from '../../../drivers/contract/time.ts';
import { codeOf, grantOf, NOON } from './known.ts';

const ZONE = 'Europe/Stockholm';
const at = fc.integer({ min: 0, max: 4e12 }).map(instant);
const word = fc.string({ minLength: 1, maxLength: 8, unit: fc.constantFrom('a', '0', ':', 'é') });

const credentials: fc.Arbitrary<Credential> = fc.record(
  {
    id: word.map(credentialId),
    kind: fc.constantFrom('pin', 'card'),
    index: fc.nat(99).map(codeOf),
    digits: fc.integer({ min: 4, max: 16 }),
    combineWith: fc.constant('card'),
    duress: fc.constant(true as const),
    sealed: word,
  },
  { requiredKeys: ['id', 'kind', 'index'] },
);

const grants: fc.Arbitrary<Grant> = fc.record(
  {
    id: word.map(grantId),
    rev: fc.nat(9),
    source: fc.record({
      vendor: fc.constantFrom('cloud', 'local'),
      ref: word,
      version: fc.oneof(word, fc.nat(9).map(String)),
    }),
    holder: word.map(holderId),
    credentials: fc.array(credentials, { maxLength: 3 }),
    targets: fc.array(fc.record({ kind: fc.constantFrom('lock', 'key'), id: word })),
    window: fc.oneof(
      fc.constant({ kind: 'ongoing' as const }),
      fc.record({ kind: fc.constant('instants'), start: at, end: at }, { requiredKeys: ['kind'] }),
      fc.constant({
        kind: 'floating' as const,
        start: '2026-11-24T10:00',
        end: '2026-11-24T12:00',
      }),
    ),
    operations: fc.subarray(['pickup', 'dropoff', 'unlock']),
    options: fc.record({ staff: fc.boolean() }, { requiredKeys: [] }),
    state: fc.constantFrom('active', 'pending', 'superseded'),
    uses: fc.record({ max: fc.nat(9) }),
    unsupported: fc.array(word),
  },
  {
    requiredKeys: [
      'id',
      'rev',
      'source',
      'holder',
      'credentials',
      'targets',
      'window',
      'operations',
      'options',
      'state',
    ],
  },
);

/** With one of each, as nearly all are, in words that JSON writes as they are and in some that it does not. */
const hardWord = fc.string({
  minLength: 1,
  maxLength: 6,
  unit: fc.constantFrom('a', '"', '\\', ']', ',', '\u0001', '\ud800', 'é'),
});
const usualGrants: fc.Arbitrary<Grant> = fc
  .record({
    id: word.map(grantId),
    rev: fc.nat(9),
    credential: fc.oneof(word, hardWord),
    digits: fc.option(fc.integer({ min: 4, max: 16 }), { nil: undefined }),
    target: fc.oneof(word, hardWord),
    kind: fc.constantFrom('lock', 'access_level'),
    operation: fc.constantFrom('unlock', 'attach-fob'),
    end: at,
  })
  .map(({ id, rev, credential, digits, target, kind, operation, end }) => ({
    ...grantOf(1, rev),
    id,
    source: { vendor: 'cloud', ref: id, version: String(rev) },
    credentials: [
      {
        id: credential as Grant['credentials'][number]['id'],
        kind: 'cloud_key',
        index: codeOf(1),
        ...(digits === undefined ? {} : { digits }),
      },
    ],
    targets: [{ kind, id: target }],
    operations: [operation],
    window: { kind: 'instants', end },
    options: {},
  }));

/** What is `undefined` is not there. */
function plain(grant: Grant): unknown {
  return JSON.parse(JSON.stringify(grant));
}

test('a grant comes out as it went in', () => {
  fc.assert(
    fc.property(fc.oneof(grants, usualGrants), (grant) => {
      const row = grantRow(grant, resolved(grant.window, ZONE, resolveWindow));
      const columns = { ...row, first: row.codes[0] ?? null };
      assert.deepEqual(plain(grantFrom(columns)), plain(grant));
    }),
  );
});

test('a document is JSON as JSON.stringify writes it, also where it is written at once', () => {
  fc.assert(
    fc.property(usualGrants, (grant) => {
      const { doc } = grantRow(grant, resolved(grant.window, ZONE, resolveWindow));
      assert.equal(doc, JSON.stringify(JSON.parse(doc)));
    }),
  );
});

test('PINs of so many digits are counted whether or not something else is told of them', () => {
  const db = openDatabase(':memory:');
  migrate(db, GRANTS_MIGRATIONS);
  const file = new GrantFile(db);
  const put = (n: number, more: Partial<Credential>, end = NOON + 1) => {
    const usual = grantOf(n);
    const [pin, ...others] = usual.credentials;
    const grant = pin && { ...usual, credentials: [{ ...pin, ...more }, ...others] };
    if (grant === undefined) throw new TypeError('there is a PIN');
    file.put(grantRow(grant, { start: undefined, end: instant(end) }));
  };
  put(1, {});
  put(2, { sealed: 'x' });
  put(3, { digits: 7 });
  put(4, {}, NOON);
  put(5, { kind: 'card' });
  assert.equal(new GrantReader(db).activePins(6, NOON), 2);
  db.close();
});
