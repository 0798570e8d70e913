/**
 * `grants.db`: what we are told. Decisions read through one read-only connection in this thread; a thread of its own
 * writes, and a full snapshot is built by a third as a new file, so that nobody waits for a million rows
 * (performance.md 6). The live file's name is a mark in the journal; the others are removed.
 */
import type { DeviceId, SlotNumber } from '../../drivers/contract/device.ts';
import type { Instant } from '../../drivers/contract/time.ts';
import type { Json } from '../access/entry.ts';
import type { GrantMatch, StoredGrant } from '../access/lookup.ts';
import type {
  CredentialIndex,
  Grant,
  GrantId,
  HolderId,
  Key,
  KeyId,
  Vendor,
} from '../access/model.ts';
import {
  grantRow,
  keyRow,
  type Resolve,
  type RowChange,
  type RowWrite,
  resolved,
} from './grant-rows.ts';
import type { GrantReader } from './grants-query.ts';
import type { GrantsThread, Place } from './grants-writer.ts';
import type {
  GrantChange,
  GrantLine,
  GrantList,
  GrantStore,
  GrantWrite,
  GrantWriteResult,
  HolderList,
  SnapshotBuilder,
} from './ports.ts';
import { StorageError } from './ports.ts';
import { type Builder, Snapshot, type SnapshotHost } from './snapshot.ts';

/** A file of grants that is open for decisions. */
export interface OpenFile {
  readonly place: Place;
  readonly reader: GrantReader;
  readonly close: () => void;
}

export interface GrantParts {
  readonly file: OpenFile;
  readonly writer: GrantsThread;
  readonly zone: string;
  readonly resolve: Resolve;
  readonly builder: () => Builder;
  /** Opens what was built and names it the live file, durably. */
  readonly adopt: (built: Place) => Promise<OpenFile>;
  /** Told when decisions and writer use the new file and the old one is still there. */
  readonly swapped: () => void;
  /** Removes a file with its log. */
  readonly remove: (place: Place) => Promise<void>;
  readonly held: () => Iterable<GrantId>;
  readonly now: () => Instant;
  readonly makeRoom: () => boolean;
  readonly raiseVersion: (source: Vendor, version: number) => void;
  readonly close: () => Promise<void>;
}

