/** All records of one vendor, in memory as they are in `grants.db`. */
import { toJson } from '../access/body.ts';
import type { Json } from '../access/entry.ts';
import type { Vendor } from '../access/model.ts';
import type { GrantStore } from '../store/ports.ts';
import { recordsIn, shardNames, shardOf, type VendorRecord } from './vendor-record.ts';

export class RecordBook {
  readonly #records = new Map<string, VendorRecord>();
  readonly #byRef = new Map<string, string>();
  /** The same records as they are stored, so that one change does not walk through all of them. */
  readonly #shards = new Map<string, Map<string, VendorRecord>>();

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
    const shards = new Map<string, Map<string, VendorRecord>>();
    for (const [id, record] of changes) {
      const name = shardOf(id);
      const rows = shards.get(name) ?? new Map(this.#shards.get(name));
      shards.set(name, rows);
      if (record === undefined) rows.delete(id);
      else rows.set(id, record);
    }
    return [...shards].map(([name, rows]) => ({ name, value: toJson(Object.fromEntries(rows)) }));
  }

  apply(changes: ReadonlyMap<string, VendorRecord | undefined>): void {
    for (const [id, record] of changes) this.#set(id, record);
  }

  #set(id: string, record: VendorRecord | undefined): void {
    const before = this.#records.get(id);
    const known = before?.ref === undefined ? undefined : `${before.kind}\0${before.ref}`;
    // Another may have taken over what this one stood for.
    if (known !== undefined && this.#byRef.get(known) === id) this.#byRef.delete(known);
    const name = shardOf(id);
    const shard = this.#shards.get(name) ?? new Map<string, VendorRecord>();
    this.#shards.set(name, shard);
    if (record === undefined) {
      this.#records.delete(id);
      shard.delete(id);
      return;
    }
    this.#records.set(id, record);
    shard.set(id, record);
    if (record.ref !== undefined) this.#byRef.set(`${record.kind}\0${record.ref}`, id);
  }
}
