/** What the entries of all lock boards share. */
import { type SlotNumber, slotNumber } from '../contract/device.ts';
import type { DriverAbilities, MachineDevice } from '../contract/machine.ts';

/** Slots with locks that stay shut without power, and nothing else. */
export const LOCK_BOARD: DriverAbilities = {
  cards: false,
  codes: false,
  feedback: false,
  slots: true,
  presence: false,
  lock: false,
  onPowerLoss: 'fail-secure',
};

/** Slots 1 to `slots`. */
export function slotsFromOne({ slots }: { readonly slots: number }): readonly SlotNumber[] {
  return Array.from({ length: slots }, (_, index) => slotNumber(index + 1));
}

/** Boards with one address on one bus answer together. */
export function addressTwice(
  devices: readonly MachineDevice<{ readonly address: number }>[],
): readonly string[] {
  const byAddress = Map.groupBy(devices, ({ options: { address } }) => address);
  return [...byAddress]
    .filter(([, same]) => same.length > 1)
    .map(
      ([address, same]) => `${same.map(({ id }) => id).join(', ')}: all have address ${address}`,
    );
}
