/** The hardware that a config file describes, and the keys that hang in it on the first day. */
import { loadConfig } from '../../config/load.ts';
import type { Config } from '../../config/schema.ts';
import type { HardwareDescription } from '../hardware.ts';
import type { Move } from '../simulator.ts';

export interface DescribedHardware {
  readonly description: HardwareDescription;
  readonly contents: readonly Move[];
}

/** @throws ConfigError */
export function readHardware(
  file: string,
  variables: ReadonlyMap<string, string>,
): DescribedHardware {
  const config = loadConfig(file, { variables });
  return { description: config, contents: contentsOf(config) };
}

/** A key with a fob and a slot of its home; one whose number is a secret hangs there with some other fob. */
function contentsOf({ keys, accessPoints }: Config): Move[] {
  return Object.values(keys).flatMap(({ home, slot, fob }) => {
    const box = home === undefined ? undefined : accessPoints[home]?.box;
    if (box === undefined || slot === undefined) return [];
    const isPlain = fob !== undefined && /^[0-9A-Fa-f]{10}$/.test(fob);
    return [{ device: box, verb: 'stock', arguments: { slot, ...(isPlain ? { fob } : {}) } }];
  });
}
