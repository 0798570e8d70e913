/** Where a bus of a checked config goes. */
import type { BusConfig } from './hardware-schema.ts';

export const WAYS = ['serial', 'tcp', 'ble', 'input'] as const;

/** Where a bus goes, whichever way it is. */
export function busWay(bus: BusConfig): {
  readonly way: (typeof WAYS)[number];
  readonly to: string;
} {
  for (const way of WAYS) {
    const to = bus[way];
    if (to !== undefined) return { way, to };
  }
  throw new TypeError('a bus that was checked goes somewhere');
}
