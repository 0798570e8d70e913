/** The generic "485 lock control board" in the catalogue. */
import type { Driver, MachineDevice } from '../contract/machine.ts';
import type { Millis } from '../contract/time.ts';
import type { Bit, Board, BoardProtocol } from '../wire/board.ts';
import { boardBusMachine } from '../wire/board-bus.ts';
import { addressTwice, LOCK_BOARD, slotsFromOne } from '../wire/lock-board-entry.ts';
import { allRequest, channelBits, type Frame8a, openRequest, scan8a } from './frame.ts';
import type { LockBoard8aOptions } from './options.ts';

export const lockBoard8a: Driver<LockBoard8aOptions> = {
  name: 'lock-board-8a',
  title: 'Generic RS-485 lock control board (8A/80), 2 to 50 locks',
  link: 'bytes',
  defaultBaudRate: 9600,
  abilities: () => LOCK_BOARD,
  slots: slotsFromOne,
  clashes: addressTwice,
  machine: (devices, bus) => boardBusMachine(protocol(devices), devices.map(board), bus),
};

/** A status with fewer bytes than the channels of the smallest board need is the beginning of a longer one. */
function protocol(devices: readonly MachineDevice<LockBoard8aOptions>[]): BoardProtocol<Frame8a> {
  const least = devices.map(
    ({ options: { statusBytes, slots } }) => statusBytes ?? Math.max(2, Math.ceil(slots / 8)),
  );
  const most = devices.map(({ options: { statusBytes } }) => statusBytes ?? 7);
  const scanning = { statusBytesLeast: Math.min(...least), statusBytesMost: Math.max(...most) };
  return {
    scan: (bytes, isOver) => scan8a(bytes, scanning, isOver),
    most: scanning.statusBytesMost + 4,
    // Five milliseconds of silence end a frame at 9600.
    gap: 6,
    speaker: (frame) => (frame.kind === 'request' ? 'host' : frame.board),
  };
}

function board({ id, options: o }: MachineDevice<LockBoard8aOptions>): Board<Frame8a> {
  const isOpen = (isOn: Bit): Bit =>
    isOn === undefined ? undefined : isOn === (o.polarity.door === 'inverted');
  /** Whole seconds where the request says how long. */
  const pulse = (hold: Millis) =>
    o.timedOpen ? Math.min(9, Math.max(1, Math.ceil(hold / 1000))) * 1000 : o.pulseMs;
  return {
    device: id,
    address: o.address,
    hasSlot: (slot) => slot <= o.slots,
    setup: [],
    status: {
      bytes: allRequest(o.address),
      replyBytes: 11,
      within: 300,
      isProbe: true,
      answer(frame) {
        if (frame.kind !== 'all') return undefined;
        const bits = channelBits(frame.status, o.statusOrder, o.slots);
        return { kind: 'reading', reading: { doors: bits.map(isOpen), presence: [] } };
      },
    },
    open(slot, hold) {
      return {
        bytes: openRequest(o.address, slot, o.timedOpen ? pulse(hold) / 1000 : undefined),
        replyBytes: 5,
        // Some boards answer only once the pulse is over.
        within: pulse(hold) + 500,
        isProbe: false,
        answer: (frame) =>
          frame.kind === 'opened' && frame.channel === slot ? { kind: 'acknowledged' } : undefined,
      };
    },
    hasContact: () => true,
    unasked(frame) {
      if (frame.kind !== 'changed' || frame.channel < 1 || frame.channel > o.slots)
        return undefined;
      const doors = Array.from(
        { length: o.slots },
        (_, index): Bit => (index + 1 === frame.channel ? isOpen(frame.isOn) : undefined),
      );
      return { doors, presence: [] };
    },
    timing: {
      pollEvery: o.pollMs,
      retries: 2,
      debounce: o.debounce,
      confirmAfter: [300, 500, 800],
      pulse,
      slotRest: o.slotRestMs,
    },
  };
}
