import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openJournal } from '../../../daemon/store/journal-open.ts';
import { journalContract } from '../../contract/store-journal.ts';
import { entryOf, NOON, SeededRandom, StillClock, stampAt, temporaryFolder } from './known.ts';

const clock = new StillClock();
const random = new SeededRandom(7);

for (const [name, worker] of [
  ['files, in process', false],
  ['files, in a thread', true],
] as const) {
  journalContract(name, async () => {
    const folder = temporaryFolder();
    const { journal } = await openJournal({ directory: folder.path, clock, random, worker });
    return {
      journal,
      [Symbol.asyncDispose]: async () => {
        await journal[Symbol.asyncDispose]();
        folder[Symbol.dispose]();
      },
    };
  });
}

journalContract('memory', async () => {
  const { journal } = await openJournal({ directory: ':memory:', clock, random });
  return { journal, [Symbol.asyncDispose]: () => journal[Symbol.asyncDispose]() };
});

test('a journal goes on where it ended', async () => {
  using folder = temporaryFolder();
  const options = { directory: folder.path, clock, random };
  const first = await openJournal(options);
  await first.journal.append({ stamp: stampAt(NOON), entries: [entryOf(1), entryOf(2)] }).committed;
  await first.journal.acknowledge(first.journal.epoch, 1);
  const { epoch, lastHash } = first.journal;
  await first.journal[Symbol.asyncDispose]();
  const second = await openJournal(options);
  await using journal = second.journal;
  assert.equal(second.recovered, undefined);
  assert.equal(second.dirty, false);
  assert.deepEqual(
    [journal.epoch, journal.lastSeq, journal.lastHash, journal.acknowledged],
    [epoch, 2, lastHash, 1],
  );
  await journal.append({ stamp: stampAt(NOON), entries: [entryOf(3)] }).committed;
  assert.deepEqual(await journal.verify(), {
    ok: true,
    entries: 3,
    lastSeq: 3,
    lastHash: journal.lastHash,
    faults: [],
  });
});
