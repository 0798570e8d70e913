/**
 * What happened while nothing could be stored: kept in memory, folded as if it were on the disk, written in the same
 * order and under the same numbers once it can be (conventions 3.4). The first that come keep their places, so that an
 * opening which the policy allowed keeps the number it was driven under; what no longer fits is counted and told.
 */
import { classOf, type EntryClass } from '../access/entry.ts';
import type { Ledger, LedgerChange } from '../access/ledger.ts';
import type { Placed, Tail } from './placing.ts';

/** Entries kept at most. */
export const UNSTORED_MOST = 1000;
/** Places that only doors and alarms may take: a chattering device crowds out no opening. */
const FOR_ACCESS = 200;

/** What became of it, once the disk is well again. */
export interface UnstoredTale {
  /** Stored late, each with the time at which it happened. */
  readonly stored: number;
  /** For these there was no room; by class, with the first and last time of what is missing. */
  readonly lost: number;
  readonly classes: { readonly [C in EntryClass]?: number };
  readonly from: number | undefined;
  readonly to: number | undefined;
}

export class Unstored {
  readonly #ledger: Ledger;
  readonly #most: number;
  #kept: Placed[] = [];
  #count = 0;
  #stored = 0;
  #lost = 0;
  readonly #classes = new Map<EntryClass, number>();
  #from: number | undefined;
  #to: number | undefined;
  /** Rows of the ledger as they were before what did not fit; they return once the rest is stored. */
  readonly #before = new Map<string, LedgerChange>();
  #beyond: Tail | undefined;

  constructor(ledger: Ledger, most = UNSTORED_MOST) {
    this.#ledger = ledger;
    this.#most = most;
  }

  get kept(): readonly Placed[] {
    return this.#kept;
  }

  /** How many entries wait, and how many found no room. */
  get counts(): { readonly kept: number; readonly lost: number } {
    return { kept: this.#count, lost: this.#lost };
  }

  /** Where what comes next stands, as far as it is only in memory. */
  get tail(): Tail | undefined {
    return this.#beyond ?? this.#kept.at(-1)?.tail;
  }

  /** Whether there was room; either way the ledger goes on showing it. */
  keep(placed: Placed): boolean {
    const { recorded, undo, tail } = placed;
    const isAccess = recorded.some(({ type }) => /^(access|security)\./.test(type));
    const room = this.#most - this.#count - (isAccess ? 0 : FOR_ACCESS);
    // What follows a lost one was folded on top of it: it is lost too.
    if (this.#beyond === undefined && recorded.length <= room) {
      this.#kept.push(placed);
      this.#count += recorded.length;
      return true;
    }
    this.#beyond = tail;
    for (const change of undo.toReversed()) {
      const row = `${change.table}\0${change.id}`;
      if (!this.#before.has(row)) this.#before.set(row, change);
    }
    for (const { type, stamp } of recorded) {
      const kind = classOf(type);
      this.#classes.set(kind, (this.#classes.get(kind) ?? 0) + 1);
      this.#lost += 1;
      this.#from ??= stamp.at;
      this.#to = stamp.at;
    }
    return false;
  }

  /** The first so many batches are on the disk. */
  stored(batches: number): void {
    for (const { recorded } of this.#kept.splice(0, batches)) {
      this.#count -= recorded.length;
      this.#stored += recorded.length;
    }
  }

  /** All that was kept is stored: the ledger is again what the entries say, and the tale begins anew. */
  settle(): UnstoredTale {
    this.#ledger.apply([...this.#before.values()]);
    const tale = {
      stored: this.#stored,
      lost: this.#lost,
      classes: Object.fromEntries(this.#classes),
      from: this.#from,
      to: this.#to,
    };
    this.#before.clear();
    this.#classes.clear();
    this.#beyond = undefined;
    this.#stored = 0;
    this.#lost = 0;
    this.#from = undefined;
    this.#to = undefined;
    return tale;
  }
}
