/** What a vendor and this site do not have in common: waiting, failed, or not to be had on one of the two sides. */
import { type Instant, instant } from '../../drivers/contract/time.ts';
import type { Vendor } from '../access/model.ts';
import type { VendorSync } from './vendor-sync.ts';

export interface Difference {
  readonly vendor: Vendor;
  /** The vendor's word for the thing, or `message` for one that the vendor would have sent. */
  readonly kind: string;
  readonly id: string;
  readonly ref?: string;
  readonly state: string;
  readonly detail: string;
  readonly since: Instant;
  /** System or device of the vendor's, where it is about one. */
  readonly place?: string;
}

/** Oldest first. */
export function differencesOf(sync: VendorSync): readonly Difference[] {
  const found: Difference[] = [];
  for (const [id, record] of sync.records()) {
    const common = {
      vendor: sync.vendor,
      kind: record.kind,
      id,
      ...(record.ref === undefined ? {} : { ref: record.ref }),
      since: instant(record.since),
    };
    if (record.state !== 'in-step' && record.state !== 'gone') {
      found.push({ ...common, state: record.state, detail: record.detail ?? '' });
    }
    if (record.state === 'gone') continue;
    for (const { place, state, detail } of record.places ?? []) {
      if (state !== 'active') found.push({ ...common, place, state, detail: detail ?? '' });
    }
  }
  return found.sort((one, other) => one.since - other.since);
}

/** Those that do not go away by waiting. */
export function driftOf(differences: readonly Difference[]): number {
  return differences.filter(({ state }) => state === 'cannot' || state === 'failed').length;
}
