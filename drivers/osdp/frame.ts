/**
 * OSDP v2.2 frames (SIA; IEC 60839-11-5), bytes <-> fields, pure.
 *
 * ```text
 * [FF…] 53 ADDR LEN_L LEN_H CTRL [SCB] CODE DATA… [MAC×4] (CRC_L CRC_H | CKSUM)
 * ```
 * ADDR bit 7 is set in replies. LEN counts from 53 through the trailer. CTRL: bits 0–1 sequence, 04 = CRC-16
 * (else one checksum byte), 08 = a security block stands before CODE: its own length, type, data. Mark bytes
 * FF before 53 are in neither LEN, CRC nor MAC; they are neither required nor sent.
 */
import { crc16Osdp } from '../wire/crc16.ts';

const SOM = 0x53;
/** The configuration address: every reader listens to it and answers as FF. */
export const BROADCAST = 0x7f;
/** No frame is longer; a length above it is noise. */
export const FRAME_MAX = 1440;

const WITH_CRC = 0x04;
const WITH_SECURITY = 0x08;
const MARK = 0xff;
const HEADER = 5;
const MAC_LENGTH = 4;

/** Security block types: who says it, and what it covers. */
export const SECURITY = {
  challenge: 0x11,
  clientCryptogram: 0x12,
  serverCryptogram: 0x13,
  initialMac: 0x14,
  commandMac: 0x15,
  replyMac: 0x16,
  commandSealed: 0x17,
  replySealed: 0x18,
} as const;

export type Check = 'crc' | 'checksum';

export interface SecurityBlock {
  readonly type: number;
  readonly data: Uint8Array;
}

export interface Frame {
  /** 0 to 7E, or 7F to all. */
  readonly address: number;
  /** CP is the control panel (us), PD the reader. */
  readonly from: 'cp' | 'pd';
  /** 0 to 3. */
  readonly sequence: number;
  readonly check: Check;
  readonly security: SecurityBlock | undefined;
  readonly code: number;
  /** As on the wire: ciphertext where the security block says so. */
  readonly data: Uint8Array;
  /** The four bytes sent of it; only with security types 15 to 18. */
  readonly mac: Uint8Array | undefined;
}

/** What stands at the beginning of received bytes. `length` bytes are to be taken off. */
export type Scan =
  | { readonly kind: 'need-more' }
  /** `mark`: FF, allowed anywhere; `stray`: no beginning; `length` and `check`: looked like a frame, is none. */
  | {
      readonly kind: 'noise';
      readonly length: number;
      readonly fault: 'mark' | 'stray' | 'length' | 'check';
    }
  | { readonly kind: 'frame'; readonly length: number; readonly frame: Frame };

/**
 * Reads one frame off the beginning. After a wrong length or trailer only one byte is given up, because the true
 * 53 may already be among the bytes held. A frame cut short stays `need-more`; the caller knows the time and
 * gives up its first byte when nothing follows.
 */
export function scan(bytes: Uint8Array): Scan {
  const first = bytes[0];
  if (first === undefined) return { kind: 'need-more' };
  if (first !== SOM) return straying(bytes, first === MARK);
  if (bytes.length < HEADER) return { kind: 'need-more' };
  const [, address = 0, low = 0, high = 0, control = 0] = bytes;
  const length = low | (high << 8);
  const trailer = control & WITH_CRC ? 2 : 1;
  if (length < HEADER + 1 + trailer || length > FRAME_MAX) return unusable('length');
  if (bytes.length < length) return { kind: 'need-more' };
  const body = bytes.subarray(0, length - trailer);
  if (!isIntact(body, bytes.subarray(length - trailer, length))) return unusable('check');

  let at = HEADER;
  let security: SecurityBlock | undefined;
  if (control & WITH_SECURITY) {
    const size = bytes[at] ?? 0;
    if (size < 2 || at + size >= body.length) return unusable('length');
    security = { type: bytes[at + 1] ?? 0, data: bytes.slice(at + 2, at + size) };
    at += size;
  }
  const macAt = body.length - (hasMac(security) ? MAC_LENGTH : 0);
  if (at >= macAt) return unusable('length');
  const frame: Frame = {
    address: address & 0x7f,
    from: address & 0x80 ? 'pd' : 'cp',
    sequence: control & 3,
    check: trailer === 2 ? 'crc' : 'checksum',
    security,
    code: bytes[at] ?? 0,
    data: bytes.slice(at + 1, macAt),
    mac: macAt < body.length ? bytes.slice(macAt, body.length) : undefined,
  };
  return { kind: 'frame', length, frame };
}

/** The frame as sent, without a mark byte. */
export function encode(frame: Frame): Uint8Array {
  const covered = beforeMac(frame);
  const body = concatenate(covered, frame.mac ?? new Uint8Array());
  return concatenate(body, trailerOf(body, frame.check));
}

/** What a MAC covers: 53 through the last data byte, with LEN already that of the whole frame. */
export function beforeMac(frame: Frame): Uint8Array {
  const { security, data } = frame;
  const block = security ? [2 + security.data.length, security.type, ...security.data] : [];
  const covered = HEADER + block.length + 1 + data.length;
  const length = covered + (hasMac(security) ? MAC_LENGTH : 0) + (frame.check === 'crc' ? 2 : 1);
  if (length > FRAME_MAX) throw new RangeError(`an OSDP frame of ${length} bytes is too long`);
  const control =
    frame.sequence | (frame.check === 'crc' ? WITH_CRC : 0) | (security ? WITH_SECURITY : 0);
  const address = frame.address | (frame.from === 'pd' ? 0x80 : 0);
  return Uint8Array.of(
    SOM,
    address,
    length & 0xff,
    length >> 8,
    control,
    ...block,
    frame.code,
    ...data,
  );
}

export function hasMac(security: SecurityBlock | undefined): boolean {
  return (
    security !== undefined &&
    security.type >= SECURITY.commandMac &&
    security.type <= SECURITY.replySealed
  );
}

function straying(bytes: Uint8Array, marks: boolean): Scan {
  let length = 1;
  while (length < bytes.length && bytes[length] !== SOM && (bytes[length] === MARK) === marks) {
    length++;
  }
  return { kind: 'noise', length, fault: marks ? 'mark' : 'stray' };
}

function unusable(fault: 'length' | 'check'): Scan {
  return { kind: 'noise', length: 1, fault };
}

function isIntact(body: Uint8Array, trailer: Uint8Array): boolean {
  const expected = trailerOf(body, trailer.length === 2 ? 'crc' : 'checksum');
  return expected.every((byte, index) => byte === trailer[index]);
}

function trailerOf(body: Uint8Array, check: Check): Uint8Array {
  if (check === 'crc') {
    const crc = crc16Osdp(body);
    return Uint8Array.of(crc & 0xff, crc >> 8);
  }
  let sum = 0;
  for (const byte of body) sum += byte;
  return Uint8Array.of(-sum & 0xff);
}

function concatenate(first: Uint8Array, second: Uint8Array): Uint8Array {
  const whole = new Uint8Array(first.length + second.length);
  whole.set(first);
  whole.set(second, first.length);
  return whole;
}
