/** Appends, failing disks and restarts in any order: the ledger is always what the entries on the disk fold to. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { checkpointOf } from '../../../daemon/access/checkpoint.ts';
import type { Entry, RecordedEntry } from '../../../daemon/access/entry.ts';
import { fold } from '../../../daemon/access/fold.ts';
import { Ledger, type LedgerView } from '../../../daemon/access/ledger.ts';
import type { HolderId } from '../../../daemon/access/model.ts';
import type { JournalStore } from '../../../daemon/store/journal.ts';
import { openJournal } from '../../../daemon/store/journal-open.ts';
import { LEDGER_TABLES } from '../../../daemon/store/journal-state.ts';
import { deviceId } from '../../../drivers/contract/device.ts';
import { instant } from '../../../drivers/contract/time.ts';
import { NOON, SeededRandom, StillClock, stampAt, temporaryFolder } from './known.ts';

const RUNS = process.env['LATCHKEY_LONG'] === '1' ? 1000 : 25;

const grant = fc.constantFrom('g-1', 'g-2', 'g-3');
const entry: fc.Arbitrary<Entry> = fc.oneof(
  fc.record({
    type: fc.constant('access.granted' as const),
    sub: fc.constantFrom('p_1', 'p_2').map((id) => id as HolderId),
    body: fc.record({
      grant,
      counted: fc.constant(true),
      area: fc.constantFrom('yard', 'house'),
    }),
  }),
  fc.record({
    type: fc.constant('access.denied' as const),
    device: fc.constantFrom(deviceId('pad-1'), deviceId('pad-2')),
    body: fc.record({
      tries: fc.record({ failures: fc.nat(9), waitLeft: fc.nat(9000), recent: fc.array(fc.nat()) }),
      cards: fc.array(fc.record({ credential: grant, wrong: fc.nat(2) }), { maxLength: 2 }),
    }),
  }),
  fc.record({
    type: fc.constantFrom('security.credential_disabled', 'security.credential_enabled'),
    body: fc.record({ credential: grant }),
  }),
  fc.record({
    type: fc.constant('device.log' as const),
    body: fc.record({ text: fc.string(), n: fc.double({ noNaN: true }) }),
  }),
);

type Step =
  | { readonly kind: 'append'; readonly batches: readonly (readonly Entry[])[] }
  | { readonly kind: 'fail'; readonly times: number }
  | { readonly kind: 'checkpoint' }
  | { readonly kind: 'restart' };

const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        kind: fc.constant('append' as const),
        batches: fc.array(fc.array(entry, { maxLength: 3 }), { maxLength: 4 }),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('fail' as const),
        times: fc.integer({ min: 1, max: 2 }),
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('checkpoint', 'restart') }) },
  ),
  { maxLength: 10 },
);

for (const [how, writing] of [
  ['in process', { worker: false }],
  ['with a thread', { worker: true, believedAfter: Number.POSITIVE_INFINITY }],
  ['here, and in a thread when one is needed', { worker: 'when-needed', believedAfter: 2 }],
  ['here and in a thread by turns', { worker: true, believedAfter: 2 }],
] as const) {
  test(`the ledger is what the disk says, ${how}`, async () => {
    const random = new SeededRandom(9);
    await fc.assert(
      fc.asyncProperty(steps, async (sequence) => {
        using folder = temporaryFolder();
        const clock = new StillClock();
        const options = { directory: folder.path, clock, random, ...writing };
        let { journal } = await openJournal(options);
        let at = 0;
        for (const step of sequence) {
          if (step.kind === 'fail') journal.failWrites('broken', step.times);
          if (step.kind === 'restart') {
            await journal[Symbol.asyncDispose]();
            ({ journal } = await openJournal(options));
          }
          if (step.kind === 'checkpoint') {
            const stamp = stampAt(NOON);
            const { committed } = journal.append({
              stamp,
              entries: [checkpointOf(journal.ledger)],
            });
            await committed.then(
              () => journal.erase(journal.lastSeq - 1),
              () => 0,
            );
          }
          if (step.kind === 'append') {
            const sent = step.batches.map((entries) => {
              at += 1;
              return journal.append({ stamp: stampAt(instant(NOON + at)), entries });
            });
            await Promise.allSettled(sent.map(({ committed }) => committed));
          }
          assert.deepEqual(rowsOf(journal.ledger), rowsOf(refolded(journal)));
        }
        assert.deepEqual((await journal.verify()).faults, []);
        await journal[Symbol.asyncDispose]();
      }),
      { numRuns: writing.worker ? Math.ceil(RUNS / 4) : RUNS },
    );
  });
}

/** From the entries alone; those before a checkpoint may be erased. */
function refolded(journal: JournalStore): LedgerView {
  const ledger = new Ledger();
  const all: readonly RecordedEntry[] = journal.read({ limit: 5000 });
  for (const recorded of all) ledger.apply(fold(ledger, recorded));
  return ledger;
}

function rowsOf(ledger: LedgerView): unknown {
  return JSON.parse(
    JSON.stringify(
      LEDGER_TABLES.map((table) => [
        table,
        [...ledger.all(table)].sort(([a], [b]) => (a < b ? -1 : 1)),
      ]),
    ),
  );
}
