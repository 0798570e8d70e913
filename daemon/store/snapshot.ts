/** One snapshot under way: parts in any order, then all or nothing. */
import type { Instant } from '../../drivers/contract/time.ts';
import type { Grant, GrantId, Vendor } from '../access/model.ts';
import { columnsOf } from './grant-columns.ts';
import type { GrantRow } from './grant-rows.ts';
import type { GrantsThread, Place } from './grants-writer.ts';
import { type SnapshotBuilder, StorageError } from './ports.ts';

/** Who builds its file. */
export interface Builder {
  readonly thread: GrantsThread;
  /** Where it is built; `undefined` in memory. */
  readonly path: string | undefined;
  /** Brings what is built to the disk until the signal, and then the rest; `undefined` where one thread does it all. */
  readonly flush: ((path: string, signal: AbortSignal) => Promise<void>) | undefined;
}

/** What the store does for it. */
export interface SnapshotHost extends Builder {
  row(grant: Grant): GrantRow;
  live(): Place;
  version(source: Vendor): number;
  digest(source: Vendor): string;
  held(): Iterable<GrantId>;
  now(): Instant;
  /** Runs while nothing else is written. */
  alone<Result>(body: () => Promise<Result>): Promise<Result>;
  /** One snapshot is finished at a time, whatever its source: each copies what the others brought. */
  inTurn<Result>(body: () => Promise<Result>): Promise<Result>;
  adopt(built: Place): Promise<void>;
  /** Removes what was built and is not wanted. */
  drop(): Promise<void>;
  applied(source: Vendor, version: number): void;
  ended(snapshot: Snapshot): void;
}

type Outcome = Awaited<ReturnType<SnapshotBuilder['commit']>>;

/** Written meanwhile; a snapshot that takes so long is given up, and begins anew where its sender still sends. */
export const TOUCHED_MOST = 100_000;

export class Snapshot implements SnapshotBuilder {
  readonly source: Vendor;
  readonly snap: string;
  readonly #host: SnapshotHost;
  readonly #parts = new Set<number>();
  readonly #touched = new Set<string>();
  readonly #built = new AbortController();
  #begun: Promise<undefined> | undefined;
  #flushed: Promise<void> = Promise.resolve();
  #isOver = false;
  #isAdopted = false;

  constructor(source: Vendor, snap: string, host: SnapshotHost) {
    this.source = source;
    this.snap = snap;
    this.#host = host;
  }

  get partsHeld(): readonly number[] {
    return [...this.#parts].sort((a, b) => a - b);
  }

  /** Written to the live file while this one is built. */
  touch(ids: readonly string[]): void {
    for (const id of ids) this.#touched.add(id);
    if (this.#touched.size > TOUCHED_MOST) void this.discard();
  }

  async part(number: number, grants: readonly Grant[]): Promise<void> {
    this.#mustGoOn();
    const foreign = grants.find((grant) => grant.source.vendor !== this.source);
    if (foreign !== undefined) {
      throw new RangeError(
        `a snapshot of ${this.source} holds a grant of ${foreign.source.vendor}: ${foreign.id}`,
      );
    }
    if (this.#parts.has(number)) return;
    this.#parts.add(number);
    try {
      await this.#begin();
      const rows = grants.map((grant) => this.#host.row(grant));
      await this.#host.thread.ask('part', { columns: columnsOf(this.source, rows) });
    } catch (error) {
      this.#parts.delete(number);
      throw error;
    }
  }

  /** A version older than the one in force is refused as `digest-differs`, with the digest in force. */
  async commit(expected: {
    readonly parts: number;
    readonly version: number;
    readonly digest: string;
  }): Promise<Outcome> {
    this.#mustGoOn();
    // Senders count from 1, or from 0 where there is a part 0.
    const first = this.#parts.has(0) ? 0 : 1;
    const numbers = Array.from({ length: expected.parts }, (_, index) => index + first);
    const missing = numbers.filter((number) => !this.#parts.has(number));
    if (missing.length > 0) return { kind: 'incomplete', missing };
    try {
      return await this.#host.inTurn(() => this.#finish(expected));
    } finally {
      await this.discard();
    }
  }

  async discard(): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#host.ended(this);
    this.#built.abort();
    await this.#flushed.catch(() => undefined);
    await this.#host.thread.ask('close', {}).catch(() => undefined);
    await this.#host.thread.stop();
    if (!this.#isAdopted) await this.#host.drop();
  }

  async #finish(expected: { readonly version: number; readonly digest: string }): Promise<Outcome> {
    const host = this.#host;
    const { source } = this;
    if (expected.version < host.version(source)) {
      return { kind: 'digest-differs', have: host.digest(source) };
    }
    await this.#begin();
    const order = { source, digest: expected.digest, now: host.now() };
    const { isSame, have } = await host.thread.ask('finish', { live: host.live(), order });
    if (!isSame) return { kind: 'digest-differs', have };
    this.#built.abort();
    await this.#flushed;
    return host.alone(async () => {
      if (expected.version < host.version(source)) {
        return { kind: 'digest-differs', have: host.digest(source) };
      }
      const { count, built } = await host.thread.ask('catch-up', {
        live: host.live(),
        order: {
          source,
          version: expected.version,
          touched: [...this.#touched],
          held: [...host.held()],
          now: host.now(),
        },
      });
      const place = built ?? host.path;
      if (place === undefined) throw new StorageError('broken', 'nothing was built');
      await host.adopt(place);
      this.#isAdopted = true;
      host.applied(source, expected.version);
      return { kind: 'applied', grants: count };
    });
  }

  #begin(): Promise<undefined> {
    this.#begun ??= this.#build();
    return this.#begun;
  }

  async #build(): Promise<undefined> {
    const { thread, path, flush } = this.#host;
    await thread.ask('build', { path });
    if (path === undefined || flush === undefined) return;
    this.#flushed = flush(path, this.#built.signal);
    this.#flushed.catch(() => undefined); // told by who finishes
  }

  #mustGoOn(): void {
    if (this.#isOver) throw new StorageError('broken', `snapshot ${this.snap} is over`);
  }
}
