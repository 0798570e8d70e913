/** Whoever an entry names, it is read back as it was hashed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { holderId } from '../../../daemon/access/model.ts';
import { openJournal } from '../../../daemon/store/journal-open.ts';
import { NOON, SeededRandom, StillClock, stampAt, temporaryFolder } from './known.ts';

test('no id holds half of a surrogate pair', () => {
  for (const half of ['\ud83d', 'a\udd11b', '\udd11\ud83d']) {
    assert.throws(() => holderId(half), RangeError);
  }
  assert.equal(holderId('\u{1f511}'), '\u{1f511}');
});

test('a journal with any name in it is whole at the next start', async () => {
  const units = fc.oneof(
    fc.integer({ min: 0x20, max: 0xffff }),
    fc.integer({ min: 0xd800, max: 0xdfff }),
  );
  const names = fc
    .array(units, { minLength: 1, maxLength: 4 })
    .map((codes) => String.fromCharCode(...codes))
    .filter(isId);
  const lists = fc.array(names, { minLength: 1, maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(lists, async (subs) => {
      using folder = temporaryFolder();
      const clock = new StillClock();
      const options = { directory: folder.path, clock, random: new SeededRandom(1), worker: false };
      const first = await openJournal(options);
      const entries = subs.map((name) => ({
        type: 'access.commanded' as const,
        sub: holderId(name),
        body: { by: `${name}\ud83d` },
      }));
      await first.journal.append({ stamp: stampAt(NOON), entries }).committed;
      await first.journal[Symbol.asyncDispose]();

      const { journal, recovered } = await openJournal(options);
      assert.equal(recovered, undefined);
      assert.deepEqual((await journal.verify()).faults, []);
      await journal[Symbol.asyncDispose]();
    }),
    { numRuns: 20 },
  );
});

function isId(text: string): boolean {
  try {
    return holderId(text) === text;
  } catch {
    return false;
  }
}
