/**
 * Nuki frames (Smart Lock API V2.1, "Command structure"), all fields little-endian.
 *
 *     plain, on GDIO:      command(2) payload(n) crc(2)
 *     encrypted, on USDIO: nonce(24) authorization(4) length(2) box(length)
 *     in the box:          authorization(4) command(2) payload(n) crc(2)
 */
import { joinBytes } from '../wire/hex.ts';
import { BOX_NONCE_BYTES, BOX_TAG_BYTES, seal, unseal } from './crypto.ts';

export const COMMAND = {
  requestData: 0x0001,
  publicKey: 0x0003,
  challenge: 0x0004,
  authorizationAuthenticator: 0x0005,
  authorizationData: 0x0006,
  authorizationId: 0x0007,
  removeAuthorization: 0x0008,
  requestAuthorizations: 0x0009,
  states: 0x000c,
  lockAction: 0x000d,
  status: 0x000e,
  batteryReport: 0x0011,
  errorReport: 0x0012,
  requestConfig: 0x0014,
  config: 0x0015,
  authorizationIdConfirmation: 0x001e,
  verifyPin: 0x0020,
  updateTime: 0x0021,
  requestLog: 0x0031,
  logEntry: 0x0032,
  logCount: 0x0033,
  addCode: 0x0041,
  codeId: 0x0042,
  requestCodes: 0x0043,
  codeCount: 0x0044,
  code: 0x0045,
  updateCode: 0x0046,
  removeCode: 0x0047,
} as const;

export interface Message {
  readonly command: number;
  readonly payload: Uint8Array;
}

/** Bytes before the box. */
const HEADER_BYTES = BOX_NONCE_BYTES + 4 + 2;
/** No frame is longer: the largest known has 132 bytes; log entries and codes stay below 200. */
export const FRAME_MAX = 512;

/** CRC-16 "CCITT-FALSE": polynomial 1021, start ffff, not reflected. "123456789" gives 29b1. */
export function crc16(bytes: Uint8Array): number {
  let crc = 0xffff;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit += 1)
      crc = (crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1) & 0xffff;
  }
  return crc;
}

export function u16(value: number): Uint8Array {
  return Uint8Array.of(value & 0xff, (value >>> 8) & 0xff);
}

export function u32(value: number): Uint8Array {
  return joinBytes(u16(value), u16(value >>> 16));
}

export function readU16(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8);
}

export function readU32(bytes: Uint8Array, at: number): number {
  return (readU16(bytes, at) | (readU16(bytes, at + 2) << 16)) >>> 0;
}

function withCrc(body: Uint8Array): Uint8Array {
  return joinBytes(body, u16(crc16(body)));
}

/** The bytes before a right check, or `undefined`. */
function withoutCrc(bytes: Uint8Array): Uint8Array | undefined {
  if (bytes.length < 4) return undefined;
  const body = bytes.subarray(0, -2);
  return crc16(body) === readU16(bytes, bytes.length - 2) ? body : undefined;
}

export function encodePlain({ command, payload }: Message): Uint8Array {
  return withCrc(joinBytes(u16(command), payload));
}

export function decodePlain(frame: Uint8Array): Message | undefined {
  const body = withoutCrc(frame);
  if (body === undefined) return undefined;
  return { command: readU16(body, 0), payload: body.slice(2) };
}

/** What is sealed: with its authorization and check. */
export function boxContent(authorization: number, message: Message): Uint8Array {
  return withCrc(joinBytes(u32(authorization), u16(message.command), message.payload));
}

/** `nonce`: 24 bytes, new for every frame. */
export function encodeSealed(
  key: Uint8Array,
  authorization: number,
  nonce: Uint8Array,
  message: Message,
): Uint8Array {
  const box = seal(key, nonce, boxContent(authorization, message));
  return joinBytes(nonce, u32(authorization), u16(box.length), box);
}

/** Whose frame it says it is; the box alone proves it. */
export function sealedAuthorization(frame: Uint8Array): number {
  return readU32(frame, BOX_NONCE_BYTES);
}

/** `undefined` where the box does not open, names another authorization, or its check is wrong. */
export function decodeSealed(
  key: Uint8Array,
  authorization: number,
  frame: Uint8Array,
): Message | undefined {
  if (sealedLength(frame) !== frame.length) return undefined;
  const plain = unseal(key, frame.subarray(0, BOX_NONCE_BYTES), frame.subarray(HEADER_BYTES));
  const body = plain && withoutCrc(plain);
  if (body === undefined || body.length < 6 || readU32(body, 0) !== authorization) return undefined;
  return { command: readU16(body, 4), payload: body.slice(6) };
}

/** Length of the encrypted frame that begins here; `undefined` while its header is not whole. */
function sealedLength(bytes: Uint8Array): number | undefined {
  return bytes.length < HEADER_BYTES ? undefined : HEADER_BYTES + readU16(bytes, HEADER_BYTES - 2);
}

/** Payload lengths of what a lock says on GDIO; it comes in pieces, and the pieces carry no length. */
const PLAIN_PAYLOAD: Readonly<Record<number, number>> = {
  [COMMAND.requestData]: 2,
  [COMMAND.publicKey]: 32,
  [COMMAND.challenge]: 32,
  [COMMAND.authorizationAuthenticator]: 32,
  [COMMAND.authorizationData]: 101,
  [COMMAND.authorizationId]: 84,
  [COMMAND.authorizationIdConfirmation]: 36,
  [COMMAND.status]: 1,
  [COMMAND.errorReport]: 3,
};

/** What the pieces so far amount to. `invalid`: drop them. */
export type Assembled =
  | { readonly kind: 'need-more' }
  | { readonly kind: 'invalid' }
  | { readonly kind: 'whole'; readonly length: number };

/** A plain frame of known length; of an unknown command, as soon as its check fits. */
export function assemblePlain(bytes: Uint8Array): Assembled {
  if (bytes.length < 2) return { kind: 'need-more' };
  const payload = PLAIN_PAYLOAD[readU16(bytes, 0)];
  if (payload === undefined) {
    if (withoutCrc(bytes) !== undefined) return { kind: 'whole', length: bytes.length };
    return { kind: bytes.length > FRAME_MAX ? 'invalid' : 'need-more' };
  }
  const length = payload + 4;
  return bytes.length < length ? { kind: 'need-more' } : { kind: 'whole', length };
}

/** An encrypted frame; or the plain error report that a lock sends where it cannot find our key. */
export function assembleSealed(bytes: Uint8Array): Assembled {
  const report = bytes.subarray(0, 7);
  if (bytes.length >= 7 && readU16(report, 0) === COMMAND.errorReport && withoutCrc(report)) {
    return { kind: 'whole', length: 7 };
  }
  const length = sealedLength(bytes);
  if (length === undefined) return { kind: 'need-more' };
  if (length > FRAME_MAX || length < HEADER_BYTES + BOX_TAG_BYTES) return { kind: 'invalid' };
  return bytes.length < length ? { kind: 'need-more' } : { kind: 'whole', length };
}
