/**
 * An entry gets its place in the chain (number, id, hash, and the form in which it will be read back) and is folded
 * into the ledger.
 */
import { instant, type Random, uptime } from '../../drivers/contract/time.ts';
import type { Entry, RecordedEntry, Stamp } from '../access/entry.ts';
import { fold } from '../access/fold.ts';
import type { Ledger, LedgerChange } from '../access/ledger.ts';
import { contentDigest, entryHash, sha256, uuid7 } from './chain.ts';
import type { LedgerRow } from './journal-file.ts';
import { type EntryRow, jsonObject } from './journal-rows.ts';
import type { JournalBatch } from './ports.ts';

/** The place of an entry in its chain. */
export interface Tail {
  readonly seq: number;
  readonly hash: string;
}

/** A batch with its place in the chain. */
export interface Placed {
  readonly recorded: readonly RecordedEntry[];
  readonly entries: readonly EntryRow[];
  readonly ledger: readonly LedgerRow[];
  /** Takes it out of the ledger again. */
  readonly undo: readonly LedgerChange[];
  readonly tail: Tail;
}

/** What an entry is placed by, and folded into. */
export interface Place {
  readonly epoch: string;
  readonly ledger: Ledger;
  readonly random: Random;
}

/** The ledger shows all of it at once, or, where this throws, nothing. */
export function placedBatch(batch: JournalBatch, after: Tail, place: Place): Placed {
  const { epoch, ledger, random } = place;
  const stamp = wholeStamp(batch.stamp);
  const recorded: RecordedEntry[] = [];
  const entries: EntryRow[] = [];
  const changes: LedgerChange[] = [];
  const undo: LedgerChange[] = [];
  let tail = after;
  try {
    for (const entry of batch.entries) {
      const { row, record } = placed(entry, stamp, tail, epoch, random);
      tail = { seq: row.seq, hash: row.hash };
      const folded = fold(ledger, record);
      undo.unshift(...ledger.apply(folded));
      changes.push(...folded);
      entries.push(row);
      recorded.push(record);
    }
  } catch (error) {
    ledger.apply(undo);
    throw error;
  }
  return { recorded, entries, ledger: changes.map(ledgerRow), undo, tail };
}

function ledgerRow({ table, id, value }: LedgerChange): LedgerRow {
  return { table, id, value: value === undefined ? undefined : JSON.stringify(value) };
}

/**
 * The hash of `evidence` goes into the body, so that the chain covers it. What is returned as the record is what will
 * be read back, so that folding again gives the same ledger.
 */
function placed(
  entry: Entry,
  stamp: Stamp,
  tail: Tail,
  epoch: string,
  random: Random,
): { readonly row: EntryRow; readonly record: RecordedEntry } {
  const evidence = entry.evidence === undefined ? undefined : JSON.stringify(entry.evidence);
  const proof = evidence === undefined ? {} : { evidence: sha256(evidence) };
  const bodyText = JSON.stringify({ ...entry.body, ...proof });
  const { device, sub, type } = entry;
  const { at, uptime: up, boot, clock } = stamp;
  const id = uuid7(at, random);
  const digest = contentDigest({ id, device, sub, stamp, bodyText });
  const seq = tail.seq + 1;
  const hash = entryHash(tail.hash, seq, at, type, digest);
  const row: EntryRow = {
    seq,
    id,
    at,
    uptime: up,
    boot,
    lo: clock.lo,
    hi: Number.isFinite(clock.hi) ? clock.hi : null,
    state: clock.state,
    type,
    device: device ?? null,
    sub: sub ?? null,
    body: bodyText,
    evidence: evidence ?? null,
    digest,
    hash,
  };
  const { evidence: _written, ...told } = entry;
  const place = { epoch, seq, id, stamp, prev: tail.hash, hash };
  const record = { ...told, body: jsonObject(bodyText), ...place };
  return { row, record: evidence === undefined ? record : withEvidence(record, evidence) };
}

/** Read when it is asked for: it is the longest part of a decision's entry, and on the way to the lock nobody asks. */
function withEvidence(record: RecordedEntry, text: string): RecordedEntry {
  return Object.defineProperty(record, 'evidence', {
    enumerable: true,
    get: () => jsonObject(text),
  });
}

/** Whole milliseconds, outward for the interval, as they are stored. */
function wholeStamp({ at, uptime: up, boot, clock }: Stamp): Stamp {
  const lo = instant(Number.isFinite(clock.lo) ? Math.floor(clock.lo) : 0);
  const hi = instant(Number.isFinite(clock.hi) ? Math.ceil(clock.hi) : Number.POSITIVE_INFINITY);
  return {
    at: instant(Math.floor(at)),
    uptime: uptime(Math.floor(up)),
    boot,
    clock: { lo, hi, state: clock.state },
  };
}
