/** Journal entries as they travel, alone or as a batch of one class. */
import { instant, uptime } from '../../drivers/contract/time.ts';
import type { EntryClass } from '../access/entry.ts';
import { classOf } from '../access/entry.ts';
import type { ClockInterval } from '../access/model.ts';
import { contentDigest, entryHash } from '../store/chain.ts';
import type { OutboxLine } from '../store/ports.ts';
import type { WireEvent } from './messages.ts';
import { LARGEST } from './topics.ts';

/**
 * An event as it travels, from what is stored: the text of its body is not parsed to be written again, since a backlog
 * is a hundred thousand of these.
 */
export function eventText(line: OutboxLine, epoch: string): string {
  const { seq, id, type, at, mono, boot, clock, device, sub, body, prev, hash } = line;
  const { state, lo } = clock;
  const hi = Number.isFinite(clock.hi) ? clock.hi : null;
  const ts = new Date(at).toISOString();
  const dev = device === null ? '' : `,"dev":${JSON.stringify(device)}`;
  const holder = sub === null ? '' : `,"sub":${JSON.stringify(sub)}`;
  return (
    `{"v":1,"epoch":"${epoch}","seq":${seq},"id":"${id}","type":"${type}","ts":"${ts}",` +
    `"clock":{"state":"${state}","errMs":${errorOf(clock)},"lo":${lo},"hi":${hi}},` +
    `"boot":${JSON.stringify(boot)},"mono":${mono}${dev}${holder},"body":${body},"prev":"${prev}","hash":"${hash}"}`
  );
}

/** Keeps id, type, time and hashes of an event of so many bytes; the body itself can be had at the box. */
export function stubText(line: OutboxLine, epoch: string, bytes: number): string {
  return eventText({ ...line, body: JSON.stringify({ quarantined: true, bytes }) }, epoch);
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
  const events: string[] = [];
  const oversize: { entry: OutboxLine; bytes: number }[] = [];
  let size = BATCH_HEAD.length + BATCH_TAIL.length;
  for (const entry of entries) {
    if (classOf(entry.type) !== entryClass) break;
    const whole = eventText(entry, epoch);
    const bytes = Buffer.byteLength(whole);
    const fits = bytes <= LARGEST.events;
    const text = fits ? whole : stubText(entry, epoch, bytes);
    size += (fits ? bytes : Buffer.byteLength(text)) + 1;
    if (events.length > 0 && size > LARGEST.events) break;
    if (!fits) oversize.push({ entry, bytes });
    events.push(text);
  }
  const [only] = events;
  const isOne = events.length === 1 && only !== undefined;
  const payload = Buffer.from(isOne ? only : `${BATCH_HEAD}${events.join(',')}${BATCH_TAIL}`);
  const seqs = entries.slice(0, events.length).map(({ seq }) => seq);
  return { entryClass, payload, seqs, oversize };
}
