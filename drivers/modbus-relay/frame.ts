/**
 * Modbus RTU as relay and input boards speak it (serial-hardware 4.4), bytes <-> fields, pure.
 *
 * ```text
 * 01/02  read coils, inputs      UNIT FN START16 COUNT16 CRC16      reply  UNIT FN BYTES bits… CRC16, lowest bit first
 * 03     read registers          the same                           reply  UNIT FN BYTES 16 bits each… CRC16
 * 05/06  write coil, register    UNIT FN ADDRESS16 VALUE16 CRC16    reply  the same bytes
 * 0F     write coils             UNIT 0F START16 COUNT16 BYTES bits… CRC16     reply UNIT 0F START16 COUNT16 CRC16
 *        exception               UNIT FN+80 CODE CRC16
 * ```
 * 16-bit values are big-endian, the CRC is sent low byte first. Frames have neither start nor end of their own.
 */
import { crc16Modbus } from '../wire/crc16.ts';
import type { Scanned } from '../wire/receive-buffer.ts';

export const READ_COILS = 0x01;
export const READ_INPUTS = 0x02;
export const READ_REGISTERS = 0x03;
export const WRITE_COIL = 0x05;
export const WRITE_REGISTER = 0x06;
export const WRITE_COILS = 0x0f;

const READS: readonly number[] = [READ_COILS, READ_INPUTS, READ_REGISTERS];
const WRITES: readonly number[] = [WRITE_COIL, WRITE_REGISTER, WRITE_COILS];
const EXCEPTION = 0x80;
/** 64 bits or 32 registers in one reply; more is not asked for. */
const DATA_MOST = 64;
export const MODBUS_MOST = DATA_MOST + 5;

export type ModbusFrame =
  | { readonly kind: 'data'; readonly unit: number; readonly fn: number; readonly data: Uint8Array }
  /** Reply to a write, and for 05 and 06 also the request itself: the bytes are the same. */
  | {
      readonly kind: 'written';
      readonly unit: number;
      readonly fn: number;
      readonly address: number;
      readonly value: number;
    }
  | {
      readonly kind: 'exception';
      readonly unit: number;
      readonly fn: number;
      readonly code: number;
    }
  | { readonly kind: 'request'; readonly unit: number };

export function readRequest(unit: number, fn: number, start: number, count: number): Uint8Array {
  return sealed(unit, fn, ...word(start), ...word(count));
}

/** Also with values that standard masters refuse: a flash-on takes its time as the value. */
export function writeRequest(unit: number, fn: number, address: number, value: number): Uint8Array {
  return sealed(unit, fn, ...word(address), ...word(value));
}

export function writeCoilsRequest(
  unit: number,
  start: number,
  coils: readonly boolean[],
): Uint8Array {
  const bytes = Array.from({ length: Math.ceil(coils.length / 8) }, () => 0);
  for (const [index, coil] of coils.entries()) {
    if (coil) bytes[index >> 3] = (bytes[index >> 3] ?? 0) | (1 << (index & 7));
  }
  return sealed(unit, WRITE_COILS, ...word(start), ...word(coils.length), bytes.length, ...bytes);
}

/** `units`: those on the bus; without a start byte they are what tells a frame's beginning from noise. */
export function scanModbus(bytes: Uint8Array, units: ReadonlySet<number>): Scanned<ModbusFrame> {
  const [unit = 0, fn, third = 0] = bytes;
  const noise = { kind: 'noise', length: 1 } as const;
  if (!units.has(unit)) return noise;
  if (fn === undefined) return { kind: 'need-more' };
  if (READS.includes(fn & ~EXCEPTION) || WRITES.includes(fn & ~EXCEPTION)) {
    const candidates = lengthsOf(fn, bytes.length > 2 ? third : undefined);
    for (const length of candidates) {
      if (bytes.length < length || crc16Modbus(bytes.subarray(0, length)) !== 0) continue;
      return { kind: 'frame', length, frame: read(bytes.subarray(0, length), fn) };
    }
    return bytes.length < Math.max(...candidates)
      ? { kind: 'need-more' }
      : { ...noise, checksum: true };
  }
  return noise;
}

/** Lengths that a frame with this function can have, the reply's first. */
function lengthsOf(fn: number, third: number | undefined): readonly number[] {
  if (fn >= EXCEPTION) return [5];
  if (!READS.includes(fn)) return [8];
  if (third === undefined || third === 0 || third > DATA_MOST) return [8];
  return [third + 5, 8];
}

function read(frame: Uint8Array, fn: number): ModbusFrame {
  const [unit = 0, , third = 0] = frame;
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  if (fn >= EXCEPTION) return { kind: 'exception', unit, fn: fn & ~EXCEPTION, code: third };
  if (!READS.includes(fn)) {
    return { kind: 'written', unit, fn, address: view.getUint16(2), value: view.getUint16(4) };
  }
  if (frame.length === third + 5) return { kind: 'data', unit, fn, data: frame.slice(3, -2) };
  return { kind: 'request', unit };
}

/** Bits of a reply to 01 or 02, lowest first. */
export function dataBits(data: Uint8Array, count: number): readonly boolean[] {
  return Array.from(
    { length: count },
    (_, bit) => (((data[bit >> 3] ?? 0) >> (bit & 7)) & 1) === 1,
  );
}

/** Values of a reply to 03. */
export function dataWords(data: Uint8Array): readonly number[] {
  return Array.from({ length: data.length >> 1 }, (_, index) => {
    return (data[2 * index] ?? 0) * 256 + (data[2 * index + 1] ?? 0);
  });
}

const EXCEPTIONS: Readonly<Record<number, string>> = {
  1: 'it does not know this function',
  2: 'it has no such address',
  3: 'it does not take this value',
  4: 'it failed',
  6: 'it is busy',
};

export function exceptionText(code: number): string {
  return EXCEPTIONS[code] ?? `exception ${code}`;
}

function word(value: number): readonly [number, number] {
  if (!Number.isInteger(value) || value < 0 || value > 0xffff) {
    throw new RangeError(`not a 16-bit value: ${value}`);
  }
  return [value >> 8, value & 0xff];
}

function sealed(...bytes: readonly number[]): Uint8Array {
  const crc = crc16Modbus(Uint8Array.from(bytes));
  return Uint8Array.from([...bytes, crc & 0xff, crc >> 8]);
}
