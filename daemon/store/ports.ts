/**
 * What the rest of the daemon may ask of the store. Two files with different lives: `journal.db` is what happened
 * and must never be lost, `grants.db` is what we are told and can be fetched again (design page "Choices made").
 */

import type { Instant } from '../../drivers/contract/time.ts';
import type { Entry, EntryClass, EntryType, Json, RecordedEntry, Stamp } from '../access/entry.ts';
import type { LedgerView } from '../access/ledger.ts';
import type { GrantLookup, StoredGrant } from '../access/lookup.ts';
import type { Grant, GrantId, HolderId, Key, KeyId, Vendor } from '../access/model.ts';

/** Rows beside the journal that must be committed with it. */
export type EvidenceRow =
  /** The stored reply of a command id; kept until `expires`. A row without reply: the intent is under way. */
  | {
      readonly table: 'command';
      readonly id: string;
      readonly reply: Json | undefined;
      readonly expires: Instant;
    }
  /** Anti-replay window of a signing key: highest counter (decimal text, 64 bit) and 1024 bits below it, hex. */
  | {
      readonly table: 'counter';
      readonly kid: string;
      readonly highest: string;
      readonly window: string;
    }
  /** A revocation, kept for good; a higher `rev` replaces a lower, never the reverse. */
  | {
      readonly table: 'tombstone';
      readonly grant: GrantId;
      readonly rev: number;
      readonly at: Instant;
    }
  /** A named durable value: clock high-water mark, live grants file, fence, nonce floor. `undefined` removes it. */
  | { readonly table: 'mark'; readonly name: string; readonly value: Json | undefined };

export interface JournalBatch {
  readonly stamp: Stamp;
  readonly entries: readonly Entry[];
  readonly rows?: readonly EvidenceRow[];
  /**
   * It has happened whether or not it can be stored: where it cannot, it waits in memory until it can, and the ledger
   * goes on showing it. Only without rows, and never for what is done only after `committed`.
   */
  readonly keep?: boolean;
}

export interface Appended {
  /** With their place in the chain; the ledger shows them already. */
  readonly recorded: readonly RecordedEntry[];
  /** Resolves when they are on the disk (FULL). Rejects with `StorageError`; the ledger is then as before, save `keep`. */
  readonly committed: Promise<void>;
  /** Nothing can be stored now, so they wait in memory, under the numbers that they will have on the disk. */
  readonly isKept?: boolean;
}

export interface JournalQuery {
  /** Exclusive lower, inclusive upper bound of seq. */
  readonly after?: number;
  readonly upTo?: number;
  /** Newest first. */
  readonly backwards?: boolean;
  readonly classes?: readonly EntryClass[];
  readonly types?: readonly EntryType[];
  readonly holder?: HolderId;
  readonly device?: string;
  /** Case-insensitive text in type or body. */
  readonly text?: string;
  readonly from?: Instant;
  readonly to?: Instant;
  /** At most 5000. */
  readonly limit: number;
}

/** An entry as a list shows it: without its evidence, its body as the JSON text that is stored. */
export interface EntryLine {
  readonly seq: number;
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly clock: string;
  readonly type: string;
  readonly device: string | null;
  readonly holder: string | null;
  readonly body: string;
  readonly hash: string;
}

/** An entry as it is sent, without its evidence: JSON in UTF-8, one of several in a page. */
export interface OutboxLine {
  readonly seq: number;
  readonly type: EntryType;
  readonly page: Buffer;
  /** Where in the page it begins, and where it ends; one comma further the next one begins. */
  readonly from: number;
  readonly to: number;
}

export interface VerifyReport {
  readonly ok: boolean;
  readonly entries: number;
  readonly lastSeq: number;
  readonly lastHash: string;
  /** First fault found, told for the operator. */
  readonly faults: readonly string[];
}

/** `low`: the ballast is gone, commits still succeed. `unsafe`: the last commit failed. */
export type StorageState = 'ok' | 'low' | 'unsafe';

export interface Journal extends AsyncDisposable {
  readonly epoch: string;
  readonly lastSeq: number;
  readonly lastHash: string;
  /** Every entry with `seq` up to this is acknowledged by the cloud. */
  readonly acknowledged: number;
  readonly ledger: LedgerView;
  /** `false` after a commit failed for want of space or a broken disk, until one succeeds. */
  readonly isSafe: boolean;
  readonly storage: StorageState;
  /** Entries that wait in memory while nothing can be stored, and those that found no room there. */
  readonly unstored: { readonly kept: number; readonly lost: number };
  append(batch: JournalBatch): Appended;
  /** Moves the outbox's watermark; never back. */
  acknowledge(epoch: string, seq: number): Promise<void>;
  read(query: JournalQuery): readonly RecordedEntry[];
  /** The same for lists: a third of the work. */
  lines(query: JournalQuery): readonly EntryLine[];
  /** Entries after `after` up to `upTo`, at most `limit`, for the cloud: a fifth of the work of `read`. */
  outbox(after: number, upTo: number, limit: number): readonly OutboxLine[];
  entry(seq: number): RecordedEntry | undefined;
  /** Entries after `seq` that are on the disk: how many, and how many bytes their bodies have together. */
  weight(after: number): { readonly entries: number; readonly bytes: number };
  command(id: string): { readonly reply: Json | undefined; readonly expires: Instant } | undefined;
  counter(kid: string): { readonly highest: string; readonly window: string } | undefined;
  tombstone(grant: GrantId): { readonly rev: number; readonly at: Instant } | undefined;
  mark(name: string): Json | undefined;
  /** All marks whose name begins so, by name. */
  marks(prefix: string): ReadonlyMap<string, Json>;
  /** Called with each batch once it is committed, in order, after those who wait for it. Returns how to stop. */
  follow(committed: (entries: readonly RecordedEntry[]) => void): () => void;
  /** Walks the chain, folds again, compares; does not stop the daemon. */
  verify(): Promise<VerifyReport>;
  /**
   * Empties entries, of one holder or of all; their places in the chain stay, and it verifies. Reaches no further than
   * the entry before the newest checkpoint. Returns how many.
   */
  erase(upTo: number, holder?: HolderId): Promise<number>;
  /** How often entries were emptied since the start: what was read before may say what is erased by now. */
  readonly erasures: number;
  /** Drops command rows whose time is over. */
  forgetCommands(before: Instant): Promise<number>;
}

