/** The talk between the store of grants and the threads that write its files, and both ways to run them. */
import { Worker } from 'node:worker_threads';
import { type Database, emptyLog, openDatabase, storageError } from './database.ts';
import type { GrantColumns } from './grant-columns.ts';
import type { RowWrite } from './grant-rows.ts';
import { type FinishOrder, GrantBuild } from './grants-build.ts';
import { GrantFile, type Rezoned, type Tombstone } from './grants-file.ts';
import type { CatchUpOrder } from './grants-merge.ts';
import { type GrantWriteResult, StorageError } from './ports.ts';

/** Where a file is: a path, or a database in this process's memory. */
export type Place = string | Database;

/** What can be asked, and what comes back. One thread serves one role: `open` makes it a writer, `build` a builder. */
export interface Requests {
  open: { ask: { readonly place: Place }; answer: undefined };
  write: { ask: { readonly write: RowWrite }; answer: GrantWriteResult };
  tombstones: { ask: { readonly all: readonly Tombstone[] }; answer: undefined };
  rezone: {
    ask: { readonly rows: readonly Rezoned[]; readonly tzdata: string | undefined };
    answer: undefined;
  };
  forget: { ask: { readonly source: string }; answer: undefined };
  build: { ask: { readonly path: string | undefined }; answer: undefined };
  part: { ask: { readonly columns: GrantColumns }; answer: undefined };
  finish: {
    ask: { readonly live: Place; readonly order: FinishOrder };
    answer: { readonly isSame: boolean; readonly have: string };
  };
  'catch-up': {
    ask: { readonly live: Place; readonly order: CatchUpOrder };
    answer: { readonly count: number; readonly built: Database | undefined };
  };
  close: { ask: object; answer: undefined };
}

export type RequestName = keyof Requests;
export type Request = {
  [Name in RequestName]: { readonly name: Name } & Requests[Name]['ask'];
}[RequestName];

export interface GrantsThread {
  /** In order, one after the other. @throws StorageError */
  ask<Name extends RequestName>(
    name: Name,
    ask: Requests[Name]['ask'],
  ): Promise<Requests[Name]['answer']>;
  stop(): Promise<void>;
}

/** Serves the requests of one thread. */
export class GrantsLoop {
  #db: Database | undefined;
  #file: GrantFile | undefined;
  #build: GrantBuild | undefined;

  serve(request: Request): unknown {
    switch (request.name) {
      case 'open':
        this.#db?.close();
        this.#db = typeof request.place === 'string' ? openDatabase(request.place) : request.place;
        this.#file = new GrantFile(this.#db);
        return undefined;
      case 'write':
        return this.#writer().write(request.write);
      case 'tombstones':
        return this.#writer().applyTombstones(request.all);
      case 'rezone':
        return this.#writer().rezone(request.rows, request.tzdata);
      case 'forget':
        return this.#writer().forgetSource(request.source);
      case 'build':
        this.#build = new GrantBuild(request.path);
        return undefined;
      case 'part':
        return this.#builder().part(request.columns);
      case 'finish':
        return reading(request.live, (live) => this.#builder().finish(live, request.order));
      case 'catch-up': {
        const count = reading(request.live, (live) => this.#builder().catchUp(live, request.order));
        const built = this.#builder().seal();
        this.#build = undefined;
        return { count, built } satisfies Requests['catch-up']['answer'];
      }
      case 'close':
        if (this.#file !== undefined && this.#db !== undefined) emptyLog(this.#db);
        this.#db?.close();
        this.#build?.close();
        this.#db = undefined;
        this.#file = undefined;
        this.#build = undefined;
        return undefined;
      default:
        return request satisfies never;
    }
  }

  #writer(): GrantFile {
    if (this.#file === undefined) throw new StorageError('broken', 'no file of grants is open');
    return this.#file;
  }

  #builder(): GrantBuild {
    if (this.#build === undefined) throw new StorageError('broken', 'no snapshot is being built');
    return this.#build;
  }
}

function reading<Result>(place: Place, use: (db: Database) => Result): Result {
  if (typeof place !== 'string') return use(place);
  const db = openDatabase(place, { readonly: true });
  try {
    return use(db);
  } finally {
    db.close();
  }
}

export type Reply =
  | { readonly answer: unknown }
  | { readonly code: StorageError['code']; readonly message: string };

interface Call {
  readonly resolve: (answer: never) => void;
  readonly reject: (error: StorageError) => void;
}

export function grantsThread(): GrantsThread {
  const worker = new Worker(new URL('./grants-worker.ts', import.meta.url));
  /** Answered in the order in which they were asked. */
  let calls: Call[] = [];
  let failure: StorageError | undefined;
  worker.on('message', (reply: Reply) => {
    const call = calls.shift();
    if ('code' in reply) call?.reject(new StorageError(reply.code, reply.message));
    // Each request's answer has the type that `Requests` pairs with it; the thread runs the same table.
    else call?.resolve(reply.answer as never);
  });
  const fail = (error: StorageError) => {
    failure = error;
    for (const call of calls) call.reject(error);
    calls = [];
  };
  worker.on('error', (error) => fail(storageError(error)));
  worker.on('exit', () => fail(new StorageError('broken', 'the thread of grants has ended')));
  return {
    ask: (name, ask) =>
      new Promise((resolve, reject) => {
        if (failure !== undefined) {
          reject(failure);
          return;
        }
        calls.push({ resolve, reject });
        worker.postMessage({ name, ...ask });
      }),
    stop: async () => {
      await worker.terminate();
    },
  };
}

/**
 * The writer of a file, which starts at the first thing that is asked of it: a start of the daemon seldom has anything
 * to write, and its first decision does not wait for a thread.
 */
export function openedWhenAsked(place: Place, start: () => GrantsThread): GrantsThread {
  let thread: GrantsThread | undefined;
  let opening: Promise<undefined> | undefined;
  return {
    ask: async (name, ask) => {
      thread ??= start();
      opening ??= thread.ask('open', { place }).catch((error: unknown) => {
        opening = undefined; // who asks next tries again
        throw error;
      });
      await opening;
      return thread.ask(name, ask);
    },
    stop: async () => {
      await thread?.ask('close', {}).catch(() => undefined);
      await thread?.stop();
    },
  };
}

/** The same in this thread; answers come in a later turn, as from a thread. */
export function grantsInProcess(): GrantsThread {
  const loop = new GrantsLoop();
  return {
    ask: async (name, ask) => {
      await Promise.resolve();
      try {
        return loop.serve({ name, ...ask } as Request) as never;
      } catch (error) {
        throw storageError(error);
      }
    },
    stop: async () => {},
  };
}
