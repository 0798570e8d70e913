/**
 * Commits where it costs least: in the main thread while the disk is quick, in the journal's thread while it is not.
 * Two turns between threads cost a decision as much as half a commit on a quick disk (measured); a card that takes
 * long would stall every bus. Only one of them writes at a time, so entries keep their order.
 */
import type { Clock, Millis, Uptime } from '../../drivers/contract/time.ts';
import type { Database } from './database.ts';
import { type JournalFile, openJournalFile } from './journal-file.ts';
import {
  type FromWriter,
  JournalLoop,
  type JournalThread,
  type JournalWriter,
  type ToWriter,
  threadedWriter,
} from './journal-writer.ts';

/** A commit of this length delays no bus that anybody would notice: a reply may take 200. */
const QUICK: Millis = 4;
/**
 * What commits took beyond that is added up, and each commit takes so much off: a disk that takes 10 ms once in twenty
 * commits is written from here, a card that takes as long each time is not.
 */
const PARDONED: Millis = 0.5;
/** The sum with which a disk is slow: a quarter of what a reply may take. One such commit alone is enough. */
const LATE_MOST: Millis = 50;
/** So many commits in a row of a disk that was not slow, and it is believed. */
const BELIEVED_AFTER = 16;
/** After it was slow here it has to show twice as many, up to this: a card that stalls every few commits stays with the thread. */
const BELIEVED_AFTER_MOST = 500;
/** After so many in a row here, how often it was slow is forgotten. */
const FORGIVEN_AFTER = 100;
/** Commits here between two requests to move the log into the file, which the thread does beside them. */
const COMMITS_BETWEEN_RESTS = 25;
/** The log is moved in the way of a commit only where the thread never found the time. */
const LOG_PAGES_MOST = 800;

export interface NearestOptions {
  readonly path: string;
  readonly ballast: string | undefined;
  readonly clock: Clock;
  readonly thread?: JournalThread | undefined;
  /**
   * A connection that is there already: with it the disk is believed from the first commit on, and the thread starts
   * when it is first needed. At a start of the daemon no bus is open yet that could be stalled, and a thread takes as
   * long as all that a decision waits for.
   */
  readonly first?: Database | undefined;
  /** Default `BELIEVED_AFTER`. */
  readonly believedAfter?: number | undefined;
}

export function nearestWriter(
  options: NearestOptions,
  answer: (answer: FromWriter) => void,
): JournalWriter {
  return new NearestWriter(options, answer);
}

class NearestWriter implements JournalWriter {
  readonly #options: NearestOptions;
  readonly #answer: (answer: FromWriter) => void;
  #started: JournalWriter | undefined;
  /** Not there before the disk is believed for the first time. */
  #here: { readonly file: JournalFile; readonly loop: JournalLoop } | undefined;
  #queue: ToWriter[] = [];
  /** The last batch and the calls that the thread has not answered. */
  #batchThere = 0;
  readonly #callsThere = new Set<number>();
  #sentThere: Uptime | undefined;
  #quick = 0;
  #believedAfter: number;
  #commitsHere = 0;
  /** In a row, here. */
  #quickHere = 0;
  #late: Millis = 0;

  constructor(options: NearestOptions, answer: (answer: FromWriter) => void) {
    this.#options = options;
    this.#answer = answer;
    this.#believedAfter = this.#believedAtFirst;
    if (options.first === undefined) this.#startThread();
    else {
      this.#quick = this.#believedAfter;
      this.#open(options.first);
    }
  }

  post(message: ToWriter): void {
    if (message.kind === 'batch' && this.#isHere) {
      this.#queue.push(message);
      // All that comes in this turn of the loop is one commit.
      if (this.#queue.length === 1) setImmediate(() => this.#commitQueued());
      return;
    }
    this.#commitHere();
    this.#postThere(message);
  }

  async stop(): Promise<void> {
    await this.#started?.stop();
  }

  get #thread(): JournalWriter {
    return this.#started ?? this.#startThread();
  }

