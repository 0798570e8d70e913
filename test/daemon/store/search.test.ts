import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { resolveWindow } from '../../../daemon/access/window.ts';
import { searchPlaces } from '../../../daemon/desk/search-places.ts';
import { digestOf } from '../../../daemon/store/digest.ts';
import { livePointer, openGrantStore } from '../../../daemon/store/grants-open.ts';
import { openJournal } from '../../../daemon/store/journal-open.ts';
import type { GrantList, JournalQuery } from '../../../daemon/store/ports.ts';
import { type StoreSearch, storeSearch } from '../../../daemon/store/search.ts';
import {
  entryOf,
  grantId,
  grantOf,
  NOON,
  SeededRandom,
  StillClock,
  stampAt,
  temporaryFolder,
} from './known.ts';

const COUNT = 200;
const clock = new StillClock();
const random = new SeededRandom(23);

async function filled(directory: string) {
  await using opening = new AsyncDisposableStack();
  const { journal } = await openJournal({ directory, clock, random });
  opening.use(journal);
  const { grants } = await openGrantStore({
    directory,
    clock,
    random,
    zone: 'Europe/Stockholm',
    tzdata: '2026c',
    resolve: resolveWindow,
    live: livePointer(journal, () => stampAt(NOON)),
    tombstones: journal,
  });
  opening.use(grants);
  const entries = Array.from({ length: COUNT }, (_, n) => entryOf(n));
  await journal.append({ stamp: stampAt(NOON), entries }).committed;
  const changes = Array.from({ length: COUNT }, (_, n) => ({
    kind: 'put' as const,
    grant: grantOf(n),
  }));
  await grants.write({ source: 'cloud', changes });
  const search = opening.use(storeSearch(searchPlaces(directory, journal, grants)));
  const owned = opening.move();
  return { journal, grants, search, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

const queries: fc.Arbitrary<JournalQuery> = fc.record(
  {
    text: fc.constantFrom('entry 1', 'ENTRY 19', 'grant', 'nowhere'),
    types: fc.constantFrom(['access.granted' as const], ['grant.put' as const]),
    classes: fc.constantFrom(['device' as const], ['access' as const, 'grant' as const]),
    backwards: fc.boolean(),
    limit: fc.integer({ min: 1, max: 60 }),
  },
  { requiredKeys: ['limit'] },
);

const lists: fc.Arbitrary<GrantList> = fc.record(
  {
    text: fc.constantFrom('g-0001', 'H-2', 'nowhere'),
    target: fc.constantFrom('lock-3', 'lock-9'),
    limit: fc.integer({ min: 1, max: 60 }),
  },
  { requiredKeys: ['limit'] },
);

async function allEntries(search: StoreSearch, query: JournalQuery, most: number) {
  const found: number[] = [];
  let place = {};
  for (;;) {
    const { lines, next } = await search.entries({ ...query, ...place }, most);
    found.push(...lines.map(({ seq }) => seq));
    if (next === undefined) return found;
    place = query.backwards === true ? { upTo: next - 1 } : { after: next };
  }
}

async function allGrants(search: StoreSearch, query: GrantList, most: number) {
  const found: string[] = [];
  let place = {};
  for (;;) {
    const { grants, next } = await search.grants({ ...query, ...place }, most);
    found.push(...grants.map(({ grant }) => grant.id));
    if (next === undefined) return found;
    place = { after: next };
  }
}

for (const kind of ['a thread', 'memory'] as const) {
  test(`however short the looks, page after page finds what one long look would: ${kind}`, async () => {
    using folder = temporaryFolder();
    await using store = await filled(kind === 'memory' ? ':memory:' : folder.path);
    const { journal, grants, search } = store;
    const most = fc.integer({ min: 1, max: 300 });
    await fc.assert(
      fc.asyncProperty(queries, most, async (query, bound) => {
        const all = journal.read({ ...query, limit: COUNT }).map(({ seq }) => seq);
        assert.deepEqual(await allEntries(search, query, bound), all);
      }),
      { numRuns: 40 },
    );
    await fc.assert(
      fc.asyncProperty(lists, most, async (query, bound) => {
        const all = grants.list({ ...query, limit: COUNT }).map(({ grant }) => grant.id);
        assert.deepEqual(await allGrants(search, query, bound), all);
      }),
      { numRuns: 15 },
    );
  });
}

test('what was just written is found, and after a snapshot the new file is searched', async () => {
  using folder = temporaryFolder();
  await using store = await filled(folder.path);
  const { journal, grants, search } = store;
  const late = { type: 'access.denied' as const, body: { reason: 'expired' } };
  await journal.append({ stamp: stampAt(NOON), entries: [late] }).committed;
  const { lines } = await search.entries({ types: ['access.denied'], limit: 5 }, COUNT * 2);
  assert.deepEqual(
    lines.map(({ seq, body }) => [seq, JSON.parse(body)]),
    [[COUNT + 1, { reason: 'expired' }]],
  );
  const snapshot = await grants.snapshot('cloud', 's1');
  await snapshot.part(1, [grantOf(7, 2)]);
  const digest = digestOf([{ id: grantId(7), rev: 2 }]);
  const done = await snapshot.commit({ parts: 1, version: 9, digest });
  assert.equal(done.kind, 'applied');
  assert.deepEqual(await allGrants(search, { text: 'g-', limit: 50 }, 1000), [grantId(7)]);
});

test('holders come once each, in order, with how many grants there are for them', async () => {
  await using store = await filled(':memory:');
  const first = store.grants.holders({ limit: 2 });
  assert.deepEqual(
    first.map(({ holder, grants }) => [holder, grants]),
    [
      ['h-0', 67],
      ['h-1', 67],
    ],
  );
  assert.deepEqual(
    store.grants.holders({ limit: 5, after: 'h-1' }).map(({ holder }) => String(holder)),
    ['h-2'],
  );
  assert.deepEqual(store.grants.holders({ limit: 5, text: 'H-2' }).length, 1);
});
