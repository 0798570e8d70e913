/** What the controller says that it serves. */

/** Octets of `Read Supported Commands` with the bits of what is served (Vol 4 Part E 6.27), as [octet, bits]. */
const SUPPORTED: readonly (readonly [number, number])[] = [
  [0, 0x20], // Disconnect
  [2, 0x80], // Read Remote Version Information
  [5, 0xc0], // Set Event Mask, Reset
  [14, 0xa8], // Read Local Version, Features, Buffer Size
  [15, 0x22], // Read BD_ADDR, Read RSSI
  [24, 0x60], // Write and read LE Host Support
  [25, 0x17], // LE masks, buffers, features, random address
  [26, 0x3c], // LE scan, create and cancel connection
  [27, 0x24], // LE connection update, remote features
  [28, 0x09], // LE start encryption, supported states
];

/** Return parameter of Read Supported Commands: 64 octets. */
export function supportedCommands(): Uint8Array {
  const map = new Uint8Array(64);
  for (const [octet, bits] of SUPPORTED) map[octet] = bits;
  return map;
}
