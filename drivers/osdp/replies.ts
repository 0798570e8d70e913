/** OSDP replies, reader to control panel (SIA OSDP 2.2 clause 7): payloads <-> fields. Little-endian throughout. */
import type { Body } from './commands.ts';

/** The code byte of each reply. */
export const REPLY = {
  ack: 0x40,
  nak: 0x41,
  id: 0x45,
  capabilities: 0x46,
  'local-status': 0x48,
  'input-status': 0x49,
  'output-status': 0x4a,
  'reader-status': 0x4b,
  raw: 0x50,
  formatted: 0x51,
  keypad: 0x53,
  com: 0x54,
  'client-cryptogram': 0x76,
  'initial-mac': 0x78,
  busy: 0x79,
  manufacturer: 0x90,
} as const;

/** Why a reader refuses. */
export const NAK = {
  check: 1,
  length: 2,
  'unknown-command': 3,
  sequence: 4,
  'secure-channel-failed': 5,
  'secure-channel-required': 6,
  record: 9,
} as const;

/** Functions a reader advertises in its PDCAP. */
export const CAPABILITY = {
  contacts: 0x01,
  outputs: 0x02,
  led: 0x04,
  audible: 0x05,
  text: 0x06,
  check: 0x08,
  security: 0x09,
  receiveBuffer: 0x0a,
} as const;

export interface Capability {
  readonly function: number;
  readonly compliance: number;
  readonly count: number;
}

export interface Identity {
  /** Vendor, three bytes in wire order (HID: 00 06 8E). */
  readonly oui: Uint8Array;
  readonly model: number;
  readonly version: number;
  readonly serial: number;
  /** Major, minor, build. */
  readonly firmware: readonly [number, number, number];
}

export type Reply =
  | { readonly kind: 'ack' | 'busy' }
  /** `data` is rarely sent and means what its vendor says. */
  | { readonly kind: 'nak'; readonly nak: number; readonly data: Uint8Array }
  | ({ readonly kind: 'id' } & Identity)
  | { readonly kind: 'capabilities'; readonly capabilities: readonly Capability[] }
  | { readonly kind: 'local-status'; readonly tamper: boolean; readonly powerLost: boolean }
  | { readonly kind: 'input-status' | 'output-status'; readonly states: readonly boolean[] }
  /** Per reader head: 0 well, 1 disconnected, 2 tampered with. */
  | { readonly kind: 'reader-status'; readonly states: readonly number[] }
  | {
      readonly kind: 'raw';
      readonly reader: number;
      /** 0 unspecified, 1 Wiegand with parity. */
      readonly format: number;
      readonly bitCount: number;
      /** Left-justified, most significant bit first. */
      readonly bits: Uint8Array;
    }
  /** Deprecated and under-specified: known, so that it is no fault, and never read. */
  | { readonly kind: 'formatted' }
  | { readonly kind: 'keypad'; readonly reader: number; readonly keys: Uint8Array }
  | { readonly kind: 'com'; readonly address: number; readonly baudRate: number }
  | {
      readonly kind: 'client-cryptogram';
      /** Eight bytes that each vendor fills in its own way; nothing is to be concluded from them. */
      readonly cuid: Uint8Array;
      readonly rndB: Uint8Array;
      readonly cryptogram: Uint8Array;
    }
  | { readonly kind: 'initial-mac'; readonly mac: Uint8Array }
  | { readonly kind: 'manufacturer'; readonly oui: Uint8Array; readonly data: Uint8Array };

/** A reply that is none: a code we do not know, or a payload that does not fit its code. */
export type Unreadable = { readonly kind: 'unreadable'; readonly code: number };

const BY_CODE: ReadonlyMap<number, Reply['kind']> = new Map(
  Object.entries(REPLY).flatMap(([kind, code]) => (isReply(kind) ? [[code, kind]] : [])),
);

function isReply(kind: string): kind is Reply['kind'] {
  return kind in REPLY;
}

export function decodeReply({ code, data }: Body): Reply | Unreadable {
  return decode(BY_CODE.get(code), data) ?? { kind: 'unreadable', code };
}

