/**
 * Kerong CU16 and CU12 lock boards with the box behind them. Requests `02 ADDR CMD 03 SUM`: 30 status, 31 unlock, 32
 * status of every board, 33 unlock all. Unlocking has no reply; a wrong sum is not answered at all.
 */
import type { Scanned } from '../../drivers/wire/receive-buffer.ts';
import type { DeviceSurroundings } from '../device.ts';
import { type LockBoard, type SimulatedLockBoard, simulatedLockBoard } from './lock-board.ts';

/** As the drivers `kerong-cu16` and `kerong-cu12` parse them. */
export interface SimulatedKerongOptions {
  readonly address: number;
  readonly slots?: number;
  readonly pulseMs?: number;
  readonly polarity?: { readonly door: Polarity; readonly presence: Polarity };
}

type Polarity = 'normal' | 'inverted';

export function simulatedKerongCu16(
  name: string,
  options: SimulatedKerongOptions,
  around: DeviceSurroundings,
): SimulatedLockBoard {
  return simulated('kerong-cu16', 16, name, options, around);
}

export function simulatedKerongCu12(
  name: string,
  options: SimulatedKerongOptions,
  around: DeviceSurroundings,
): SimulatedLockBoard {
  return simulated('kerong-cu12', 12, name, options, around);
}

function simulated(
  kind: string,
  locks: number,
  name: string,
  { address, slots = locks, pulseMs = 500, polarity }: SimulatedKerongOptions,
  around: DeviceSurroundings,
): SimulatedLockBoard {
  return simulatedLockBoard(
    name,
    {
      kind,
      address,
      slots,
      pulseMs,
      doorInverted: polarity?.door === 'inverted',
      presenceInverted: polarity?.presence === 'inverted',
    },
    { scan: scanRequest, most: 5, serve },
    around,
  );
}

interface Request {
  readonly board: number;
  readonly low: number;
  readonly command: number;
}

function scanRequest(bytes: Uint8Array): Scanned<Request> {
  const [start, address = 0, command = 0, end, sum] = bytes;
  if (start !== 0x02) return { kind: 'noise', length: 1 };
  if (bytes.length < 5) return { kind: 'need-more' };
  const isWhole = end === 0x03 && sum === (0x02 + address + command + 0x03) % 256;
  if (!isWhole) return { kind: 'noise', length: 1 };
  return {
    kind: 'frame',
    length: 5,
    frame: { board: address >> 4, low: address & 0x0f, command },
  };
}

function serve({ board, low, command }: Request, lockBoard: LockBoard): Uint8Array | undefined {
  const isMine = board === lockBoard.address;
  switch (command) {
    case 0x30:
      return isMine && low === 0 ? status(lockBoard, 0x35) : undefined;
    case 0x31:
      if (isMine) lockBoard.pulse(low + 1);
      return undefined;
    case 0x32: {
      if (board !== 0x0f || low !== 0) return undefined;
      // Boards answer one after the other, each in its own time.
      lockBoard.say(status(lockBoard, 0x36), 5 + 15 * lockBoard.address);
      return undefined;
    }
    case 0x33:
      if (isMine) for (let slot = 1; slot <= lockBoard.slots; slot += 1) lockBoard.pulse(slot);
      return undefined;
    default:
      return undefined;
  }
}

function status(board: LockBoard, command: number): Uint8Array {
  const bytes = [0x02, board.address * 16, command, 0, 0, 0, 0, 0x03];
  for (const [index, bit] of board.hookBits().entries()) {
    if (bit) bytes[3 + (index >> 3)] = (bytes[3 + (index >> 3)] ?? 0) + 2 ** (index % 8);
  }
  for (const [index, bit] of board.presenceBits().entries()) {
    if (bit) bytes[5 + (index >> 3)] = (bytes[5 + (index >> 3)] ?? 0) + 2 ** (index % 8);
  }
  const sum = bytes.reduce((total, byte) => total + byte, 0) % 256;
  return Uint8Array.from([...bytes, sum]);
}
