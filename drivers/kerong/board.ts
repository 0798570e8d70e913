/** One Kerong board for the bus: read by its status, opened by a request that it never answers. */
import type { MachineDevice } from '../contract/machine.ts';
import type { Board, BoardProtocol } from '../wire/board.ts';
import {
  type Dialect,
  KERONG_MOST,
  type KerongFrame,
  scanKerong,
  statusRequest,
  unlockRequest,
} from './frame.ts';
import type { KerongOptions } from './options.ts';

/** Reply to a status request, counted from the end of the request (serial-hardware 2.6). */
const REPLY_WITHIN_MS = 200;
const REPLY_BYTES: Readonly<Record<Dialect, number>> = { cu16: 9, cu48: 12, cu48b: 18 };

export function kerongProtocol(dialect: Dialect): BoardProtocol<KerongFrame> {
  return {
    scan: (bytes) => scanKerong(dialect, bytes),
    most: KERONG_MOST,
    gap: 5,
    speaker: (frame) => (frame.kind === 'request' ? 'host' : frame.board),
  };
}

export function kerongBoard(
  dialect: Dialect,
  { id, options }: MachineDevice<KerongOptions>,
): Board<KerongFrame> {
  const { address, slots, presence, polarity } = options;
  return {
    device: id,
    address,
    hasSlot: (slot) => slot <= slots,
    setup: [],
    status: {
      bytes: statusRequest(dialect, address),
      replyBytes: REPLY_BYTES[dialect],
      within: REPLY_WITHIN_MS,
      isProbe: true,
      answer(frame) {
        if (frame.kind !== 'status') return undefined;
        const hooks = frame.hooks.slice(0, slots);
        const sensors = presence ? frame.sensors.slice(0, slots) : [];
        return {
          kind: 'reading',
          reading: {
            doors: hooks.map((bit) => (polarity.door === 'normal' ? !bit : bit)),
            presence: sensors.map((bit) => (polarity.presence === 'normal' ? bit : !bit)),
          },
        };
      },
    },
    open: (slot) => ({
      bytes: unlockRequest(dialect, address, slot),
      replyBytes: 0,
      within: 0,
      isProbe: false,
      answer: () => undefined,
    }),
    hasContact: () => true,
    unasked: () => undefined,
    timing: {
      pollEvery: options.pollMs,
      retries: 2,
      debounce: options.debounce,
      confirmAfter: [300, 500, 800],
      pulse: () => options.pulseMs,
      slotRest: options.slotRestMs,
    },
  };
}
