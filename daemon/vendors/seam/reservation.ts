/**
 * Stays that share a reservation key (vendor-apis.md 3.6): their doors are those of the first, their times touch, and the
 * first use of a later stay at a door takes that door from the earlier ones. Grants without a key are never touched.
 */
import type { Target } from '../../access/model.ts';
import type { WantedGrant } from '../sync-change.ts';
import type { VendorRecord } from '../vendor-record.ts';
import type { GrantFields } from './fields.ts';
import { SeamError } from './seam-error.ts';

type Stay = Pick<
  GrantFields,
  'starts_at' | 'ends_at' | 'device_ids' | 'acs_entrance_ids' | 'space_ids'
>;
type Levels = ReadonlyMap<string, readonly Target[]>;

/** @throws SeamError 409 for a stay that cannot be of this reservation */
export function checkReservation(wanted: Stay, others: readonly GrantFields[]): void {
  const [first] = [...others].sort((one, other) => (one.created_at < other.created_at ? -1 : 1));
  if (first === undefined) return;
  const doors = new Set(doorsOf(first));
  if (!doorsOf(wanted).every((door) => doors.has(door))) {
    throw new SeamError(
      409,
      'reservation_doors_are_fixed',
      'a reservation has the doors of its first grant, or fewer',
    );
  }
  if (!others.every((other) => overlaps(wanted, other))) {
    throw new SeamError(
      409,
      'reservation_times_do_not_overlap',
      'the times of the grants of one reservation overlap',
    );
  }
}

function doorsOf({ device_ids, acs_entrance_ids, space_ids }: Stay): readonly string[] {
  return [...device_ids, ...acs_entrance_ids, ...space_ids];
}

function overlaps(one: Stay, other: Stay): boolean {
  const endOf = ({ ends_at }: Stay) =>
    ends_at === null ? Number.POSITIVE_INFINITY : Date.parse(ends_at);
  return Date.parse(one.starts_at) < endOf(other) && Date.parse(other.starts_at) < endOf(one);
}

/** `key flat-3`, `lock door`: taken over by a later stay. */
export function overriddenIn(record: VendorRecord | undefined): readonly string[] {
  const value = record?.extra?.['overridden'];
  return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : [];
}

export function nameOf({ kind, id }: Pick<Target, 'kind' | 'id'>): string {
  return `${kind} ${id}`;
}

/** Whether a grant with these targets opens it, by itself or by an access level. */
export function opens(targets: readonly Target[], thing: string, levels: Levels): boolean {
  return targets.some((target) => membersOf(target, levels).some((each) => nameOf(each) === thing));
}

/** The grant without what was taken over; `superseded` when nothing is left of it. */
export function withoutOverridden(
  wanted: WantedGrant,
  record: VendorRecord | undefined,
  levels: Levels,
): WantedGrant {
  const gone = new Set(overriddenIn(record));
  if (gone.size === 0) return wanted;
  const targets = wanted.targets.flatMap((target) => {
    const members = membersOf(target, levels);
    const left = members.filter((each) => !gone.has(nameOf(each)));
    return left.length === members.length ? [target] : left;
  });
  return { ...wanted, targets, ...(targets.length === 0 ? { state: 'superseded' } : {}) };
}

function membersOf(target: Target, levels: Levels): readonly Target[] {
  return target.kind === 'access_level' ? (levels.get(target.id) ?? []) : [target];
}
