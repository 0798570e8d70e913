/**
 * Updates asked for by a signed command. The daemon may change nothing of the system: it leaves a request in a folder
 * that the package's updater (`latchkey-update.path`, run by root) watches, and reads there how it went. The request
 * names a version and nothing else; where a package comes from and who has signed it is apt's to know, so that whoever
 * takes over the daemon can at worst have a genuine, newer version installed.
 *
 * The folder holds three files, one line each, written whole and renamed:
 *   wanted    `<command id> <version>`               what the updater waits for, and takes away when it is through
 *   result    `<command id> installed|failed <why>`  its answer
 *   request   as `wanted`                            ours, until the answer is in the journal
 */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { type Clock, type Millis, pause, uptime } from '../../drivers/contract/time.ts';
import type { Entry, JsonObject, Stamp } from '../access/entry.ts';
import type { ActionFault, ActionOutcome, LongAction } from '../cloud/site-actions.ts';
import { storeDurably } from '../store/durable-file.ts';
import { type Journal, StorageError } from '../store/ports.ts';

export interface UpdatesParts {
  /** Where the updater looks; `undefined`: there is none on this machine. */
  readonly directory: string | undefined;
  /** That runs now. */
  readonly version: string;
  readonly clock: Clock;
  readonly journal: Pick<Journal, 'append' | 'read'>;
  readonly stamp: () => Stamp;
}

export type UpdateBegun =
  | { readonly fault: ActionFault; readonly data: JsonObject }
  | { readonly same: string }
  /** The request is on the disk; `work` is to be called when the evidence is, too. */
  | { readonly entry: Entry; readonly work: () => LongAction };

/** A version of a Debian package (deb-version(7)), without epoch. */
const settingsSchema = z.strictObject({
  version: z.string().regex(/^\d[0-9A-Za-z.+~-]{0,63}$/, 'a version, such as 1.2.0'),
});
const LOOK_AGAIN: Millis = 2_000;
/** A slow line and a slow card; apt gives up before. */
const WITHIN: Millis = 45 * 60_000;

export class Updates {
  readonly #parts: UpdatesParts;
  readonly #stopping = new AbortController();

  constructor(parts: UpdatesParts) {
    this.#parts = parts;
  }

  begin(command: string, by: string, settings: JsonObject): UpdateBegun {
    const { directory, version: have } = this.#parts;
    if (directory === undefined || !existsSync(directory)) {
      const remedy = 'there is no updater on this machine: update its package by hand';
      return { fault: 'unsupported', data: { remedy } };
    }
    const read = settingsSchema.safeParse(settings);
    if (!read.success) {
      return { fault: 'bad-request', data: { detail: z.prettifyError(read.error) } };
    }
    const { version } = read.data;
    const open = this.#line('request');
    if (open !== undefined && open[0] !== command) {
      return { fault: 'busy', data: { version: open[1] ?? '' } };
    }
    if (open === undefined && version === have) return { same: version };
    rmSync(join(directory, 'result'), { force: true });
    for (const name of ['request', 'wanted']) {
      storeDurably(join(directory, name), `${command} ${version}\n`);
    }
    return {
      entry: { type: 'system.update_started', body: { command, by, version, from: have } },
      work: () => this.#follow(command, version),
    };
  }

  /** What an earlier start of the daemon began and left to this one. */
  resumed(command: string): LongAction | undefined {
    const open = this.#line('request');
    if (open?.[0] !== command) return undefined;
    const [told] = this.#parts.journal.read({
      ...{ types: ['system.update_finished'], text: command, backwards: true, limit: 1 },
    });
    if (told !== undefined) {
      this.#clear();
      return undefined;
    }
    return this.#follow(command, open[1] ?? '');
  }

  /** What is under way is left to the next start. */
  stop(): void {
    this.#stopping.abort();
  }

  #follow(command: string, version: string): LongAction {
    const left = Promise.withResolvers<void>();
    const outcome = Promise.withResolvers<ActionOutcome>();
    const work = async () => {
      const found = await this.#result(command, version);
      if (found === undefined) return left.resolve();
      await this.#finish(command, version, found);
      outcome.resolve(found);
    };
    void work();
    return { outcome: outcome.promise, left: left.promise };
  }

  /** `undefined`: the daemon stops before it is known, most often because it is being replaced. */
  async #result(command: string, version: string): Promise<ActionOutcome | undefined> {
    const { clock, version: running } = this.#parts;
    const { signal } = this.#stopping;
    const end = uptime(clock.uptime() + WITHIN);
    while (!signal.aborted) {
      const [id, word, ...why] = this.#line('result') ?? [];
      const data = { version, running };
      if (id === command && word === 'failed') {
        const detail = why.join(' ').slice(0, 200);
        return { result: 'failed', reason: 'internal', data: { ...data, detail } };
      }
      // Installed, and it is we who run now: the one that asked has been replaced.
      if (id === command && word === 'installed' && running === version) {
        return { result: 'done', data };
      }
      if (clock.uptime() >= end) return { result: 'unknown', reason: 'timeout', data };
      await pause(clock, LOOK_AGAIN, signal);
    }
    return undefined;
  }

  async #finish(command: string, version: string, { result, data }: ActionOutcome): Promise<void> {
    const { journal, stamp } = this.#parts;
    const detail = data?.['detail'] ?? '';
    const body = { command, version, result, ...(detail === '' ? {} : { detail, alarm: true }) };
    try {
      await journal.append({
        stamp: stamp(),
        entries: [{ type: 'system.update_finished', body }],
      }).committed;
      this.#clear();
    } catch (problem) {
      if (!(problem instanceof StorageError)) throw problem; // found again at the next start
    }
  }

  #clear(): void {
    const { directory } = this.#parts;
    if (directory === undefined) return;
    for (const name of ['wanted', 'result', 'request'])
      rmSync(join(directory, name), { force: true });
  }

  #line(name: 'request' | 'result'): readonly string[] | undefined {
    const { directory } = this.#parts;
    if (directory === undefined) return undefined;
    try {
      const [line = ''] = readFileSync(join(directory, name), 'utf8').slice(0, 4096).split('\n');
      return line.split(' ');
    } catch {
      return undefined; // not there, or not yet
    }
  }
}
