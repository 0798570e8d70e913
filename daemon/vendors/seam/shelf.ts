/** Things of one kind with their fields, opened once: sealing is slow, and lists read all of them. */
import type { z } from 'zod';
import type { VendorRecord } from '../vendor-record.ts';
import type { VendorSync } from '../vendor-sync.ts';

export interface Shelved<Fields> {
  /** Of the grant or record here. */
  readonly id: string;
  readonly record: VendorRecord;
  readonly fields: Fields;
}

export class Shelf<Fields> {
  readonly kind: string;
  readonly #sync: VendorSync;
  readonly #schema: z.ZodType<Fields>;
  readonly #opened = new WeakMap<VendorRecord, Fields | 'unreadable'>();

  constructor(kind: string, sync: VendorSync, schema: z.ZodType<Fields>) {
    this.kind = kind;
    this.#sync = sync;
    this.#schema = schema;
  }

  /** Those that are there, oldest first; what is gone is left out. */
  all(): readonly Shelved<Fields>[] {
    const found: Shelved<Fields>[] = [];
    for (const [id, record] of this.#sync.records()) {
      if (record.kind !== this.kind || record.state === 'gone' || record.state === 'to-revoke') {
        continue;
      }
      const fields = this.#open(id, record);
      if (fields !== undefined) found.push({ id, record, fields });
    }
    return found;
  }

  /** By what its fields say, or by the vendor's own id. */
  find(fits: (fields: Fields) => boolean): Shelved<Fields> | undefined {
    return this.all().find(({ fields }) => fits(fields));
  }

  /** Also of what is gone, for telling of its end. */
  at(id: string): Shelved<Fields> | undefined {
    const record = this.#sync.record(id);
    if (record?.kind !== this.kind) return undefined;
    const fields = this.#open(id, record);
    return fields === undefined ? undefined : { id, record, fields };
  }

  #open(id: string, record: VendorRecord): Fields | undefined {
    const before = this.#opened.get(record);
    if (before !== undefined) return before === 'unreadable' ? undefined : before;
    const read = this.#schema.safeParse(this.#sync.fields(id, record));
    this.#opened.set(record, read.success ? read.data : 'unreadable');
    return read.success ? read.data : undefined;
  }
}