function decode(kind: Reply['kind'] | undefined, data: Uint8Array): Reply | undefined {
  const at = (index: number) => data[index] ?? 0;
  const word = (index: number) => at(index) | (at(index + 1) << 8);
  const long = (index: number) => (word(index) | (word(index + 2) << 16)) >>> 0;
  switch (kind) {
    case undefined:
      return undefined;
    case 'ack':
    case 'busy':
      return data.length === 0 ? { kind } : undefined;
    case 'nak':
      return data.length > 0 ? { kind, nak: at(0), data: data.slice(1) } : undefined;
    case 'id':
      if (data.length !== 12) return undefined;
      return {
        kind,
        oui: data.slice(0, 3),
        model: at(3),
        version: at(4),
        serial: long(5),
        firmware: [at(9), at(10), at(11)],
      };
    case 'capabilities':
      return data.length % 3 === 0 ? { kind, capabilities: triples(data) } : undefined;
    case 'local-status':
      return data.length === 2 ? { kind, tamper: at(0) !== 0, powerLost: at(1) !== 0 } : undefined;
    case 'input-status':
    case 'output-status':
      return { kind, states: [...data].map((state) => state !== 0) };
    case 'reader-status':
      return { kind, states: [...data] };
    case 'raw':
      if (data.length < 4) return undefined;
      return { kind, reader: at(0), format: at(1), bitCount: word(2), bits: data.slice(4) };
    case 'formatted':
      return { kind };
    case 'keypad':
      // A count that does not fit would join or lose digits: no digit of it is believed.
      if (data.length < 2 || data.length !== 2 + at(1)) return undefined;
      return { kind, reader: at(0), keys: data.slice(2) };
    case 'com':
      return data.length === 5 ? { kind, address: at(0), baudRate: long(1) } : undefined;
    case 'client-cryptogram':
      if (data.length !== 32) return undefined;
      return { kind, cuid: data.slice(0, 8), rndB: data.slice(8, 16), cryptogram: data.slice(16) };
    case 'initial-mac':
      return data.length === 16 ? { kind, mac: data.slice() } : undefined;
    case 'manufacturer':
      return data.length < 3 ? undefined : { kind, oui: data.slice(0, 3), data: data.slice(3) };
    default:
      return kind satisfies never;
  }
}

function triples(data: Uint8Array): Capability[] {
  const found: Capability[] = [];
  for (let at = 0; at + 2 < data.length; at += 3) {
    const [name = 0, compliance = 0, count = 0] = data.subarray(at, at + 3);
    found.push({ function: name, compliance, count });
  }
  return found;
}

/** As a reader says it; the simulated one does. */
export function encodeReply(reply: Reply): Body {
  return { code: REPLY[reply.kind], data: Uint8Array.from(payload(reply)) };
}

function payload(reply: Reply): readonly number[] {
  switch (reply.kind) {
    case 'ack':
    case 'busy':
    case 'formatted':
      return [];
    case 'nak':
      return [reply.nak, ...reply.data];
    case 'id':
      return [
        ...reply.oui,
        reply.model,
        reply.version,
        ...word(reply.serial),
        ...word(reply.serial >>> 16),
        ...reply.firmware,
      ];
    case 'capabilities':
      return reply.capabilities.flatMap((each) => [each.function, each.compliance, each.count]);
    case 'local-status':
      return [Number(reply.tamper), Number(reply.powerLost)];
    case 'input-status':
    case 'output-status':
      return reply.states.map(Number);
    case 'reader-status':
      return reply.states;
    case 'raw':
      return [reply.reader, reply.format, ...word(reply.bitCount), ...reply.bits];
    case 'keypad':
      return [reply.reader, reply.keys.length, ...reply.keys];
    case 'com':
      return [reply.address, ...word(reply.baudRate), ...word(reply.baudRate >>> 16)];
    case 'client-cryptogram':
      return [...reply.cuid, ...reply.rndB, ...reply.cryptogram];
    case 'initial-mac':
      return [...reply.mac];
    case 'manufacturer':
      return [...reply.oui, ...reply.data];
    default:
      return reply satisfies never;
  }
}

function word(value: number): [number, number] {
  return [value & 0xff, (value >>> 8) & 0xff];
}
