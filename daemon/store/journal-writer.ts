/** The talk between the journal and the thread that writes it, and both ways to run that thread. */
import { Worker } from 'node:worker_threads';
import { dropBallast } from './ballast.ts';
import { type Database, storageError } from './database.ts';
import { type JournalFile, openJournalFile, type RowBatch } from './journal-file.ts';
import { StorageError } from './ports.ts';

export type ToWriter =
  | { readonly kind: 'open'; readonly path: string; readonly ballast: string | undefined }
  | { readonly kind: 'batch'; readonly batch: RowBatch }
  | { readonly kind: 'forget-commands'; readonly call: number; readonly before: number }
  | {
      readonly kind: 'erase';
      readonly call: number;
      readonly upTo: number;
      readonly holder: string | undefined;
    }
  /** Another connection has committed for a while: the log is moved into the file. */
  | { readonly kind: 'rest' }
  | { readonly kind: 'fail-next'; readonly as: 'full' | 'broken'; readonly times: number }
  | { readonly kind: 'close'; readonly call: number };

export type FromWriter =
  /** Every batch up to this number is on the disk. */
  | { readonly kind: 'committed'; readonly upTo: number }
  | {
      readonly kind: 'failed';
      readonly generation: number;
      readonly code: StorageError['code'];
      readonly message: string;
    }
  /** Space ran out and the ballast was given up for it. */
  | { readonly kind: 'ballast-dropped' }
  | { readonly kind: 'answer'; readonly call: number; readonly value: number }
  | {
      readonly kind: 'refused';
      readonly call: number;
      readonly code: StorageError['code'];
      readonly message: string;
    }
  | { readonly kind: 'died'; readonly code: StorageError['code']; readonly message: string };

/** After so many commits without a rest, the log is moved into the file when nothing else is to do. */
const COMMITS_BEFORE_REST = 25;

export class JournalLoop {
  readonly #answer: (answer: FromWriter) => void;
  #file: JournalFile | undefined;
  #ballast: string | undefined;
  #refusedGeneration = -1;
  #commits = 0;

  constructor(answer: (answer: FromWriter) => void, file?: JournalFile, ballast?: string) {
    this.#answer = answer;
    this.#file = file;
    this.#ballast = ballast;
  }

  get isClosed(): boolean {
    return this.#file === undefined;
  }

  get wantsRest(): boolean {
    return this.#commits >= COMMITS_BEFORE_REST;
  }

  /** Batches that come one after the other are committed together. */
  take(messages: readonly ToWriter[]): void {
    let group: RowBatch[] = [];
    for (const message of messages) {
      if (message.kind === 'batch') {
        if (message.batch.generation > this.#refusedGeneration) group.push(message.batch);
        continue;
      }
      this.#commit(group);
      group = [];
      this.#serve(message);
    }
    this.#commit(group);
  }

  /** Never in the way of a commit: called when the queue was found empty. */
  rest(): void {
    if (this.wantsRest) this.#moveLog();
  }

  #moveLog(): void {
    this.#commits = 0;
    try {
      this.#file?.checkpoint();
    } catch {
      // The log stays as it is and the next commit says what is wrong with the disk.
    }
  }

  #serve(message: Exclude<ToWriter, { kind: 'batch' }>): void {
    switch (message.kind) {
      case 'open':
        this.#file = openJournalFile(message.path);
        this.#ballast = message.ballast;
        return;
      case 'forget-commands':
        this.#counted(message.call, (file) => file.forgetCommands(message.before));
        return;
      case 'erase':
        this.#counted(message.call, (file) => file.erase(message.upTo, message.holder));
        return;
      case 'rest':
        this.#moveLog();
        return;
      case 'fail-next':
        this.#file?.failNext(message.as, message.times);
        return;
      case 'close':
        this.#file?.close();
        this.#file = undefined;
        this.#answer({ kind: 'answer', call: message.call, value: 0 });
        return;
      default:
        message satisfies never;
    }
  }

  #counted(call: number, count: (file: JournalFile) => number): void {
    try {
      this.#answer({ kind: 'answer', call, value: count(this.#open()) });
    } catch (error) {
      const { code, message } = storageError(error);
      this.#answer({ kind: 'refused', call, code, message });
    }
  }

  #open(): JournalFile {
    if (this.#file === undefined) throw new StorageError('broken', 'the journal is closed');
    return this.#file;
  }

  #commit(group: readonly RowBatch[]): void {
    const last = group.at(-1);
    if (last === undefined) return;
    try {
      this.#write(group);
    } catch (error) {
      this.#refusedGeneration = last.generation;
      const { code, message } = storageError(error);
      this.#answer({ kind: 'failed', generation: last.generation, code, message });
      return;
    }
    this.#commits += 1;
    // In the main thread whoever watches the storage is told in it: what that throws is no fault of the disk.
    this.#answer({ kind: 'committed', upTo: last.number });
  }

  /** A full disk is tried once more with the ballast gone (conventions 3.4). */
  #write(group: readonly RowBatch[]): void {
    const file = this.#open();
    try {
      file.commit(group);
    } catch (error) {
      if (storageError(error).code !== 'full' || !dropBallast(this.#ballast)) throw error;
      this.#answer({ kind: 'ballast-dropped' });
      file.commit(group);
    }
  }
}

export interface JournalWriter {
  post(message: ToWriter): void;
  /** After `close` was answered. */
  stop(): Promise<void>;
}

/** The journal's thread, before it has a file: to start one takes as long as to read a config. */
export class JournalThread implements AsyncDisposable {
  readonly worker = new Worker(new URL('./journal-worker.ts', import.meta.url));

  /** Once the journal is closed, or where it never came to be opened. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.worker.terminate();
  }
}

export function threadedWriter(
  path: string,
  ballast: string | undefined,
  answer: (answer: FromWriter) => void,
  thread = new JournalThread(),
): JournalWriter {
  const { worker } = thread;
  worker.on('message', answer);
  worker.on('error', (error) => answer({ kind: 'died', code: 'broken', message: error.message }));
  worker.on('exit', (code) => answer({ kind: 'died', code: 'broken', message: `ended (${code})` }));
  worker.postMessage({ kind: 'open', path, ballast } satisfies ToWriter);
  return {
    post: (message) => worker.postMessage(message),
    stop: () => thread[Symbol.asyncDispose](),
  };
}

/** The same loop in this thread; what is appended in one turn is committed together at the end of that turn. */
export function inProcessWriter(
  target: Database | string,
  ballast: string | undefined,
  answer: (answer: FromWriter) => void,
): JournalWriter {
  const loop = new JournalLoop(answer, openJournalFile(target), ballast);
  let queue: ToWriter[] = [];
  return {
    post: (message) => {
      queue.push(message);
      if (queue.length > 1) return;
      queueMicrotask(() => {
        const messages = queue;
        queue = [];
        loop.take(messages);
        loop.rest();
      });
    },
    stop: async () => {},
  };
}
