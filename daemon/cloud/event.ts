/** Journal entries as they travel, alone or as a batch of one class. */
import { instant, uptime } from '../../drivers/contract/time.ts';
import type { EntryClass, RecordedEntry } from '../access/entry.ts';
import { classOf } from '../access/entry.ts';
import type { ClockInterval } from '../access/model.ts';
import { contentDigest, entryHash } from '../store/chain.ts';
import { encode, type WireEvent } from './messages.ts';
import { LARGEST } from './topics.ts';

export function eventOf(entry: RecordedEntry): WireEvent {
  const { epoch, seq, id, type, stamp, device, sub, body, prev, hash } = entry;
  return {
    v: 1,
    epoch,
    seq,
    id,
    type,
    ts: new Date(stamp.at).toISOString(),
    clock: {
      state: stamp.clock.state,
      errMs: errorOf(stamp.clock),
      lo: stamp.clock.lo,
      hi: Number.isFinite(stamp.clock.hi) ? stamp.clock.hi : null,
    },
    boot: stamp.boot,
    mono: stamp.uptime,
    ...(device === undefined ? {} : { dev: device }),
    ...(sub === undefined ? {} : { sub }),
    body,
    prev,
    hash,
  };
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
  readonly oversize: readonly { readonly entry: RecordedEntry; readonly bytes: number }[];
}

/**
 * The longest beginning of `entries` that is of one class and fits into one message. An entry too large for any
 * message goes as a stub with its place in the chain, so that no seq is missing.
 */
export function parcelOf(entries: readonly RecordedEntry[]): Parcel | undefined {
  const [first] = entries;
  if (first === undefined) return undefined;
  const entryClass = classOf(first.type);
  const events: WireEvent[] = [];
  const oversize: { entry: RecordedEntry; bytes: number }[] = [];
  let size = '{"v":1,"batch":[]}'.length;
  for (const entry of entries) {
    if (classOf(entry.type) !== entryClass) break;
    let event = eventOf(entry);
    let bytes = Buffer.byteLength(JSON.stringify(event));
    if (bytes > LARGEST.events) {
      oversize.push({ entry, bytes });
      event = stubOf(event, bytes);
      bytes = Buffer.byteLength(JSON.stringify(event));
    }
    if (events.length > 0 && size + bytes + 1 > LARGEST.events) break;
    events.push(event);
    size += bytes + 1;
  }
  const [only] = events;
  const payload = events.length === 1 && only !== undefined ? only : { v: 1, batch: events };
  const seqs = events.map(({ seq }) => seq);
  const sent = oversize.filter(({ entry }) => seqs.includes(entry.seq));
  return { entryClass, payload: encode(payload), seqs, oversize: sent };
}

/** Keeps id, type, time and hashes; the body itself can be had at the box. */
export function stubOf(event: WireEvent, bytes: number): WireEvent {
  return { ...event, body: { quarantined: true, bytes } };
}
