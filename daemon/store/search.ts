/**
 * Looking through what no index covers: texts, kinds, times. Each look is bounded by how many rows it passes, so that
 * its answer comes soon and says from where to go on; on a disk it runs in a thread of its own, and no decision waits.
 */
import { Worker } from 'node:worker_threads';
import type { StoredGrant } from '../access/lookup.ts';
import { openDatabase, storageError } from './database.ts';
import { BUCKETS } from './digest.ts';
import { GrantReader } from './grants-query.ts';
import { JournalReader } from './journal-query.ts';
import {
  type EntryLine,
  type GrantList,
  type HolderList,
  type JournalQuery,
  StorageError,
} from './ports.ts';

/** Entries passed between two looks at how many were found. */
const STRIDE = 10_000;

export interface FoundEntries {
  readonly lines: readonly EntryLine[];
  /** Everything up to this number was passed (down to it, backwards); undefined at the end. */
  readonly next: number | undefined;
}

export interface FoundGrants {
  readonly grants: readonly StoredGrant[];
  /** Id after which to go on. */
  readonly next: string | undefined;
}

export type FoundHolder = ReturnType<GrantReader['holders']>[number];

export interface StoreSearch extends AsyncDisposable {
  /** @param most entries that are passed. @throws StorageError */
  entries(query: JournalQuery, most: number): Promise<FoundEntries>;
  /** @param most grants that are passed, about. @throws StorageError */
  grants(query: GrantList, most: number): Promise<FoundGrants>;
  holders(query: HolderList): Promise<readonly FoundHolder[]>;
}

interface Lines {
  lines(query: JournalQuery): readonly EntryLine[];
}

/** Newest first or oldest first, as the query says, from where it says. */
function searchEntries(
  journal: Lines,
  lastSeq: number,
  query: JournalQuery,
  most: number,
): FoundEntries {
  const { backwards = false, limit } = query;
  const top = Math.min(query.upTo ?? lastSeq, lastSeq);
  const bottom = query.after ?? 0;
  const lines: EntryLine[] = [];
  let passed = 0;
  let [from, to] = [bottom, top];
  while (from < to && lines.length < limit && passed < most) {
    const size = Math.min(STRIDE, most - passed, to - from);
    const part = backwards ? { after: to - size, upTo: to } : { after: from, upTo: from + size };
    lines.push(...journal.lines({ ...query, ...part, limit: limit - lines.length }));
    passed += size;
    if (backwards) to -= size;
    else from += size;
  }
  const last = lines.at(-1)?.seq;
  if (lines.length >= limit && last !== undefined) return { lines, next: last };
  return { lines, next: from < to ? (backwards ? to + 1 : from) : undefined };
}

/** In the order of `bucketOf(id)`, then id, as `list`. */
function searchGrants(
  reader: Pick<GrantReader, 'list' | 'count' | 'lastIdIn' | 'bucketAfter'>,
  query: GrantList,
  most: number,
): FoundGrants {
  const perBucket = Math.max(1, reader.count() / BUCKETS);
  const grants: StoredGrant[] = [];
  let after = query.after;
  let passed = 0;
  for (let bucket = reader.bucketAfter(after); bucket < BUCKETS; bucket++) {
    if (passed >= most) return { grants, next: after };
    const { limit } = query;
    const place = after === undefined ? {} : { after };
    grants.push(...reader.list({ ...query, ...place, bucket, limit: limit - grants.length }));
    const last = grants.at(-1)?.grant.id;
    if (grants.length >= limit && last !== undefined) return { grants, next: last };
    // A bucket of which nothing is left does not count: each look must come further.
    const end = reader.lastIdIn(bucket);
    if (end === undefined || end === query.after) continue;
    after = end;
    passed += perBucket;
  }
  return { grants, next: undefined };
}

export type SearchOrder =
  | {
      readonly kind: 'entries';
      readonly path: string;
      readonly lastSeq: number;
      readonly query: JournalQuery;
      readonly most: number;
    }
  | {
      readonly kind: 'grants';
      readonly path: string;
      readonly query: GrantList;
      readonly most: number;
    }
  | { readonly kind: 'holders'; readonly path: string; readonly query: HolderList };

type Found = FoundEntries | FoundGrants | { readonly holders: readonly FoundHolder[] };

/** The file is opened for each look: one that was replaced is never held on to. */
export function searchFile(order: SearchOrder): Found {
  const db = openDatabase(order.path, { readonly: true });
  try {
    switch (order.kind) {
      case 'entries':
        return searchEntries(new JournalReader(db, ''), order.lastSeq, order.query, order.most);
      case 'grants':
        return searchGrants(new GrantReader(db), order.query, order.most);
      case 'holders':
        return { holders: new GrantReader(db).holders(order.query) };
      default:
        return order satisfies never;
    }
  } finally {
    db.close();
  }
}

export type SearchReply =
  | { readonly kind: 'found'; readonly found: Found }
  | { readonly kind: 'failed'; readonly code: StorageError['code']; readonly message: string };

/** Where both files are now; `undefined` for memory, which no other thread can read. */
export interface SearchPlaces {
  readonly journal: Lines & { readonly lastSeq: number; readonly path: string | undefined };
  readonly grants: Pick<GrantReader, 'list' | 'holders' | 'count' | 'lastIdIn' | 'bucketAfter'> & {
    readonly path: string | undefined;
  };
}

export function storeSearch({ journal, grants }: SearchPlaces): StoreSearch {
  const thread = new SearchThread();
  return {
    async entries(query, most) {
      const { lastSeq, path } = journal;
      if (path === undefined) return searchEntries(journal, lastSeq, query, most);
      const found = await thread.ask({ kind: 'entries', path, lastSeq, query, most });
      if (!('lines' in found)) throw new TypeError('entries were asked for');
      return found;
    },
    async grants(query, most) {
      const { path } = grants;
      if (path === undefined) return searchGrants(grants, query, most);
      const found = await thread.ask({ kind: 'grants', path, query, most });
      if (!('grants' in found)) throw new TypeError('grants were asked for');
      return found;
    },
    async holders(query) {
      const { path } = grants;
      if (path === undefined) return grants.holders(query);
      const found = await thread.ask({ kind: 'holders', path, query });
      if (!('holders' in found)) throw new TypeError('holders were asked for');
      return found.holders;
    },
    [Symbol.asyncDispose]: () => thread.stop(),
  };
}

/** Started by the first who asks; answers one after the other. */
class SearchThread {
  #worker: Worker | undefined;
  readonly #waiting: {
    readonly resolve: (found: Found) => void;
    readonly reject: (error: unknown) => void;
  }[] = [];

  ask(order: SearchOrder): Promise<Found> {
    this.#worker ??= this.#start();
    const worker = this.#worker;
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      worker.postMessage(order);
    });
  }

  async stop(): Promise<void> {
    await this.#worker?.terminate();
  }

  #start(): Worker {
    const worker = new Worker(new URL('./search-worker.ts', import.meta.url));
    worker.unref();
    worker.on('message', (reply: SearchReply) => {
      const waiting = this.#waiting.shift();
      if (reply.kind === 'found') waiting?.resolve(reply.found);
      else waiting?.reject(new StorageError(reply.code, reply.message));
    });
    const ended = (error: unknown) => {
      if (this.#worker === worker) this.#worker = undefined;
      for (const { reject } of this.#waiting.splice(0)) reject(error);
    };
    worker.on('error', (error) => ended(storageError(error)));
    worker.on('exit', () => ended(new StorageError('broken', 'the search ended')));
    return worker;
  }
}
