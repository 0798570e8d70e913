/**
 * Marks kept outside the databases, so that an old copy put in their place cannot revive what is over (threat T11):
 * highest command counters, versions of grants, and how far the journal had come. They follow the databases by
 * moments, never run ahead of them, and only ever grow.
 */
import { readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { type Clock, type Millis, type Timer, uptime } from '../../drivers/contract/time.ts';
import { type RunsJob, runJobHere } from './maintenance.ts';

const FILE = 'marks.json';
/** The journal's own place is worth a write only now and then. */
const JOURNAL_STRIDE = 64;
/** What is raised within this time is written together: a write here takes the disk from the commits of the journal. */
const GATHER: Millis = 200;

interface Marks {
  counters: { [kid: string]: string };
  versions: { [source: string]: number };
  journal: { epoch: string; seq: number } | undefined;
}

export class HighWater implements AsyncDisposable {
  readonly #directory: string | undefined;
  readonly #marks: Marks;
  readonly #clock: Clock;
  readonly #runJob: RunsJob;
  #due: Timer | undefined;
  #dirty = false;
  #writing: Promise<void> | undefined;

  /** Without a directory nothing is kept. A file that cannot be read is put aside and counts as none. */
  constructor(directory: string | undefined, clock: Clock, runJob: RunsJob = runJobHere) {
    this.#directory = directory;
    this.#clock = clock;
    this.#runJob = runJob;
    this.#marks = directory === undefined ? none() : readMarks(join(directory, FILE));
  }

  counters(): ReadonlyMap<string, bigint> {
    return new Map(
      Object.entries(this.#marks.counters).map(([kid, text]) => [kid, BigInt(text)] as const),
    );
  }

  version(source: string): number {
    return this.#marks.versions[source] ?? 0;
  }

  get journal(): { readonly epoch: string; readonly seq: number } | undefined {
    return this.#marks.journal;
  }

  raiseCounter(kid: string, highest: string): void {
    const held = this.#marks.counters[kid];
    if (held !== undefined && BigInt(held) >= BigInt(highest)) return;
    this.#marks.counters[kid] = highest;
    this.#save();
  }

  raiseVersion(source: string, version: number): void {
    if (this.version(source) >= version) return;
    this.#marks.versions[source] = version;
    this.#save();
  }

  raiseJournal(epoch: string, seq: number): void {
    const held = this.#marks.journal;
    if (held?.epoch === epoch && held.seq >= seq) return;
    const isDue =
      held?.epoch !== epoch ||
      Math.floor(seq / JOURNAL_STRIDE) > Math.floor(held.seq / JOURNAL_STRIDE);
    this.#marks.journal = { epoch, seq };
    if (isDue) this.#save();
  }

  /** When what was raised is on the disk, or could not be put there. */
  async settled(): Promise<void> {
    this.#write();
    while (this.#writing !== undefined) await this.#writing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#dirty = true;
    await this.settled();
  }

  #save(): void {
    this.#dirty = true;
    if (this.#directory === undefined || this.#due !== undefined) return;
    this.#due = this.#clock.wakeAt(uptime(this.#clock.uptime() + GATHER), () => this.#write());
  }

  /** One write at a time; what is raised meanwhile goes into the next. */
  #write(): void {
    this.#due?.cancel();
    this.#due = undefined;
    const directory = this.#directory;
    if (directory === undefined || !this.#dirty || this.#writing !== undefined) return;
    this.#writing = this.#writeAll(directory).finally(() => {
      this.#writing = undefined;
    });
  }

  async #writeAll(directory: string): Promise<void> {
    while (this.#dirty) {
      this.#dirty = false;
      try {
        const text = JSON.stringify({ v: 1, ...this.#marks });
        await this.#runJob({ kind: 'replace', path: join(directory, FILE), text });
      } catch {
        // The databases hold the same; the disk's state is told by their commits, and the next raise tries again.
        return;
      }
    }
  }
}

function none(): Marks {
  return { counters: {}, versions: {}, journal: undefined };
}

function readMarks(path: string): Marks {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return none();
  }
  try {
    const found: unknown = JSON.parse(text);
    if (typeof found !== 'object' || found === null) throw new TypeError('no object');
    const { counters, versions, journal } = found as Partial<Record<keyof Marks, unknown>>;
    return {
      counters: Object.fromEntries(
        pairs(counters).flatMap(([kid, value]) =>
          typeof value === 'string' && /^\d{1,20}$/.test(value) ? [[kid, value]] : [],
        ),
      ),
      versions: Object.fromEntries(
        pairs(versions).flatMap(([source, value]) =>
          typeof value === 'number' && Number.isSafeInteger(value) ? [[source, value]] : [],
        ),
      ),
      journal: journalMark(journal),
    };
  } catch {
    renameSync(path, `${path}.unreadable`);
    return none();
  }
}

function pairs(value: unknown): [string, unknown][] {
  return typeof value === 'object' && value !== null ? Object.entries(value) : [];
}

function journalMark(value: unknown): Marks['journal'] {
  if (typeof value !== 'object' || value === null) return undefined;
  const { epoch, seq } = value as { epoch?: unknown; seq?: unknown };
  if (typeof epoch !== 'string' || typeof seq !== 'number') return undefined;
  return { epoch, seq };
}
