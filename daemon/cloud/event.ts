/** Journal entries as they travel, alone or as a batch of one class. */
import { instant, uptime } from '../../drivers/contract/time.ts';
import { classOf, type EntryClass } from '../access/entry.ts';
import type { ClockInterval } from '../access/model.ts';
import { contentDigest, entryHash } from '../store/chain.ts';
import type { OutboxLine } from '../store/ports.ts';
import type { WireEvent } from './messages.ts';
import { LARGEST } from './topics.ts';

/** An event as it travels, as the store wrote it. */
export function eventOf({ page, from, to }: OutboxLine): Buffer {
  return page.subarray(from, to);
}

/** Keeps id, type, time and hashes of an event; the body itself can be had at the box. */
export function stubOf(line: OutboxLine): Buffer {
  const event: WireEvent = JSON.parse(eventOf(line).toString());
  const body = { quarantined: true, bytes: line.to - line.from };
  return Buffer.from(JSON.stringify({ ...event, body }));
}

/**
 * Whether an event is what its hash says, all of it: an event that was changed on its way is not. Events of which only
 * the skeleton is left (erased, or too large to send) cannot be checked and keep only their place in the chain.
 */
export function isGenuine(event: WireEvent): boolean {
  const { id, dev, sub, boot, mono, clock, body, prev, seq, type, hash } = event;
  const digest = contentDigest({
    id,
    device: dev,
    sub,
    stamp: {
      at: instant(Date.parse(event.ts)),
      uptime: uptime(mono),
      boot,
      clock: {
        lo: instant(clock.lo),
        hi: instant(clock.hi ?? Number.POSITIVE_INFINITY),
        state: clock.state,
      },
    },
    bodyText: JSON.stringify(body),
  });
  return entryHash(prev, seq, Date.parse(event.ts), type, digest) === hash;
}

/** Half the interval's width; `null` where it has no end. */
export function errorOf({ lo, hi }: ClockInterval): number | null {
  const half = (hi - lo) / 2;
  return Number.isFinite(half) ? Math.ceil(half) : null;
}

/** One message of events. */
export interface Parcel {
  readonly entryClass: EntryClass;
  readonly payload: Uint8Array;
  /** Seqs in it, growing. */
  readonly seqs: readonly number[];
  /** Entries that did not fit into any message, and went as a stub. */
  readonly oversize: readonly OutboxLine[];
}

const BATCH_HEAD = '{"v":1,"batch":[';
const BATCH_TAIL = ']}';
/** Beside its events, and a comma before each. */
const BATCH_BYTES = BATCH_HEAD.length + BATCH_TAIL.length;

/** What lies side by side, commas included, and is copied at once. */
interface Piece {
  readonly page: Buffer;
  readonly from: number;
  to: number;
}

/**
 * The longest beginning of `entries` that is of one class and fits into one message. An entry too large for any
 * message goes as a stub with its place in the chain, so that no seq is missing.
 */
export function parcelOf(entries: readonly OutboxLine[]): Parcel | undefined {
  const [first] = entries;
  if (first === undefined) return undefined;
  const entryClass = classOf(first.type);
  const seqs: number[] = [];
  const oversize: OutboxLine[] = [];
  const pieces: Piece[] = [];
  let bytes = 0;
  for (const entry of entries) {
    if (classOf(entry.type) !== entryClass) break;
    const isTooLarge = entry.to - entry.from > LARGEST.events;
    const { page, from, to } = isTooLarge ? wholePage(stubOf(entry)) : entry;
    if (seqs.length > 0 && BATCH_BYTES + bytes + 1 + to - from > LARGEST.events) break;
    if (isTooLarge) oversize.push(entry);
    bytes += (seqs.length > 0 ? 1 : 0) + to - from;
    const last = pieces.at(-1);
    if (last?.page === page && last.to + 1 === from) last.to = to;
    else pieces.push({ page, from, to });
    seqs.push(entry.seq);
  }
  return { entryClass, payload: messageOf(pieces, bytes, seqs.length > 1), seqs, oversize };
}

function wholePage(page: Buffer): Piece {
  return { page, from: 0, to: page.length };
}

function messageOf(pieces: readonly Piece[], bytes: number, isBatch: boolean): Buffer {
  const message = Buffer.allocUnsafeSlow(isBatch ? BATCH_BYTES + bytes : bytes);
  let end = isBatch ? message.write(BATCH_HEAD) : 0;
  for (const [n, { page, from, to }] of pieces.entries()) {
    if (n > 0) end += message.write(',', end);
    end += page.copy(message, end, from, to);
  }
  if (isBatch) message.write(BATCH_TAIL, end);
  return message;
}
