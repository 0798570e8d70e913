/** All records of one vendor, in memory as they are in `grants.db`. */
import type { Json } from '../access/entry.ts';
import type { Vendor } from '../access/model.ts';
import type { GrantStore } from '../store/ports.ts';
import { recordsIn, shardNames, shardOf, type VendorRecord } from './vendor-record.ts';

export class RecordBook {
  readonly #records = new Map<string, VendorRecord>();
  readonly #byRef = new Map<string, string>();

  constructor(grants: Pick<GrantStore, 'cursor'>, vendor: Vendor) {
    for (const name of shardNames()) {
      for (const [id, record] of recordsIn(grants.cursor(vendor, name))) this.#set(id, record);
    }
  }

  get(id: string): VendorRecord | undefined {
    return this.#records.get(id);
  }

  /** The id here of what has this id there. */
  idOf(kind: string, ref: string): string | undefined {
    return this.#byRef.get(`${kind}\0${ref}`);
  }

  all(): Iterable<readonly [string, VendorRecord]> {
    return this.#records;
  }

  get size(): number {
    return this.#records.size;
  }

  /** The cursors that hold these changes; `apply` follows once they are stored. */
  cursors(
    changes: ReadonlyMap<string, VendorRecord | undefined>,
  ): readonly { readonly name: string; readonly value: Json }[] {
    const names = new Set([...changes.keys()].map(shardOf));
    if (names.size === 0) return [];
    const shards = new Map<string, Record<string, Json>>([...names].map((name) => [name, {}]));
    const rows = new Map<string, VendorRecord | undefined>([...this.#records, ...changes]);
    for (const [id, record] of rows) {
      if (record === undefined) continue;
      const shard = shards.get(shardOf(id));
      if (shard !== undefined) shard[id] = record as Json;
    }
    return [...shards].map(([name, value]) => ({ name, value }));
  }

  apply(changes: ReadonlyMap<string, VendorRecord | undefined>): void {
    for (const [id, record] of changes) this.#set(id, record);
  }

  #set(id: string, record: VendorRecord | undefined): void {
    const before = this.#records.get(id);
    if (before?.ref !== undefined) this.#byRef.delete(`${before.kind}\0${before.ref}`);
    if (record === undefined) {
      this.#records.delete(id);
      return;
    }
    this.#records.set(id, record);
    if (record.ref !== undefined) this.#byRef.set(`${record.kind}\0${record.ref}`, id);
  }
}
