/** Kerong lock boards in the catalogue. */
import { slotNumber } from '../contract/device.ts';
import type { DriverEntry, MachineDevice } from '../contract/machine.ts';
import { boardBusMachine } from '../wire/board-bus.ts';
import { kerongBoard, kerongProtocol } from './board.ts';
import type { Dialect } from './frame.ts';
import { type KerongOptions, kerongOptions } from './options.ts';

export const kerongCu12 = kerongEntry('kerong-cu12', 'Kerong KR-CU12, 12 locks', 'cu16', 12, false);
export const kerongCu16 = kerongEntry(
  'kerong-cu16',
  'Kerong KR-CU16, 16 locks with presence sensors',
  'cu16',
  16,
  true,
);
export const kerongCu48 = kerongEntry('kerong-cu48', 'Kerong KR-CU48, 48 locks', 'cu48', 48, false);
export const kerongCu48b = kerongEntry(
  'kerong-cu48b',
  'Kerong KR-CU48B, 48 locks with presence sensors',
  'cu48b',
  48,
  true,
);

function kerongEntry(
  name: string,
  title: string,
  dialect: Dialect,
  locks: number,
  hasSensors: boolean,
): DriverEntry<KerongOptions> {
  return {
    name,
    title,
    link: 'bytes',
    defaultBaudRate: 19_200,
    options: kerongOptions(locks, hasSensors),
    abilities: ({ presence }) => ({
      cards: false,
      codes: false,
      feedback: false,
      slots: true,
      presence,
      lock: false,
      onPowerLoss: 'fail-secure',
    }),
    slots: ({ slots }) => Array.from({ length: slots }, (_, index) => slotNumber(index + 1)),
    clashes: addressesTwice,
    machine: (devices, bus) =>
      boardBusMachine(
        kerongProtocol(dialect),
        devices.map((device) => kerongBoard(dialect, device)),
        bus,
      ),
  };
}

function addressesTwice(devices: readonly MachineDevice<KerongOptions>[]): readonly string[] {
  const byAddress = Map.groupBy(devices, ({ options }) => options.address);
  return [...byAddress]
    .filter(([, same]) => same.length > 1)
    .map(
      ([address, same]) => `${same.map(({ id }) => id).join(', ')}: all have address ${address}`,
    );
}
