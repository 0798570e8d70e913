/**
 * Kerong CU48 and CU48B lock boards with the box behind them. Requests `02 ADDR LOCK CMD 03 SUM`; address 0A is every
 * board, lock 30 (hex) is every lock. CU48 knows 50 (status) and 51 (unlock), CU48B 60 and 61.
 */
import type { Scanned } from '../../drivers/wire/receive-buffer.ts';
import type { DeviceSurroundings } from '../device.ts';
import type { SimulatedKerongOptions } from './kerong-cu16.ts';
import { type LockBoard, type SimulatedLockBoard, simulatedLockBoard } from './lock-board.ts';

const EVERY_BOARD = 0x0a;
const EVERY_LOCK = 0x30;

interface Dialect {
  readonly kind: 'kerong-cu48' | 'kerong-cu48b';
  readonly status: number;
  readonly unlock: number;
  readonly reply: number;
  readonly hasSensors: boolean;
}

const CU48: Dialect = {
  kind: 'kerong-cu48',
  status: 0x50,
  unlock: 0x51,
  reply: 0x65,
  hasSensors: false,
};
const CU48B: Dialect = {
  kind: 'kerong-cu48b',
  status: 0x60,
  unlock: 0x61,
  reply: 0x75,
  hasSensors: true,
};

export function simulatedKerongCu48(
  name: string,
  options: SimulatedKerongOptions,
  around: DeviceSurroundings,
): SimulatedLockBoard {
  return simulated(CU48, name, options, around);
}

export function simulatedKerongCu48b(
  name: string,
  options: SimulatedKerongOptions,
  around: DeviceSurroundings,
): SimulatedLockBoard {
  return simulated(CU48B, name, options, around);
}

function simulated(
  dialect: Dialect,
  name: string,
  { address, slots = 48, pulseMs = 500, polarity }: SimulatedKerongOptions,
  around: DeviceSurroundings,
): SimulatedLockBoard {
  return simulatedLockBoard(
    name,
    {
      kind: dialect.kind,
      address,
      slots,
      pulseMs,
      doorInverted: polarity?.door === 'inverted',
      presenceInverted: polarity?.presence === 'inverted',
    },
    {
      scan: scanRequest,
      most: 6,
      serve: (request, board) => serve(dialect, request, board),
    },
    around,
  );
}

interface Request {
  readonly address: number;
  readonly lock: number;
  readonly command: number;
}

function scanRequest(bytes: Uint8Array): Scanned<Request> {
  const [start, address = 0, lock = 0, command = 0, end, sum] = bytes;
  if (start !== 0x02) return { kind: 'noise', length: 1 };
  if (bytes.length < 6) return { kind: 'need-more' };
  if (end !== 0x03 || sum !== (0x02 + address + lock + command + 0x03) % 256) {
    return { kind: 'noise', length: 1 };
  }
  return { kind: 'frame', length: 6, frame: { address, lock, command } };
}

function serve(
  dialect: Dialect,
  { address, lock, command }: Request,
  board: LockBoard,
): Uint8Array | undefined {
  if (address !== board.address && address !== EVERY_BOARD) return undefined;
  if (command === dialect.unlock) {
    const first = lock === EVERY_LOCK ? 1 : lock + 1;
    const last = lock === EVERY_LOCK ? board.slots : lock + 1;
    for (let slot = first; slot <= last; slot += 1) board.pulse(slot);
    return undefined;
  }
  if (command !== dialect.status) return undefined;
  const reply = status(dialect, board);
  if (address !== EVERY_BOARD) return reply;
  // Boards answer one after the other, each in its own time.
  board.say(reply, 5 + 20 * board.address);
  return undefined;
}

function status({ reply, hasSensors }: Dialect, board: LockBoard): Uint8Array {
  const hooks = bytesOf(board.hookBits());
  const sensors = hasSensors ? bytesOf(board.presenceBits()) : [];
  const bytes = [0x02, board.address, 0x00, reply, ...hooks, ...sensors, 0x03];
  return Uint8Array.from([...bytes, bytes.reduce((sum, byte) => sum + byte, 0) % 256]);
}

function bytesOf(bits: readonly boolean[]): readonly number[] {
  const bytes = [0, 0, 0, 0, 0, 0];
  for (const [index, bit] of bits.entries()) {
    if (bit) bytes[index >> 3] = (bytes[index >> 3] ?? 0) + 2 ** (index % 8);
  }
  return bytes;
}
