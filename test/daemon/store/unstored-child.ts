/** The process whose disk fails under it in `unstored.test.ts`: it does what each line of stdin says. */
import { createInterface } from 'node:readline';
import { openJournal } from '../../../daemon/store/journal-open.ts';
import { entryOf, NOON, SeededRandom, StillClock, stampAt } from './known.ts';

const [directory = ''] = process.argv.slice(2);
const random = new SeededRandom(process.pid);
const { journal } = await openJournal({ directory, clock: new StillClock(), random });
let refused = 0;

for await (const line of createInterface({ input: process.stdin })) {
  const [verb, count = '0'] = line.split(' ');
  refused = 0;
  if (verb === 'probe') await journal.probe();
  for (let n = 0; n < Number(count); n++) {
    const entries = [entryOf(n)];
    await journal
      .append({ stamp: stampAt(NOON), entries, keep: verb === 'keep' })
      .committed.catch(() => {
        refused += 1;
      });
  }
  const { kept, lost } = journal.unstored;
  const state = journal.isSafe ? 'safe' : 'unsafe';
  console.log(`${state} kept ${kept} lost ${lost} seq ${journal.lastSeq} refused ${refused}`);
}
await journal[Symbol.asyncDispose]();
