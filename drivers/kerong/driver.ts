/** Kerong lock boards in the catalogue. */
import type { Driver } from '../contract/machine.ts';
import { boardBusMachine } from '../wire/board-bus.ts';
import { addressTwice, LOCK_BOARD, slotsFromOne } from '../wire/lock-board-entry.ts';
import { kerongBoard, kerongProtocol } from './board.ts';
import type { Dialect } from './frame.ts';
import type { KerongOptions } from './options.ts';

export const kerongCu12 = kerongEntry('kerong-cu12', 'Kerong KR-CU12, 12 locks', 'cu16');
export const kerongCu16 = kerongEntry(
  'kerong-cu16',
  'Kerong KR-CU16, 16 locks with presence sensors',
  'cu16',
);
export const kerongCu48 = kerongEntry('kerong-cu48', 'Kerong KR-CU48, 48 locks', 'cu48');
export const kerongCu48b = kerongEntry(
  'kerong-cu48b',
  'Kerong KR-CU48B, 48 locks with presence sensors',
  'cu48b',
);

function kerongEntry(name: string, title: string, dialect: Dialect): Driver<KerongOptions> {
  return {
    name,
    title,
    link: 'bytes',
    defaultBaudRate: 19_200,
    abilities: ({ presence }) => ({ ...LOCK_BOARD, presence }),
    slots: slotsFromOne,
    clashes: addressTwice,
    machine: (devices, bus) =>
      boardBusMachine(
        kerongProtocol(dialect),
        devices.map((device) => kerongBoard(dialect, device)),
        bus,
      ),
  };
}
