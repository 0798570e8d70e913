/** Somebody else who asks on our bus, told by requests that are not ours. */
import { type Millis, type Uptime, uptime } from '../contract/time.ts';

/** When the last two were heard. */
export type ForeignMaster = readonly Uptime[];

export const NOBODY_ELSE: ForeignMaster = [];

/** One that asks twice within this time is there; after as long a silence it is gone. */
const WITHIN: Millis = 60_000;

export function heardForeign(
  before: ForeignMaster,
  now: Uptime,
): { readonly foreign: ForeignMaster; readonly isThere: boolean } {
  const recent = before.filter((at) => now - at < WITHIN);
  return { foreign: [...recent.slice(-1), now], isThere: recent.length > 0 };
}

/** `undefined` where there was nobody. */
export function goneAt(foreign: ForeignMaster): Uptime | undefined {
  const last = foreign.at(-1);
  return last === undefined ? undefined : uptime(last + WITHIN);
}
