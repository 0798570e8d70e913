/** Where a bus goes. */

export const WAYS = ['serial', 'tcp', 'ble', 'input'] as const;

export type Way = (typeof WAYS)[number];

/** Where a bus of a checked config goes, whichever way it is. */
export function busWay(bus: Readonly<Partial<Record<Way, string | undefined>>>): {
  readonly way: Way;
  readonly to: string;
} {
  for (const way of WAYS) {
    const to = bus[way];
    if (to !== undefined) return { way, to };
  }
  throw new TypeError('a bus that was checked goes somewhere');
}
