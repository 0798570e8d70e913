/** Winnsen lock boards in the catalogue, only for those who accept in so many words what their wire cannot promise. */
import type { Driver, MachineDevice } from '../contract/machine.ts';
import type { Board, BoardProtocol } from '../wire/board.ts';
import { boardBusMachine } from '../wire/board-bus.ts';
import { addressTwice, LOCK_BOARD, slotsFromOne } from '../wire/lock-board-entry.ts';
import { openRequest, pollRequest, scanWinnsen, WINNSEN_MOST, type WinnsenFrame } from './frame.ts';
import type { WinnsenOptions } from './options.ts';

export const winnsen: Driver<WinnsenOptions> = {
  name: 'winnsen',
  title: 'Winnsen 16-way lock board (no checksum on its wire)',
  link: 'bytes',
  defaultBaudRate: 9600,
  abilities: () => LOCK_BOARD,
  slots: slotsFromOne,
  clashes: addressTwice,
  machine: (devices, bus) => boardBusMachine(PROTOCOL, devices.map(board), bus),
};

const PROTOCOL: BoardProtocol<WinnsenFrame> = {
  scan: scanWinnsen,
  most: WINNSEN_MOST,
  gap: 6,
  speaker: (frame) => (frame.kind === 'request' ? 'host' : frame.station),
};

function board({ id, options: o }: MachineDevice<WinnsenOptions>): Board<WinnsenFrame> {
  return {
    device: id,
    address: o.address,
    hasSlot: (slot) => slot <= o.slots,
    setup: [],
    status: {
      bytes: pollRequest(o.address, o.slots),
      replyBytes: 7,
      within: 300,
      isProbe: true,
      answer: (frame) =>
        frame.kind === 'polled'
          ? { kind: 'reading', reading: { doors: frame.isOpen.slice(0, o.slots), presence: [] } }
          : undefined,
    },
    open: (slot) => ({
      bytes: openRequest(o.address, slot),
      replyBytes: 7,
      within: o.pulseMs + 500,
      isProbe: false,
      answer(frame) {
        if (frame.kind !== 'opened' || frame.lock !== slot) return undefined;
        // Without a checksum only the door itself is believed, above all when the board says no.
        return frame.result === 1 ? { kind: 'acknowledged' } : { kind: 'declined' };
      },
    }),
    hasContact: () => true,
    unasked: () => undefined,
    timing: {
      pollEvery: o.pollMs,
      retries: 2,
      debounce: o.debounce,
      confirmAfter: [300, 500, 800],
      pulse: () => o.pulseMs,
      slotRest: o.slotRestMs,
    },
  };
}
