/** One direction of a wire, with everything that can happen to bytes on their way. */
import {
  type Clock,
  type Millis,
  type Random,
  randomInteger,
  type Timer,
  type Uptime,
  uptime,
} from '../drivers/contract/time.ts';

/** Chances are from 0 to 1, drawn once for each chunk that sets out. */
export interface LaneFaults {
  /** Everything arrives this much later. */
  readonly delay: Millis;
  /** Chance that a chunk never arrives. */
  readonly lose: number;
  /** Chance that one of its bits is changed. */
  readonly garble: number;
  /** Chance that only its beginning arrives. */
  readonly truncate: number;
  /** Chance that it arrives twice. */
  readonly duplicate: number;
  /** Chance that up to four bytes 00 or FF of an idle line arrive before it. */
  readonly noise: number;
  /** Chance that a 53 or 02, the beginning of somebody's frame, arrives before it. */
  readonly stray: number;
  /** Byte by byte with this gap, as a slow gateway does; `undefined` keeps chunks as they are. */
  readonly split: Millis | undefined;
  /** Held back for this long and handed on together with what came meanwhile; 0 holds nothing back. */
  readonly merge: Millis;
  /** Nothing arrives. */
  readonly mute: boolean;
}

export const NO_FAULTS: LaneFaults = {
  delay: 0,
  lose: 0,
  garble: 0,
  truncate: 0,
  duplicate: 0,
  noise: 0,
  stray: 0,
  split: undefined,
  merge: 0,
  mute: false,
};

/** Bytes that may be under way on one lane; what does not fit is lost, as in a gateway's own buffer. */
const UNDER_WAY_MAX = 65_536;

/** Delivers in order, never within the call that sent: a reply cannot overtake the end of its request. */
export class Lane {
  faults: LaneFaults = NO_FAULTS;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #deliver: (bytes: Uint8Array) => void;
  readonly #queue: { readonly at: Uptime; readonly bytes: Uint8Array }[] = [];
  #underWay = 0;
  #timer: Timer | undefined;
  /** Counts what was dropped, so that what was to be delivered in this turn is not. */
  #drops = 0;
  #lastAt: Uptime;
  #mergeUntil: Uptime;

  constructor(clock: Clock, random: Random, deliver: (bytes: Uint8Array) => void) {
    this.#clock = clock;
    this.#random = random;
    this.#deliver = deliver;
    this.#lastAt = clock.uptime();
    this.#mergeUntil = clock.uptime();
  }

  /** `after`: how long the bytes take to leave the sender. */
  carry(bytes: Uint8Array, after: Millis = 0): void {
    const { delay, lose, split, merge, duplicate, mute } = this.faults;
    if (mute || this.#happens(lose)) return;
    const now = this.#clock.uptime();
    let at = uptime(now + after + delay);
    if (merge > 0) {
      if (this.#mergeUntil <= now) this.#mergeUntil = uptime(now + merge);
      at = uptime(Math.max(at, this.#mergeUntil));
    }
    const arriving = this.#damaged(bytes);
    const chunks = this.#happens(duplicate) ? [arriving, bytes.slice()] : [arriving];
    for (const chunk of chunks) {
      if (split === undefined) this.#put(at, chunk);
      else
        for (const [index, byte] of chunk.entries()) {
          this.#put(uptime(at + index * split), Uint8Array.of(byte));
        }
    }
  }

  /** What is under way never arrives. */
  drop(): void {
    this.#queue.length = 0;
    this.#underWay = 0;
    this.#drops += 1;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #put(at: Uptime, bytes: Uint8Array): void {
    if (bytes.length === 0 || this.#underWay + bytes.length > UNDER_WAY_MAX) return;
    this.#underWay += bytes.length;
    const last = this.#queue.at(-1);
    this.#lastAt = uptime(Math.max(at, last?.at ?? 0));
    if (this.faults.merge > 0 && last?.at === this.#lastAt) {
      this.#queue[this.#queue.length - 1] = { at: last.at, bytes: joined(last.bytes, bytes) };
    } else this.#queue.push({ at: this.#lastAt, bytes });
    this.#arm();
  }

  #arm(): void {
    const [first] = this.#queue;
    if (first === undefined || this.#timer !== undefined) return;
    if (first.at > this.#clock.uptime()) {
      this.#timer = this.#clock.wakeAt(first.at, () => this.#deliverDue());
      return;
    }
    // Without a delay it arrives once the call that sent it has returned: a timer each made most of a site's idle work.
    const drops = this.#drops;
    this.#timer = { cancel: () => undefined };
    queueMicrotask(() => {
      if (drops === this.#drops) this.#deliverDue();
    });
  }

  #deliverDue(): void {
    this.#timer = undefined;
    const now = this.#clock.uptime();
    while ((this.#queue[0]?.at ?? Number.POSITIVE_INFINITY) <= now) {
      const chunk = this.#queue.shift();
      if (chunk === undefined) break;
      this.#underWay -= chunk.bytes.length;
      this.#deliver(chunk.bytes);
    }
    this.#arm();
  }

  #damaged(bytes: Uint8Array): Uint8Array {
    const { garble, truncate, noise, stray } = this.faults;
    let arriving: Uint8Array = bytes.slice();
    if (this.#happens(garble)) {
      const place = randomInteger(this.#random, arriving.length);
      arriving[place] = (arriving[place] ?? 0) ^ (1 << randomInteger(this.#random, 8));
    }
    if (this.#happens(truncate)) {
      arriving = arriving.subarray(0, randomInteger(this.#random, arriving.length));
    }
    if (this.#happens(stray)) {
      arriving = joined(Uint8Array.of(this.#happens(0.5) ? 0x53 : 0x02), arriving);
    }
    if (this.#happens(noise)) {
      const idle = new Uint8Array(1 + randomInteger(this.#random, 4));
      arriving = joined(idle.fill(this.#happens(0.5) ? 0x00 : 0xff), arriving);
    }
    return arriving;
  }

  /** Draws nothing where nothing can happen, so that a fault switched on elsewhere changes no other draw. */
  #happens(chance: number): boolean {
    return chance > 0 && this.#random.fraction() < chance;
  }
}

export function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}
