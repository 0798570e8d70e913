/** A fob reader built into a slot of a box: it hears whichever fob lies there, door open or shut. */
import { ArgumentError } from '../arguments.ts';
import type { SimulatedDevice } from '../device.ts';
import { SimulatedEm4100Reader } from './em4100-reader.ts';
import { SimulatedLockBoard } from './lock-board.ts';

/** Two fobs in one field drown each other: then it says nothing. */
export function buildIntoSlot(reader: SimulatedDevice, board: SimulatedDevice, slot: number): void {
  if (!(reader instanceof SimulatedEm4100Reader) || !(board instanceof SimulatedLockBoard)) {
    throw new ArgumentError('slot', 'only an EM4100 reader fits into a slot of a lock board');
  }
  const follow = () => {
    const fobs = board.box.fobsIn(slot);
    const fob = fobs.length === 1 ? fobs[0] : undefined;
    if (fob !== reader.showing) reader.showing = fob;
  };
  board.box.watch(follow);
  follow();
}
