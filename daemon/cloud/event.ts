/** Journal entries as they travel, alone or as a batch of one class. */
import { instant, uptime } from '../../drivers/contract/time.ts';
import { classOf, type EntryClass, type JsonObject } from '../access/entry.ts';
import type { ClockInterval } from '../access/model.ts';
import { contentDigest, entryHash } from '../store/chain.ts';
import type { OutboxLine } from '../store/ports.ts';
import type { WireEvent } from './messages.ts';
import { LARGEST } from './topics.ts';

/**
 * An event as it travels, from what is stored: the text of its body is not parsed to be written again, since a backlog
 * is a hundred thousand of these.
 */
export function eventText(line: OutboxLine, epoch: string, isoOf = isoText): string {
  const { seq, id, type, at, members, prev, hash } = line;
  return `{"v":1,"epoch":"${epoch}","seq":${seq},"id":"${id}","type":"${type}","ts":"${isoOf(at)}",${members},"prev":"${prev}","hash":"${hash}"}`;
}

/** Keeps id, type, time and hashes of an event of so many bytes; the body itself can be had at the box. */
export function stubText(line: OutboxLine, epoch: string, bytes: number): string {
  const members: JsonObject = JSON.parse(`{${line.members}}`);
  const stub = JSON.stringify({ ...members, body: { quarantined: true, bytes } });
  return eventText({ ...line, members: stub.slice(1, -1) }, epoch);
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
  readonly oversize: readonly { readonly entry: OutboxLine; readonly bytes: number }[];
}

const BATCH_HEAD = '{"v":1,"batch":[';
const BATCH_TAIL = ']}';

/**
 * The longest beginning of `entries` that is of one class and fits into one message. An entry too large for any
 * message goes as a stub with its place in the chain, so that no seq is missing.
 */
export function parcelOf(entries: readonly OutboxLine[], epoch: string): Parcel | undefined {
  const [first] = entries;
  if (first === undefined) return undefined;
  const entryClass = classOf(first.type);
  const isoOf = isoByDay();
  const seqs: number[] = [];
  const oversize: { entry: OutboxLine; bytes: number }[] = [];
  const room = Buffer.allocUnsafeSlow(BATCH_HEAD.length + LARGEST.events + BATCH_TAIL.length);
  let end = room.write(BATCH_HEAD);
  for (const entry of entries) {
    if (classOf(entry.type) !== entryClass) break;
    // Beside the comma before it and the end of the message.
    const left = LARGEST.events - end - 1 - BATCH_TAIL.length;
    let text = eventText(entry, epoch, isoOf);
    // Measured only where it could be too long: that goes through the text as long as writing it does.
    if (text.length * BYTES_MOST > left) {
      const bytes = Buffer.byteLength(text);
      const isTooLarge = bytes > LARGEST.events;
      if (isTooLarge) text = stubText(entry, epoch, bytes);
      if (seqs.length > 0 && (isTooLarge ? Buffer.byteLength(text) : bytes) > left) break;
      if (isTooLarge) oversize.push({ entry, bytes });
    }
    if (seqs.length > 0) end += room.write(',', end);
    end += room.write(text, end);
    seqs.push(entry.seq);
  }
  const isOne = seqs.length === 1;
  if (!isOne) end += room.write(BATCH_TAIL, end);
  return { entryClass, payload: room.subarray(isOne ? BATCH_HEAD.length : 0, end), seqs, oversize };
}

/** Of a character of UTF-16 in UTF-8. */
const BYTES_MOST = 3;
const DAY = 86_400_000;

function isoText(at: number): string {
  return new Date(at).toISOString();
}

/** The same with each day worked out once: for a backlog that is a tenth of its time. */
function isoByDay(): (at: number) => string {
  let day = Number.NaN;
  let text = '';
  return (at) => {
    const on = Math.floor(at / DAY);
    if (on !== day) {
      day = on;
      text = isoText(on * DAY);
      text = text.slice(0, text.indexOf('T') + 1);
    }
    const ms = at - on * DAY;
    const seconds = Math.floor(ms / 1000);
    const minutes = Math.floor(seconds / 60);
    return `${text}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}:${two(seconds % 60)}.${three(ms % 1000)}Z`;
  };
}

const THREE = Array.from({ length: 1000 }, (_, n) => n.toString().padStart(3, '0'));

function three(n: number): string | undefined {
  return THREE[n];
}

function two(n: number): string {
  return n < 10 ? `0${n}` : `${n}`;
}
