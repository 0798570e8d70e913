/** Options of a driver as the config would give them to it. */
import { catalogue } from '../../drivers/catalogue.ts';
import type { Driver } from '../../drivers/contract/machine.ts';

export function knownOptions({ name }: Driver, options: unknown): unknown {
  const entry = catalogue.get(name);
  if (entry === undefined) throw new RangeError(`no driver ${name} in the catalogue`);
  return entry.options.parse(options);
}