export class GrantsStore implements GrantStore {
  readonly #parts: GrantParts;
  readonly #snapshots = new Map<Vendor, Snapshot>();
  #file: OpenFile;
  /** Writes and swaps, one after the other. */
  #queue: Promise<unknown> = Promise.resolve();
  #turns: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(parts: GrantParts) {
    this.#parts = parts;
    this.#file = parts.file;
  }

  byCredential(index: CredentialIndex): readonly GrantMatch[] {
    return this.#file.reader.byCredential(index);
  }

  grant(id: GrantId): StoredGrant | undefined {
    return this.#file.reader.grant(id);
  }

  grantsOf(holder: HolderId): readonly StoredGrant[] {
    return this.#file.reader.grantsOf(holder);
  }

  key(id: KeyId): Key | undefined {
    return this.#file.reader.key(id);
  }

  keyByFob(fob: CredentialIndex): Key | undefined {
    return this.#file.reader.keyByFob(fob);
  }

  keys(): readonly Key[] {
    return this.#file.reader.keys();
  }

  reservedSlots(box: DeviceId, at: Instant): readonly SlotNumber[] {
    return this.#file.reader.reservedSlots(box, at);
  }

  version(source: Vendor): number {
    return this.#file.reader.version(source);
  }

  digest(source: Vendor): string {
    return this.#file.reader.digest(source).hex;
  }

  digestBuckets(source: Vendor): readonly string[] {
    return this.#file.reader.digest(source).buckets();
  }

  idsInBucket(
    source: Vendor,
    bucket: number,
  ): readonly { readonly id: GrantId; readonly rev: number }[] {
    return this.#file.reader.idsInBucket(source, bucket);
  }

  cursor(source: Vendor, name: string): Json | undefined {
    return this.#file.reader.cursor(source, name);
  }

  list(query: GrantList): readonly StoredGrant[] {
    return this.#file.reader.list(query);
  }

  lines(query: GrantList): readonly GrantLine[] {
    return this.#file.reader.lines(query);
  }

  holders(query: HolderList): readonly { readonly holder: HolderId; readonly grants: number }[] {
    return this.#file.reader.holders(query);
  }

  lastIdIn(bucket: number): string | undefined {
    return this.#file.reader.lastIdIn(bucket);
  }

  bucketAfter(id: string | undefined): number {
    return this.#file.reader.bucketAfter(id);
  }

  count(source?: Vendor): number {
    return this.#file.reader.count(source);
  }

  /** PINs of so many digits that are active; a long look at a large store, for drawing one. */
  activePins(digits: number, at: Instant): number {
    return this.#file.reader.activePins(digits, at);
  }

  /** The live file. */
  get place(): Place {
    return this.#file.place;
  }

  /** Resolves when decisions read it. */
  write(write: GrantWrite): Promise<GrantWriteResult> {
    const rows = { ...write, changes: write.changes.map((change) => this.#row(change)) };
    return this.#alone(async () => {
      const result = await this.#ask(rows);
      if (result.kind === 'conflict') return result;
      const ids = write.changes.map(idOf);
      for (const snapshot of this.#snapshots.values()) snapshot.touch(ids);
      if (write.version !== undefined) this.#parts.raiseVersion(write.source, write.version.to);
      return result;
    });
  }

  async snapshot(source: Vendor, snap: string): Promise<SnapshotBuilder> {
    const held = this.#snapshots.get(source);
    if (held?.snap === snap) return held;
    await held?.discard();
    if (this.#closed) throw new StorageError('broken', 'the store is closed');
    const snapshot = new Snapshot(source, snap, this.#host());
    this.#snapshots.set(source, snapshot);
    return snapshot;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    for (const snapshot of [...this.#snapshots.values()]) await snapshot.discard();
    await this.#queue.catch(() => undefined);
    await this.#parts.writer.stop();
    // After the writer's: it leaves the log's files in place, see `emptyLog`.
    this.#file.close();
    await this.#parts.close();
  }

  /** A revocation must get through although the disk is full. */
  async #ask(write: RowWrite): Promise<GrantWriteResult> {
    const { writer, makeRoom } = this.#parts;
    try {
      return await writer.ask('write', { write });
    } catch (error) {
      if (!(error instanceof StorageError && error.code === 'full' && makeRoom())) throw error;
      return writer.ask('write', { write });
    }
  }

  #host(): SnapshotHost {
    const builder = this.#parts.builder();
    const { path } = builder;
    return {
      ...builder,
      row: (grant) => this.#grantRow(grant),
      live: () => this.#file.place,
      version: (source) => this.version(source),
      digest: (source) => this.digest(source),
      held: this.#parts.held,
      now: this.#parts.now,
      alone: (body) => this.#alone(body),
      inTurn: (body) => {
        const result = this.#turns.then(body);
        this.#turns = result.catch(() => undefined);
        return result;
      },
      adopt: (built) => this.#adopt(built),
      drop: async () => {
        if (path !== undefined) await this.#parts.remove(path);
      },
      applied: (source, version) => this.#parts.raiseVersion(source, version),
      ended: (snapshot) => {
        if (this.#snapshots.get(snapshot.source) === snapshot) {
          this.#snapshots.delete(snapshot.source);
        }
      },
    };
  }

  /** Only inside `alone`: nothing is written to the old file any more. */
  async #adopt(built: Place): Promise<void> {
    const next = await this.#parts.adopt(built);
    const last = this.#file;
    // From here on decisions read the new one; the writer follows before the next write.
    this.#file = next;
    await this.#parts.writer.ask('open', { place: built });
    this.#parts.swapped();
    last.close();
    await this.#parts.remove(last.place);
  }

  #alone<Result>(body: () => Promise<Result>): Promise<Result> {
    const result = this.#queue.then(body);
    this.#queue = result.catch(() => undefined);
    return result;
  }

  #grantRow(grant: Grant) {
    const { zone, resolve } = this.#parts;
    return grantRow(grant, resolved(grant.window, zone, resolve));
  }

  #row(change: GrantChange): RowChange {
    switch (change.kind) {
      case 'put':
        return { kind: 'put', row: this.#grantRow(change.grant) };
      case 'put-key':
        return { kind: 'put-key', row: keyRow(change.key) };
      case 'revoke':
      case 'forget':
      case 'remove-key':
        return change;
      default:
        return change satisfies never;
    }
  }
}

function idOf(change: GrantChange): string {
  switch (change.kind) {
    case 'put':
      return change.grant.id;
    case 'revoke':
    case 'forget':
      return change.grant;
    case 'put-key':
      return change.key.id;
    case 'remove-key':
      return change.key;
    default:
      return change satisfies never;
  }
}
