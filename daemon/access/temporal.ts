/** The one place where Temporal comes from: Node's own where it has one, the polyfill until then. */
import { Temporal as polyfill } from 'temporal-polyfill';

const own: unknown = Reflect.get(globalThis, 'Temporal');

/** The polyfill keeps to the standard's interface, so that either may stand behind it. */
export const Temporal: typeof polyfill = isTemporal(own) ? own : polyfill;

function isTemporal(value: unknown): value is typeof polyfill {
  return typeof value === 'object' && value !== null && 'ZonedDateTime' in value;
}

/** Whether the zone is one that wall times can be resolved in. */
export function isZone(zone: string): boolean {
  if (!/^[A-Za-z][A-Za-z0-9_+/-]{0,63}$/.test(zone)) return false;
  try {
    Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(zone);
    return true;
  } catch (failure) {
    if (failure instanceof RangeError) return false;
    throw failure;
  }
}
