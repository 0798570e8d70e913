/** What the entries of all line readers share. */
import type { DriverAbilities, MachineDevice } from '../contract/machine.ts';

export const FOB_READER: DriverAbilities = {
  cards: true,
  codes: false,
  feedback: false,
  slots: false,
  presence: false,
  lock: false,
  onPowerLoss: undefined,
};

/** Such a reader has no address, so a bus can carry one. */
export function oneReader(devices: readonly MachineDevice<unknown>[]): readonly string[] {
  if (devices.length <= 1) return [];
  const names = devices.map(({ id }) => id).join(', ');
  return [`${names}: these readers have no address, give each a bus of its own`];
}

/** Config has refused any other number of devices before a machine is built. */
export function theReader<Options>(
  devices: readonly MachineDevice<Options>[],
): MachineDevice<Options> {
  const [only, ...more] = devices;
  if (only === undefined || more.length > 0) {
    throw new RangeError(`one reader a bus, found ${devices.length}`);
  }
  return only;
}
