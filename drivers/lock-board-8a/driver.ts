/** The generic "485 lock control board" in the catalogue. */
import { z } from 'zod';
import type { DriverEntry, MachineDevice } from '../contract/machine.ts';
import type { Bit, Board, BoardProtocol } from '../wire/board.ts';
import { boardBusMachine } from '../wire/board-bus.ts';
import { addressTwice, LOCK_BOARD, slotsFromOne } from '../wire/lock-board-entry.ts';
import {
  allRequest,
  CHANNELS_MOST,
  channelBits,
  type Frame8a,
  openRequest,
  scan8a,
} from './frame.ts';

const options = z.strictObject({
  address: z.int().min(1).max(31).describe('board address as set by its switches, 1 to 31'),
  slots: z
    .int()
    .min(1)
    .max(CHANNELS_MOST)
    .default(24)
    .describe('channels that are wired, from 1 up'),
  statusBytes: z
    .int()
    .min(2)
    .max(7)
    .optional()
    .describe(
      'length of its status; found out where left out, boards of 8 and of 24 channels send 3',
    ),
  statusOrder: z
    .enum(['last-first', 'first-first'])
    .default('last-first')
    .describe('last-first: channels 1 to 8 stand in the last status byte, as on most boards'),
  polarity: z
    .strictObject({
      door: z
        .enum(['normal', 'inverted'])
        .default('normal')
        .describe('normal: feedback 11 is shut ("closing feedback"); inverted: 11 is open'),
    })
    .prefault({}),
  timedOpen: z
    .boolean()
    .default(false)
    .describe('the firmware takes an opening time of 1 to 9 s with the request'),
  pollMs: z.int().min(100).max(5000).default(400).describe('time between two readings'),
  debounce: z
    .int()
    .min(2)
    .max(5)
    .default(2)
    .describe('equal readings that make a change; its check is too weak to believe one'),
  pulseMs: z.int().min(100).max(9000).default(300).describe('how long the board pulses a lock'),
  slotRestMs: z.int().min(0).max(60_000).default(1500).describe('rest of one solenoid'),
});

export type LockBoard8aOptions = z.infer<typeof options>;

export const lockBoard8a: DriverEntry<LockBoard8aOptions> = {
  name: 'lock-board-8a',
  title: 'Generic RS-485 lock control board (8A/80), 2 to 50 locks',
  link: 'bytes',
  defaultBaudRate: 9600,
  options,
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
      const seconds = o.timedOpen ? Math.min(9, Math.max(1, Math.ceil(hold / 1000))) : undefined;
      const pulse = seconds === undefined ? o.pulseMs : seconds * 1000;
      return {
        bytes: openRequest(o.address, slot, seconds),
        replyBytes: 5,
        // Some boards answer only once the pulse is over.
        within: pulse + 500,
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
      spacing: o.pulseMs + 100,
      slotRest: o.slotRestMs,
    },
  };
}