/** Outcome of one put. `stale`: the stored revision is newer, or a tombstone stands above it. */
export type PutOutcome = 'stored' | 'same' | 'stale';

/** One thing to change, all of them in one transaction with the cursor. */
export type GrantChange =
  | { readonly kind: 'put'; readonly grant: Grant }
  /** Removes the row and writes the copy of the tombstone; the journal's own tombstone is the caller's to append. */
  | { readonly kind: 'revoke'; readonly grant: GrantId; readonly rev: number; readonly at: Instant }
  /** Takes the row of a revoked grant away for good: a person is erased. A live one stays (`stale`). */
  | { readonly kind: 'forget'; readonly grant: GrantId }
  | { readonly kind: 'put-key'; readonly key: Key }
  | { readonly kind: 'remove-key'; readonly key: KeyId; readonly rev: number };

export interface GrantWrite {
  readonly source: Vendor;
  readonly changes: readonly GrantChange[];
  /** The source's own version after this write (delta), with the version it must be at before. */
  readonly version?: { readonly from: number | undefined; readonly to: number };
  /** How far the source has been read; in the same transaction as the rows. */
  readonly cursors?: readonly { readonly name: string; readonly value: Json }[];
}

export type GrantWriteResult =
  | { readonly kind: 'written'; readonly outcomes: readonly PutOutcome[] }
  | { readonly kind: 'conflict'; readonly have: number };

/** A full picture of one source, built as a new file and swapped in. */
export interface SnapshotBuilder {
  /** Parts may come in any order, and again; a part that is there is not stored twice. */
  part(number: number, grants: readonly Grant[]): Promise<void>;
  readonly partsHeld: readonly number[];
  /**
   * All or nothing: verifies the order-free digest, applies what arrived meanwhile and every tombstone, makes the
   * file live and resolves once decisions read it. Grants of the source that are not in it are gone.
   */
  commit(expected: {
    readonly parts: number;
    readonly version: number;
    readonly digest: string;
  }): Promise<
    | { readonly kind: 'applied'; readonly grants: number }
    | { readonly kind: 'incomplete'; readonly missing: readonly number[] }
    | { readonly kind: 'digest-differs'; readonly have: string }
  >;
  discard(): Promise<void>;
}

export interface GrantList {
  readonly text?: string;
  readonly holder?: HolderId;
  readonly target?: string;
  readonly source?: Vendor;
  /** Id after which to go on. */
  readonly after?: string;
  /** Only ids whose SHA-256 begins with this byte. */
  readonly bucket?: number;
  /** At most 1000. */
  readonly limit: number;
}

/** A grant that is not read yet: of two with the same text, one need be. */
export interface GrantLine {
  readonly text: string;
  read(): StoredGrant;
}

export interface HolderList {
  /** Case-insensitive text in the id. */
  readonly text?: string;
  readonly after?: string;
  /** At most 1000. */
  readonly limit: number;
}

export interface GrantStore extends GrantLookup, AsyncDisposable {
  write(write: GrantWrite): Promise<GrantWriteResult>;
  snapshot(source: Vendor, snap: string): Promise<SnapshotBuilder>;
  version(source: Vendor): number;
  /** Order-free digest (hex) over id and rev of the source's grants, kept current by each write. */
  digest(source: Vendor): string;
  /** Digests of id ranges, for comparing a million grants without sending them: 256 buckets of SHA-256(id)[0]. */
  digestBuckets(source: Vendor): readonly string[];
  idsInBucket(
    source: Vendor,
    bucket: number,
  ): readonly { readonly id: GrantId; readonly rev: number }[];
  cursor(source: Vendor, name: string): Json | undefined;
  list(query: GrantList): readonly StoredGrant[];
  lines(query: GrantList): readonly GrantLine[];
  /** In the order of their ids, from an index that holds no more than those. */
  holders(query: HolderList): readonly { readonly holder: HolderId; readonly grants: number }[];
  count(source?: Vendor): number;
}

/** Where the store failed; `full` and `broken` decide what the daemon does next. */
export class StorageError extends Error {
  override readonly name = 'StorageError';
  /** `fenced`: another unit of the site acts now. */
  readonly code: 'full' | 'broken' | 'corrupt' | 'newer-version' | 'locked' | 'fenced';
  constructor(
    code: 'full' | 'broken' | 'corrupt' | 'newer-version' | 'locked' | 'fenced',
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.code = code;
  }
}
