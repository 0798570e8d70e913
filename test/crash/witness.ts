/** What somebody outside was told and saw, to be held against what the next start of the daemon says. */
import { z } from 'zod';

export const entrySchema = z.looseObject({
  seq: z.int(),
  hash: z.string(),
  type: z.string(),
  body: z.record(z.string(), z.unknown()),
});
export type Entry = z.infer<typeof entrySchema>;

export type Pulses = ReadonlyMap<number, number>;

const INTENTS = new Set(['access.commanded', 'access.granted']);

export class Witness {
  /** Hash by number of all that was ever told. */
  readonly #hashes = new Map<number, string>();
  readonly #intents = new Map<number, number>();
  readonly #grants = new Map<string, { rev: number; isRevoked: boolean }>();
  #lastFolded = 0;
  #judged: Pulses = new Map();
  #didWork = false;
  /** Pulses when this life began, and what the last one moved that was asked for something. */
  #before: Pulses = new Map();
  #worked: Pulses = new Map();

  /** The newest entry that was read whole, with all before it. */
  get lastFolded(): number {
    return this.#lastFolded;
  }

  get grants(): ReadonlyMap<string, { readonly rev: number; readonly isRevoked: boolean }> {
    return this.#grants;
  }

  /** An entry reached somebody: from now on it may be relied on. */
  told({ seq, hash }: Pick<Entry, 'seq' | 'hash'>): void {
    if (!this.#hashes.has(seq)) this.#hashes.set(seq, hash);
  }

  acknowledged(grant: string, rev: number, isRevoked: boolean): void {
    this.#grants.set(grant, { rev, isRevoked });
  }

  lifeBegins(pulses: Pulses): void {
    this.#before = pulses;
    this.#didWork = false;
  }

  /** From here on somebody asks for openings. */
  workBegins(): void {
    this.#didWork = true;
  }

  /** The daemon is dead and the board at rest. Answers what moved in a life that was asked for nothing. */
  lifeIsOver(pulses: Pulses): readonly string[] {
    const faults = this.#didWork
      ? []
      : differences(this.#before, pulses, 'was pulsed while nobody asked');
    if (this.#didWork)
      this.#worked = new Map(
        [...pulses].map(([slot, count]) => [slot, count - (this.#before.get(slot) ?? 0)] as const),
      );
    return faults;
  }

  /** P8, once the next life is up: `entries` are all from `lastFolded` on, that one included, oldest first. */
  compare(entries: readonly Entry[]): readonly string[] {
    const faults: string[] = [];
    const first = Math.max(this.#lastFolded, 1);
    for (const [n, { seq }] of entries.entries()) {
      if (seq !== first + n) faults.push(`entry ${seq} stands where ${first + n} should`);
    }
    const last = entries.at(-1)?.seq ?? 0;
    for (const [seq, hash] of this.#hashes) {
      if (seq > last) faults.push(`entry ${seq} was told and is lost; the last is ${last}`);
      const kept = entries.find((entry) => entry.seq === seq);
      if (kept !== undefined && kept.hash !== hash) faults.push(`entry ${seq} is another one`);
      if (seq < last) this.#hashes.delete(seq); // the chain of hashes holds it from here on
    }
    for (const entry of entries) this.#fold(entry);
    return faults;
  }

  /** P2, P3: what the last life moved, against what it had written that it would. Once, after `compare`. */
  judge(): readonly string[] {
    const faults = [...this.#worked].flatMap(([slot, done]) => {
      const intents = (this.#intents.get(slot) ?? 0) - (this.#judged.get(slot) ?? 0);
      return done > intents ? [`slot ${slot}: ${done} pulses of ${intents} intents`] : [];
    });
    this.#judged = new Map(this.#intents);
    this.#worked = new Map();
    return faults;
  }

  /** P2: nothing of an earlier life is driven again. `own` is the slot that this life opened once. */
  repeated(pulses: Pulses, own: number): readonly string[] {
    const without = new Map(
      [...pulses].map(([slot, count]) => [slot, slot === own ? count - 1 : count] as const),
    );
    return differences(this.#before, without, 'was pulsed again after the start');
  }

  #fold({ seq, hash, type, body }: Entry): void {
    if (seq <= this.#lastFolded) return;
    this.#lastFolded = seq;
    this.#hashes.set(seq, hash);
    const slot = body['slot'];
    if (INTENTS.has(type) && typeof slot === 'number')
      this.#intents.set(slot, (this.#intents.get(slot) ?? 0) + 1);
  }
}

function differences(before: Pulses, now: Pulses, what: string): readonly string[] {
  return [...now].flatMap(([slot, count]) =>
    count > (before.get(slot) ?? 0) ? [`slot ${slot} ${what}`] : [],
  );
}
