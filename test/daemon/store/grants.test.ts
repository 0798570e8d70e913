import { resolveWindow } from '../../../daemon/access/window.ts';
import { livePointer, openGrantStore } from '../../../daemon/store/grants-open.ts';
import { openJournal } from '../../../daemon/store/journal-open.ts';
import { grantsContract } from '../../contract/store-grants.ts';
import { NOON, SeededRandom, StillClock, stampAt, temporaryFolder } from './known.ts';

const clock = new StillClock();
const random = new SeededRandom(11);

async function open(directory: string, worker: boolean) {
  const { journal } = await openJournal({ directory, clock, random, worker });
  const { grants } = await openGrantStore({
    directory,
    clock,
    random,
    worker,
    zone: 'Europe/Stockholm',
    tzdata: '2026c',
    resolve: resolveWindow,
    live: livePointer(journal, () => stampAt(NOON)),
    tombstones: journal,
  });
  return { journal, grants };
}

for (const [name, worker] of [
  ['files, in process', false],
  ['files, in threads', true],
] as const) {
  grantsContract(name, async () => {
    const folder = temporaryFolder();
    const { journal, grants } = await open(folder.path, worker);
    return {
      grants,
      [Symbol.asyncDispose]: async () => {
        await grants[Symbol.asyncDispose]();
        await journal[Symbol.asyncDispose]();
        folder[Symbol.dispose]();
      },
    };
  });
}

grantsContract('memory', async () => {
  const { journal, grants } = await open(':memory:', false);
  return {
    grants,
    [Symbol.asyncDispose]: async () => {
      await grants[Symbol.asyncDispose]();
      await journal[Symbol.asyncDispose]();
    },
  };
});
