/** A Winnsen 16-way lock board with the box behind it: `90 LEN FN STATION … 03`, without any check. */
import type { Scanned } from '../../drivers/wire/receive-buffer.ts';
import type { DeviceSurroundings } from '../device.ts';
import { type LockBoard, SimulatedLockBoard } from './lock-board.ts';

/** As the driver `winnsen` parses them. */
export interface SimulatedWinnsenOptions {
  readonly address?: number;
  readonly slots?: number;
  readonly pulseMs?: number;
}

export function simulatedWinnsen(
  name: string,
  options: SimulatedWinnsenOptions,
  around: DeviceSurroundings,
): SimulatedLockBoard {
  const { address = 1, slots = 16, pulseMs = 500 } = options;
  return new SimulatedLockBoard(
    name,
    {
      kind: 'winnsen',
      address,
      slots,
      pulseMs,
      doorInverted: true,
      presenceInverted: false,
    },
    around,
    { scan: scanRequest, most: 7, serve },
  );
}

function scanRequest(bytes: Uint8Array): Scanned<Uint8Array> {
  const [head, length = 0] = bytes;
  if (head !== 0x90) return { kind: 'noise', length: 1 };
  if (bytes.length < 2) return { kind: 'need-more' };
  if (length !== 6 && length !== 7) return { kind: 'noise', length: 1 };
  if (bytes.length < length) return { kind: 'need-more' };
  if (bytes[length - 1] !== 0x03) return { kind: 'noise', length: 1 };
  return { kind: 'frame', length, frame: bytes.slice(0, length) };
}

function serve(request: Uint8Array, board: LockBoard): Uint8Array | undefined {
  const [, length, fn, station, lock = 0, high = 0] = request;
  if (station !== board.address) return undefined;
  if (fn === 0x05 && length === 6) {
    board.pulse(lock);
    const opens = lock >= 1 && lock <= board.slots;
    // It looks at the hook before it answers.
    board.answerAfter(60, () => {
      const isOpen = opens && !board.box.isLatched(lock);
      return Uint8Array.of(0x90, 7, 0x85, board.address, lock, isOpen ? 1 : 0, 0x03);
    });
    return undefined;
  }
  if (fn !== 0x02 || length !== 7) return undefined;
  let mask = 0;
  for (const [index, bit] of board.hookBits().entries()) if (bit) mask |= 1 << index;
  const asked = mask & (lock | (high << 8));
  return Uint8Array.of(0x90, 7, 0x82, board.address, asked & 0xff, asked >> 8, 0x03);
}
