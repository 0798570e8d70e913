/** Driver name -> the device it talks to, simulated. A new one is one file here and one line. */
import type { DeviceSurroundings, SimulatedKind } from '../device.ts';
import { simulatedEm4100Reader } from './em4100-reader.ts';
import { type SimulatedKerongOptions, simulatedKerongCu16 } from './kerong-cu16.ts';
import { simulatedWiegandKeypad } from './wiegand-keypad.ts';

export const simulatedKinds: ReadonlyMap<string, SimulatedKind> = new Map<string, SimulatedKind>([
  [
    'id-20la',
    {
      build: (name: string, options: unknown, around: DeviceSurroundings) =>
        simulatedEm4100Reader(name, options, around, 'id-20la'),
    },
  ],
  [
    'kerong-cu12',
    {
      build: (name: string, options: SimulatedKerongOptions, around: DeviceSurroundings) =>
        simulatedKerongCu16(name, options, around, 'kerong-cu12'),
    },
  ],
  ['kerong-cu16', { build: simulatedKerongCu16 }],
  ['rdm6300', { build: simulatedEm4100Reader }],
  ['wiegand-serial', { build: simulatedWiegandKeypad }],
]);
