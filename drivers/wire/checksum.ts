/** One-byte checks. Each is weak: they find one flipped bit, not every pair. */

/** Low byte of the sum of all bytes (Kerong boards). */
export function sum8(bytes: Uint8Array): number {
  let sum = 0;
  for (const byte of bytes) sum = (sum + byte) & 0xff;
  return sum;
}

/** Two's complement of the sum, so that the sum over bytes and check is zero (OSDP, PN532). */
export function negatedSum8(bytes: Uint8Array): number {
  return -sum8(bytes) & 0xff;
}

/** Exclusive or of all bytes ("BCC", "LRC"). */
export function xor8(bytes: Uint8Array): number {
  let value = 0;
  for (const byte of bytes) value ^= byte;
  return value;
}
