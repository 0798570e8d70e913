/** Driver name -> entry. A new driver is one folder and one line here. */
import type { DriverEntry } from './contract/machine.ts';

const ENTRIES: readonly DriverEntry[] = [];

export const catalogue: ReadonlyMap<string, DriverEntry> = new Map(
  ENTRIES.map((entry) => [entry.name, entry]),
);
