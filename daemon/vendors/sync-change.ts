/** What is to become of one grant, key or record, in the words that readings and dialects say it in. */
import type { Grant, Key } from '../access/model.ts';
import type { VendorRecord } from './vendor-record.ts';

/** A grant as it is wanted; its revision follows from what is stored. `options.staff` is never a vendor's to give. */
export type WantedGrant = Omit<Grant, 'rev'>;
export type WantedKey = Omit<Key, 'rev'>;

export interface SyncChange {
  /** Of the grant or key here, or of a record alone. */
  readonly id: string;
  readonly grant?: WantedGrant;
  readonly key?: WantedKey;
  /** With a tombstone, for good: only a reading that begins later may bring it back. */
  readonly revoke?: true;
  readonly removeKey?: true;
  /** The vendor has it again, by a reading that began after the revocation; else a tombstone stands. */
  readonly revive?: true;
  /** `null` takes the record away; missing leaves it as it is. */
  readonly record?: VendorRecord | null;
}
