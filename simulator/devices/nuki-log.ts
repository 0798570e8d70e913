/** The log of a simulated Nuki lock: a ring, read by index in either direction. */
import { readU16, readU32, u32 } from '../../drivers/nuki/frame.ts';
import { lockDate } from '../../drivers/nuki/lock-date.ts';
import { joinBytes } from '../../drivers/wire/hex.ts';

const ENTRIES_MAX = 200;

export interface LogRecord {
  /** By the lock's own clock. */
  readonly at: number;
  readonly by: number;
  readonly name: string;
  readonly type: number;
  readonly data: Uint8Array;
}

export class NukiLog {
  readonly #entries: { readonly index: number; readonly payload: Uint8Array }[] = [];
  #next = 1;

  get length(): number {
    return this.#entries.length;
  }

  record({ at, by, name, type, data }: LogRecord): void {
    const text = new Uint8Array(32);
    text.set(new TextEncoder().encode(name).subarray(0, 32));
    const index = this.#next;
    this.#next += 1;
    const head = joinBytes(u32(index), lockDate(at, 0, 'down'), u32(by), text);
    // Firmware pads its entries: readers must not mind.
    const payload = joinBytes(head, Uint8Array.of(type), data, Uint8Array.of(0, 0));
    this.#entries.push({ index, payload });
    if (this.#entries.length > ENTRIES_MAX) this.#entries.shift();
  }

  /** Body of Request Log Entries: start(4) count(2) order(1) total(1). */
  slice(body: Uint8Array): readonly Uint8Array[] {
    const [start, count, descends] = [readU32(body, 0), readU16(body, 4), body[6] === 1];
    const ordered = descends ? this.#entries.toReversed() : this.#entries;
    return ordered
      .filter(({ index }) => start === 0 || (descends ? index < start : index > start))
      .slice(0, count)
      .map(({ payload }) => payload);
  }
}
