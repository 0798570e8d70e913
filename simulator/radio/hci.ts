/** HCI as bytes: H4 packets, opcodes, events (Core 5.0, Vol 4 Part E). All fields little-endian. */
import { joinBytes } from '../../drivers/wire/hex.ts';

/** H4 packet types that this controller knows; SCO and ISO are not served. */
export const H4 = { command: 0x01, acl: 0x02, event: 0x04 } as const;

export const OPCODE = {
  disconnect: 0x0406,
  readRemoteVersion: 0x041d,
  setEventMask: 0x0c01,
  reset: 0x0c03,
  readLeHostSupport: 0x0c6c,
  writeLeHostSupport: 0x0c6d,
  readLocalVersion: 0x1001,
  readSupportedCommands: 0x1002,
  readLocalFeatures: 0x1003,
  readBufferSize: 0x1005,
  readAddress: 0x1009,
  readRssi: 0x1405,
  leSetEventMask: 0x2001,
  leReadBufferSize: 0x2002,
  leReadFeatures: 0x2003,
  leSetRandomAddress: 0x2005,
  leSetScanParameters: 0x200b,
  leSetScanEnable: 0x200c,
  leCreateConnection: 0x200d,
  leCancelConnection: 0x200e,
  leConnectionUpdate: 0x2013,
  leReadRemoteFeatures: 0x2016,
  leStartEncryption: 0x2019,
  leReadStates: 0x201c,
  leSetDataLength: 0x2022,
  leReadMaxDataLength: 0x202f,
  leSetExtendedScanParameters: 0x2041,
  leSetExtendedScanEnable: 0x2042,
  leExtendedCreateConnection: 0x2043,
} as const;

/** Status bytes (Vol 1 Part F). */
export const STATUS = {
  ok: 0x00,
  unknownCommand: 0x01,
  unknownConnection: 0x02,
  authenticationFailed: 0x05,
  timeout: 0x08,
  alreadyConnected: 0x0b,
  disallowed: 0x0c,
  peerClosed: 0x13,
  hostClosed: 0x16,
  failedToEstablish: 0x3e,
} as const;

export function u16(value: number): Uint8Array {
  return Uint8Array.of(value & 0xff, (value >>> 8) & 0xff);
}

export function readU16(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8);
}

export function eventPacket(code: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const body = joinBytes(...parts);
  return joinBytes(Uint8Array.of(H4.event, code, body.length), body);
}

/** `returned` begins with the status. Every event grants one more command, as noble's UART driver wants it. */
export function commandComplete(opcode: number, returned: Uint8Array): Uint8Array {
  return eventPacket(0x0e, Uint8Array.of(1), u16(opcode), returned);
}

export function commandStatus(opcode: number, status: number): Uint8Array {
  return eventPacket(0x0f, Uint8Array.of(status, 1), u16(opcode));
}

export function leEvent(subevent: number, ...parts: readonly Uint8Array[]): Uint8Array {
  return eventPacket(0x3e, Uint8Array.of(subevent), ...parts);
}

/** `aa:bb:cc:dd:ee:ff` as it stands in a packet: last byte first. */
export function addressBytes(address: string): Uint8Array {
  return Uint8Array.from(
    address
      .split(':')
      .reverse()
      .map((part) => Number.parseInt(part, 16)),
  );
}

export function addressText(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0'))
    .reverse()
    .join(':');
}

/** A UUID in hex without dashes, 4 or 32 digits, as it stands in a packet. */
export function uuidBytes(uuid: string): Uint8Array {
  return Uint8Array.from(uuid.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16)).reverse();
}

export function uuidText(bytes: Uint8Array): string {
  return Array.from(bytes.toReversed(), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** One field of advertising data: length, type, value. */
export function adField(type: number, value: Uint8Array): Uint8Array {
  return joinBytes(Uint8Array.of(value.length + 1, type), value);
}

/** Cuts a byte stream into whole H4 packets. An unknown type empties the buffer: there is no way to resynchronise. */
export class H4Stream {
  #held: Uint8Array = new Uint8Array(0);

  take(chunk: Uint8Array): Uint8Array[] {
    this.#held = joinBytes(this.#held, chunk);
    const packets: Uint8Array[] = [];
    for (;;) {
      const length = packetLength(this.#held);
      if (length === 'unknown') this.#held = new Uint8Array(0);
      if (length === 'unknown' || length === undefined || this.#held.length < length) break;
      packets.push(this.#held.slice(0, length));
      this.#held = this.#held.slice(length);
    }
    return packets;
  }
}

function packetLength(bytes: Uint8Array): number | 'unknown' | undefined {
  switch (bytes[0]) {
    case undefined:
      return undefined;
    case H4.command:
      return bytes.length < 4 ? undefined : 4 + (bytes[3] ?? 0);
    case H4.acl:
      return bytes.length < 5 ? undefined : 5 + readU16(bytes, 3);
    case H4.event:
      return bytes.length < 3 ? undefined : 3 + (bytes[2] ?? 0);
    default:
      return 'unknown';
  }
}
