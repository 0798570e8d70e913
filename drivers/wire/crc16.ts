/** The two CRC-16 of the buses we speak, byte by byte over a table made once. */

/** OSDP: polynomial 1021, begins with 1D0F, not reflected, no final XOR. "123456789" gives E5CC. */
export function crc16Osdp(bytes: Uint8Array): number {
  let crc = 0x1d0f;
  for (const byte of bytes) crc = ((crc << 8) & 0xffff) ^ (FORWARD[(crc >> 8) ^ byte] ?? 0);
  return crc;
}

/** Modbus RTU: polynomial 8005 reflected (A001), begins with FFFF. "123456789" gives 4B37. */
export function crc16Modbus(bytes: Uint8Array): number {
  let crc = 0xffff;
  for (const byte of bytes) crc = (crc >> 8) ^ (REFLECTED[(crc ^ byte) & 0xff] ?? 0);
  return crc;
}

const FORWARD = table((entry) => {
  let crc = entry << 8;
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
  return crc & 0xffff;
});

const REFLECTED = table((entry) => {
  let crc = entry;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >> 1) ^ 0xa001 : crc >> 1;
  return crc;
});

function table(entryOf: (index: number) => number): Uint16Array {
  return Uint16Array.from({ length: 256 }, (_, index) => entryOf(index));
}
