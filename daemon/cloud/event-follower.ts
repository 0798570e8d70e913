/**
 * The cloud's end of the event flow: takes each event once by `(epoch, seq)`, knows what is missing, and says up to
 * where nothing is. Backlog and present arrive interleaved, so what was seen is kept as ranges.
 */
import { isGenuine } from './event.ts';
import type { WireEvent } from './messages.ts';

export interface Watermark {
  readonly epoch: string;
  /** Everything up to here was seen. */
  readonly seq: number;
}

const LINKS_KEPT = 10_000;

export type Followed =
  | { readonly kind: 'new'; readonly genuine: boolean }
  | { readonly kind: 'seen' }
  /** Its content is not what its hash says: made or changed on the way. Not counted as seen. */
  | { readonly kind: 'forged' }
  /** From before the journal was made anew; its sequence is another. */
  | { readonly kind: 'other-epoch' };

export class EventFollower {
  #epoch: string | undefined;
  #seq: number;
  /** Above the watermark: growing, apart from each other. */
  #ranges: [from: number, to: number][] = [];
  /** Hashes of the newest events seen, to check the chain's links. */
  readonly #hashes = new Map<number, string>();
  readonly #prevs = new Map<number, string>();

  constructor(from?: Watermark) {
    this.#epoch = from?.epoch;
    this.#seq = from?.seq ?? 0;
  }

  get watermark(): Watermark | undefined {
    return this.#epoch === undefined ? undefined : { epoch: this.#epoch, seq: this.#seq };
  }

  /** First range that was not seen although something later was. */
  get missing(): { readonly from: number; readonly to: number } | undefined {
    const [first] = this.#ranges;
    return first === undefined ? undefined : { from: this.#seq + 1, to: first[0] - 1 };
  }

  take(event: WireEvent): Followed {
    this.#epoch ??= event.epoch;
    if (event.epoch !== this.#epoch) return { kind: 'other-epoch' };
    if (this.#hasSeen(event.seq)) return { kind: 'seen' };
    if (!isSkeleton(event) && !isGenuine(event)) return { kind: 'forged' };
    const genuine = this.#isLinked(event);
    this.#mark(event.seq, event.seq);
    // A left-out range counts as seen: its record says which events it stands for.
    if (event.type === 'system.outbox_gap' && genuine) {
      for (const [from, to] of rangesOf(event)) this.#mark(from, to);
    }
    return { kind: 'new', genuine };
  }

  /** Begins anew where the bridge's journal did. */
  changeEpoch(epoch: string): void {
    this.#epoch = epoch;
    this.#seq = 0;
    this.#ranges = [];
    this.#hashes.clear();
    this.#prevs.clear();
  }

  #hasSeen(seq: number): boolean {
    return seq <= this.#seq || this.#ranges.some(([from, to]) => seq >= from && seq <= to);
  }

  /** Whether it fits to the neighbours that were seen. */
  #isLinked({ seq, prev, hash }: WireEvent): boolean {
    const before = this.#hashes.get(seq - 1);
    const after = this.#prevs.get(seq + 1);
    this.#hashes.set(seq, hash);
    this.#prevs.set(seq, prev);
    for (const map of [this.#hashes, this.#prevs]) {
      const [oldest] = map.keys();
      if (map.size > LINKS_KEPT && oldest !== undefined) map.delete(oldest);
    }
    return (before === undefined || before === prev) && (after === undefined || after === hash);
  }

  #mark(from: number, to: number): void {
    const first = Math.max(from, this.#seq + 1);
    if (first > to) return;
    const all: [number, number][] = [...this.#ranges, [first, to] as [number, number]].sort(
      ([a], [b]) => a - b,
    );
    const merged: [number, number][] = [];
    for (const range of all) {
      const last = merged.at(-1);
      if (last !== undefined && range[0] <= last[1] + 1) last[1] = Math.max(last[1], range[1]);
      else merged.push([...range]);
    }
    const [lowest] = merged;
    if (lowest !== undefined && lowest[0] === this.#seq + 1) {
      this.#seq = lowest[1];
      merged.shift();
    }
    this.#ranges = merged;
  }
}

/** Erased, or too large to send: only its place in the chain is left. */
function isSkeleton({ body }: WireEvent): boolean {
  return body['quarantined'] === true || Object.keys(body).length === 0;
}

function rangesOf({ body }: WireEvent): [number, number][] {
  const { ranges } = body;
  if (!Array.isArray(ranges)) return [];
  return ranges.flatMap((range): [number, number][] => {
    if (!Array.isArray(range)) return [];
    const [from, to] = range;
    return typeof from === 'number' && typeof to === 'number' ? [[from, to]] : [];
  });
}
