/** How this site's things are called at Seam, from the config. */
import type { Target } from '../../access/model.ts';

export interface SeamPlaces {
  /** What a device of Seam's is here: a lock or a key, by Seam's `device_id`. */
  readonly devices: Readonly<Record<string, Target>>;
  /** By `acs_entrance_id`. */
  readonly entrances?: Readonly<Record<string, Target>>;
  /** By `space_id`. */
  readonly spaces?: Readonly<Record<string, Target>>;
}

export const NO_PLACES: SeamPlaces = { devices: {} };

/** Seam's id of a lock or key here. */
export function refOf(places: SeamPlaces, { kind, id }: Target): string | undefined {
  return Object.entries(places.devices).find(
    ([, target]) => target.kind === kind && target.id === id,
  )?.[0];
}

export function isTheirs(targets: readonly Target[], places: SeamPlaces): boolean {
  return targets.some((target) => refOf(places, target) !== undefined);
}

/** What one of Seam's ids is here. An id may be any text, also the name of what every object has. */
export function targetAt(
  known: Readonly<Record<string, Target>> | undefined,
  id: string,
): Target | undefined {
  return known !== undefined && Object.hasOwn(known, id) ? known[id] : undefined;
}
