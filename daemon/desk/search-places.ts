/** Where the files lie that a search reads: another thread opens them by their paths, and the live grants may change. */
import { join } from 'node:path';
import type { GrantsStore } from '../store/grants.ts';
import type { JournalStore } from '../store/journal.ts';
import { JOURNAL_FILE } from '../store/journal-recovery.ts';
import type { SearchPlaces } from '../store/search.ts';

export function searchPlaces(
  directory: string,
  journal: JournalStore,
  grants: GrantsStore,
): SearchPlaces {
  const isInMemory = directory === ':memory:';
  return {
    journal: {
      path: isInMemory ? undefined : join(directory, JOURNAL_FILE),
      get lastSeq() {
        return journal.lastSeq;
      },
      lines: (query) => journal.lines(query),
    },
    grants: {
      get path() {
        return typeof grants.place === 'string' ? grants.place : undefined;
      },
      list: (query) => grants.list(query),
      holders: (query) => grants.holders(query),
      count: () => grants.count(),
      lastIdIn: (bucket) => grants.lastIdIn(bucket),
      bucketAfter: (id) => grants.bucketAfter(id),
    },
  };
}
