/** What could be read of a config so far, for the checks between settings. */
import type { DriverEntry } from '../drivers/contract/machine.ts';
import type { Millis } from '../drivers/contract/time.ts';
import type { BusConfig, DeviceConfig, InputConfig } from './hardware-schema.ts';
import type { AccessPointConfig, KeyConfig, TargetConfig } from './place-schema.ts';

export interface Draft {
  readonly drivers: ReadonlyMap<string, DriverEntry>;
  readonly buses: ReadonlyMap<string, BusConfig>;
  readonly devices: ReadonlyMap<string, DeviceConfig>;
  readonly accessPoints: ReadonlyMap<string, AccessPointConfig>;
  readonly keys: ReadonlyMap<string, KeyConfig>;
  readonly accessLevels: ReadonlyMap<string, readonly TargetConfig[]>;
  /** By their place in the list. */
  readonly inputs: ReadonlyMap<number, InputConfig>;
  /** Names that are written in a section, whether what is below them is right or not. */
  named(section: NamedSection): ReadonlySet<string>;
}

export type NamedSection = 'buses' | 'devices' | 'accessPoints' | 'keys' | 'accessLevels';

/** Of a lock, as far as it was read; `undefined` where its driver holds it as long as is asked. */
export function longestHold({ devices, drivers }: Draft, lock: string): Millis | undefined {
  const device = devices.get(lock);
  const entry = device === undefined ? undefined : drivers.get(device.driver);
  return entry?.abilities(device?.options).holdMost;
}