  #startThread(): JournalWriter {
    const { path, ballast, thread } = this.#options;
    this.#started = threadedWriter(path, ballast, (each) => this.#hear(each), thread);
    return this.#started;
  }

  /** What is queued here keeps what follows here. */
  get #isHere(): boolean {
    if (this.#queue.length > 0) return true;
    return this.#here !== undefined && this.#quick >= this.#believedAfter && this.#isThreadIdle;
  }

  get #isThreadIdle(): boolean {
    return this.#batchThere === 0 && this.#callsThere.size === 0;
  }

  #postThere(message: ToWriter): void {
    if (message.kind === 'batch') {
      if (this.#isThreadIdle) this.#sentThere = this.#options.clock.uptime();
      this.#batchThere = message.batch.number;
    } else if ('call' in message) {
      this.#callsThere.add(message.call);
    } else if (message.kind === 'fail-next') {
      this.#quick = 0;
    }
    if (message.kind === 'close') {
      this.#closeHere();
      if (this.#started === undefined) {
        queueMicrotask(() => this.#hear({ kind: 'answer', call: message.call, value: 0 }));
        return;
      }
    }
    this.#thread.post(message);
  }

  /** What followed a commit in whose turn the thread was given a call has its place behind that. */
  #commitQueued(): void {
    if (this.#isThreadIdle) this.#commitHere();
    else for (const message of this.#queue.splice(0)) this.#postThere(message);
  }

  #commitHere(): void {
    const messages = this.#queue;
    if (messages.length === 0) return;
    this.#queue = [];
    const { clock } = this.#options;
    const before = clock.uptime();
    this.#here?.loop.take(messages);
    this.#judgeHere(clock.uptime() - before);
    this.#commitsHere += 1;
    // After what waited for this commit: where the thread has to be started for it, that takes a while.
    if (this.#commitsHere % COMMITS_BETWEEN_RESTS === 0) setImmediate(() => this.#rest());
  }

  #judgeHere(took: Millis): void {
    // By the time it is needed it is there.
    if (took > QUICK && this.#started === undefined) this.#startThread();
    if (!this.#isSlow(took)) {
      this.#quickHere += 1;
      if (this.#quickHere === FORGIVEN_AFTER) this.#believedAfter = this.#believedAtFirst;
      return;
    }
    this.#quick = 0;
    this.#quickHere = 0;
    this.#believedAfter = Math.min(2 * this.#believedAfter, BELIEVED_AFTER_MOST);
  }

  /** Of the disk, after a commit that took so long here or there. */
  #isSlow(took: Millis): boolean {
    const late = this.#late - PARDONED + Math.max(0, took - QUICK);
    this.#late = Math.max(0, Math.min(late, LATE_MOST));
    return this.#late === LATE_MOST;
  }

  get #believedAtFirst(): number {
    return this.#options.believedAfter ?? BELIEVED_AFTER;
  }

  #rest(): void {
    if (this.#here !== undefined) this.#thread.post({ kind: 'rest' });
  }

  /** A disk that is quick and still refuses a second connection is left to the thread. */
  #open(target: Database | string): void {
    const { ballast } = this.#options;
    try {
      const file = openJournalFile(target, { logPagesMost: LOG_PAGES_MOST });
      const loop = new JournalLoop((each) => this.#hearHere(each), file, ballast);
      this.#here = { file, loop };
    } catch {
      if (typeof target !== 'string') target.close();
      this.#quick = 0;
      this.#believedAfter = BELIEVED_AFTER_MOST;
    }
  }

  /** Before the thread's: the last connection to close tidies up the log. */
  #closeHere(): void {
    this.#here?.file.close();
    this.#here = undefined;
  }

  #hearHere(answer: FromWriter): void {
    if (answer.kind === 'failed') this.#quick = 0;
    this.#answer(answer);
  }

  #hear(answer: FromWriter): void {
    switch (answer.kind) {
      case 'committed':
        if (answer.upTo >= this.#batchThere) this.#timed();
        break;
      case 'failed':
        this.#batchThere = 0;
        this.#quick = 0;
        break;
      case 'answer':
      case 'refused':
        this.#callsThere.delete(answer.call);
        break;
      default:
    }
    this.#answer(answer);
  }

  /** Everything that was sent to the thread is on the disk. */
  #timed(): void {
    this.#batchThere = 0;
    const took = this.#options.clock.uptime() - (this.#sentThere ?? 0);
    this.#quick = this.#isSlow(took) ? 0 : this.#quick + 1;
    if (this.#quick >= this.#believedAfter && this.#here === undefined)
      this.#open(this.#options.path);
  }
}
