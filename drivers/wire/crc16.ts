/** The two 16-bit cyclic redundancy checks on our wires. */

const MODBUS = reflectedTable(0xa001);
const OSDP = table(0x1021);

/** Modbus RTU: polynomial A001 (reflected), start FFFF. Sent low byte first. "123456789" gives 4B37. */
export function crc16Modbus(bytes: Uint8Array): number {
  let crc = 0xffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ (MODBUS[(crc ^ byte) & 0xff] ?? 0);
  return crc;
}

/** OSDP: polynomial 1021, start 1D0F, not reflected. Sent low byte first. "123456789" gives E5CC. */
export function crc16Osdp(bytes: Uint8Array): number {
  let crc = 0x1d0f;
  for (const byte of bytes) crc = ((crc << 8) & 0xffff) ^ (OSDP[(crc >>> 8) ^ byte] ?? 0);
  return crc;
}

function reflectedTable(polynomial: number): Uint16Array {
  return Uint16Array.from({ length: 256 }, (_, index) => {
    let value = index;
    for (let bit = 0; bit < 8; bit += 1) value = (value >>> 1) ^ (value & 1 ? polynomial : 0);
    return value;
  });
}

function table(polynomial: number): Uint16Array {
  return Uint16Array.from({ length: 256 }, (_, index) => {
    let value = index << 8;
    for (let bit = 0; bit < 8; bit += 1) {
      value = ((value << 1) ^ (value & 0x8000 ? polynomial : 0)) & 0xffff;
    }
    return value;
  });
}
