/**
 * Frames of the standard, of other implementations and of real hardware, each with what it means. Where a frame
 * comes from: SIA (annex E), LIB (libosdp on a pty), NET (OSDP.Net), CAP (SIA conformance capture), HW (hardware),
 * CALC (from the stated rule).
 */
import type { Command } from '../../../drivers/osdp/commands.ts';
import type { Check } from '../../../drivers/osdp/frame.ts';
import type { Reply } from '../../../drivers/osdp/replies.ts';
import { hex } from './hex.ts';

interface Vector<Body> {
  readonly bytes: string;
  readonly from: string;
  readonly address: number;
  readonly sequence: number;
  readonly check?: Check;
  readonly body: Body;
}

const poll: Command = { kind: 'poll' };
const ack: Reply = { kind: 'ack' };
const pdid: Reply = {
  kind: 'id',
  oui: hex('C3B2A1'),
  model: 7,
  version: 1,
  serial: 0x01020304,
  firmware: [1, 2, 3],
};
const nak = (code: number): Reply => ({ kind: 'nak', nak: code, data: hex('') });
const keypad = (keys: string): Reply => ({ kind: 'keypad', reader: 0, keys: hex(keys) });

export const COMMANDS: readonly Vector<Command>[] = [
  {
    bytes: '53 7F 0D 00 04 6E 00 80 25 00 00 6E 38',
    from: 'SIA',
    address: 0x7f,
    sequence: 0,
    body: { kind: 'comset', address: 0, baudRate: 9600 },
  },
  {
    bytes: '53 7F 0C 00 00 6E 00 80 25 00 00 0F',
    from: 'SIA',
    address: 0x7f,
    sequence: 0,
    check: 'checksum',
    body: { kind: 'comset', address: 0, baudRate: 9600 },
  },
  {
    bytes: '53 00 09 00 04 61 00 C0 66',
    from: 'SIA',
    address: 0,
    sequence: 0,
    body: { kind: 'id' },
  },
  {
    bytes: '53 00 08 00 00 61 00 44',
    from: 'SIA',
    address: 0,
    sequence: 0,
    check: 'checksum',
    body: { kind: 'id' },
  },
  {
    bytes: '53 01 09 00 04 61 00 60 23',
    from: 'LIB',
    address: 1,
    sequence: 0,
    body: { kind: 'id' },
  },
  {
    bytes: '53 01 09 00 05 62 00 03 41',
    from: 'LIB',
    address: 1,
    sequence: 1,
    body: { kind: 'capabilities' },
  },
  { bytes: '53 01 08 00 06 60 D8 66', from: 'LIB', address: 1, sequence: 2, body: poll },
  { bytes: '53 01 08 00 07 60 E9 55', from: 'LIB', address: 1, sequence: 3, body: poll },
  { bytes: '53 01 08 00 05 60 8B 33', from: 'LIB', address: 1, sequence: 1, body: poll },
  {
    bytes: '53 01 07 00 01 60 44',
    from: 'LIB',
    address: 1,
    sequence: 1,
    check: 'checksum',
    body: poll,
  },
  { bytes: '53 00 08 00 04 60 EB AA', from: 'CAP', address: 0, sequence: 0, body: poll },
  {
    bytes: '53 01 16 00 07 69 00 00 02 03 02 02 00 14 00 01 05 00 01 00 05 D8',
    from: 'LIB',
    address: 1,
    sequence: 3,
    body: {
      kind: 'led',
      records: [
        {
          reader: 0,
          led: 0,
          temporary: { on: 3, off: 2, onColour: 'green', offColour: 'off', tenths: 20 },
          permanent: { on: 5, off: 0, onColour: 'red', offColour: 'off' },
        },
      ],
    },
  },
  {
    bytes: '53 01 0D 00 06 6A 00 02 02 01 03 0D 88',
    from: 'LIB',
    address: 1,
    sequence: 2,
    body: { kind: 'buzzer', reader: 0, tone: 2, on: 2, off: 1, repeat: 3 },
  },
  {
    bytes: '53 00 0D 00 06 6A 00 02 02 02 01 59 92',
    from: 'NET',
    address: 0,
    sequence: 2,
    body: { kind: 'buzzer', reader: 0, tone: 2, on: 2, off: 2, repeat: 1 },
  },
  {
    bytes: '53 01 0C 00 05 68 01 05 1E 00 E6 CC',
    from: 'LIB',
    address: 1,
    sequence: 1,
    body: { kind: 'output', controls: [{ output: 1, code: 'on-for', tenths: 30 }] },
  },
  {
    bytes: '53 01 14 00 07 6B 00 03 05 01 01 06 4B 45 59 20 31 32 3C 83',
    from: 'LIB',
    address: 1,
    sequence: 3,
    body: { kind: 'text', reader: 0, mode: 3, seconds: 5, row: 1, column: 1, text: 'KEY 12' },
  },
  {
    bytes: '53 01 08 00 06 65 7D 36',
    from: 'LIB',
    address: 1,
    sequence: 2,
    body: { kind: 'input-status' },
  },
  {
    bytes: '53 01 08 00 06 66 1E 06',
    from: 'LIB',
    address: 1,
    sequence: 2,
    body: { kind: 'output-status' },
  },
  {
    bytes: '53 01 08 00 06 67 3F 16',
    from: 'LIB',
    address: 1,
    sequence: 2,
    body: { kind: 'reader-status' },
  },
  {
    bytes: '53 01 0D 00 07 6E 05 00 4B 00 00 9C 78',
    from: 'LIB',
    address: 1,
    sequence: 3,
    body: { kind: 'comset', address: 5, baudRate: 19200 },
  },
  { bytes: '53 05 08 00 05 60 8D BA', from: 'LIB', address: 5, sequence: 1, body: poll },
  {
    bytes: '53 7F 09 00 04 61 00 5F E6',
    from: 'LIB',
    address: 0x7f,
    sequence: 0,
    body: { kind: 'id' },
  },
  {
    bytes: '53 00 0D 00 06 6E 01 80 25 00 00 EC 7B',
    from: 'NET',
    address: 0,
    sequence: 2,
    body: { kind: 'comset', address: 1, baudRate: 9600 },
  },
  {
    bytes: '53 00 0C 00 02 6E 01 80 25 00 00 8B',
    from: 'NET',
    address: 0,
    sequence: 2,
    check: 'checksum',
    body: { kind: 'comset', address: 1, baudRate: 9600 },
  },
];

const capabilities = (triples: string): Reply => {
  const bytes = hex(triples);
  return {
    kind: 'capabilities',
    capabilities: Array.from({ length: bytes.length / 3 }, (_, n) => {
      const [name = 0, compliance = 0, count = 0] = bytes.subarray(3 * n);
      return { function: name, compliance, count };
    }),
  };
};

const HID_CAPABILITIES =
  '01 00 00 02 00 00 03 01 00 04 04 01 05 02 01 06 00 00 07 00 00 08 01 00 09 01 01 0A 92 03 0B 92 03 0C 00 00 0E 00 00 0F 00 00 10 01 00';
const SIX_CONTACTS =
  '01 01 06 02 01 01 03 00 00 04 00 00 05 00 00 06 00 00 07 00 00 08 01 00 09 01 01';

export const REPLIES: readonly Vector<Reply>[] = [
  {
    bytes: '53 81 14 00 04 45 C3 B2 A1 07 01 04 03 02 01 01 02 03 27 E7',
    from: 'LIB',
    address: 1,
    sequence: 0,
    body: pdid,
  },
  {
    bytes: '53 80 14 00 04 45 00 06 8E 01 01 1D 59 00 7A 05 3E 00 B6 C9',
    from: 'HW',
    address: 0,
    sequence: 0,
    body: {
      kind: 'id',
      oui: hex('00068E'),
      model: 1,
      version: 1,
      serial: 0x7a00591d,
      firmware: [5, 62, 0],
    },
  },
  {
    bytes: '53 80 14 00 04 45 16 42 68 00 0C 4C 8F BC F4 02 0A 02 C6 4C',
    from: 'HW',
    address: 0,
    sequence: 0,
    body: {
      kind: 'id',
      oui: hex('164268'),
      model: 0,
      version: 12,
      serial: 0xf4bc8f4c,
      firmware: [2, 10, 2],
    },
  },
  {
    bytes: `53 80 35 00 05 46 ${HID_CAPABILITIES} 4D 8F`,
    from: 'HW',
    address: 0,
    sequence: 1,
    body: capabilities(HID_CAPABILITIES),
  },
  {
    bytes: `53 80 23 00 05 46 ${SIX_CONTACTS} 19 13`,
    from: 'HW',
    address: 0,
    sequence: 1,
    body: capabilities(SIX_CONTACTS),
  },
  { bytes: '53 81 08 00 05 40 39 35', from: 'LIB', address: 1, sequence: 1, body: ack },
  { bytes: '53 81 08 00 06 40 6A 60', from: 'LIB', address: 1, sequence: 2, body: ack },
  { bytes: '53 81 08 00 07 40 5B 53', from: 'LIB', address: 1, sequence: 3, body: ack },
  { bytes: '53 80 08 00 05 40 68 9F', from: 'NET, CAP', address: 0, sequence: 1, body: ack },
  {
    bytes: '53 80 0A 00 04 48 00 01 0F A1',
    from: 'CAP',
    address: 0,
    sequence: 0,
    body: { kind: 'local-status', tamper: false, powerLost: true },
  },
  {
    bytes: '53 98 0A 00 07 48 00 00 24 8E',
    from: 'HW',
    address: 0x18,
    sequence: 3,
    body: { kind: 'local-status', tamper: false, powerLost: false },
  },
  {
    bytes: '53 81 0C 00 06 49 00 00 00 00 69 A2',
    from: 'LIB',
    address: 1,
    sequence: 2,
    body: { kind: 'input-status', states: [false, false, false, false] },
  },
  {
    bytes: '53 81 0C 00 06 4A 00 01 00 00 8B 7B',
    from: 'LIB',
    address: 1,
    sequence: 2,
    body: { kind: 'output-status', states: [false, true, false, false] },
  },
  {
    bytes: '53 81 09 00 06 4B 00 0D 70',
    from: 'LIB',
    address: 1,
    sequence: 2,
    body: { kind: 'reader-status', states: [0] },
  },
  {
    bytes: '53 81 0C 00 07 49 01 00 00 00 7D 91',
    from: 'LIB',
    address: 1,
    sequence: 3,
    body: { kind: 'input-status', states: [true, false, false, false] },
  },
  {
    bytes: '53 81 10 00 06 50 00 01 1A 00 BD 88 EB 80 61 91',
    from: 'CALC',
    address: 1,
    sequence: 2,
    body: { kind: 'raw', reader: 0, format: 1, bitCount: 26, bits: hex('BD88EB80') },
  },
  {
    bytes: '53 81 0E 00 06 53 00 04 31 32 33 34 A3 C2',
    from: 'LIB',
    address: 1,
    sequence: 2,
    body: keypad('31323334'),
  },
  {
    bytes: '53 81 0B 00 05 53 00 01 7F E8 75',
    from: 'LIB',
    address: 1,
    sequence: 1,
    body: keypad('7F'),
  },
  {
    bytes: '53 81 0B 00 05 53 00 01 0D 3D 2B',
    from: 'LIB',
    address: 1,
    sequence: 1,
    body: keypad('0D'),
  },
  {
    bytes: '53 81 0D 00 07 54 05 00 4B 00 00 26 35',
    from: 'LIB',
    address: 1,
    sequence: 3,
    body: { kind: 'com', address: 5, baudRate: 19200 },
  },
  { bytes: '53 81 09 00 05 41 03 F5 F6', from: 'LIB', address: 1, sequence: 1, body: nak(3) },
  { bytes: '53 81 09 00 07 41 02 B4 88', from: 'LIB', address: 1, sequence: 3, body: nak(2) },
  { bytes: '53 81 09 00 06 41 04 42 DF', from: 'LIB', address: 1, sequence: 2, body: nak(4) },
  { bytes: '53 81 09 00 04 41 04 22 B1', from: 'LIB', address: 1, sequence: 0, body: nak(4) },
  { bytes: '53 81 09 00 05 41 05 33 96', from: 'LIB', address: 1, sequence: 1, body: nak(5) },
  { bytes: '53 81 09 00 05 41 06 50 A6', from: 'LIB', address: 1, sequence: 1, body: nak(6) },
  { bytes: '53 81 09 00 06 41 06 00 FF', from: 'LIB', address: 1, sequence: 2, body: nak(6) },
  {
    bytes: '53 FF 14 00 04 45 C3 B2 A1 07 01 04 03 02 01 01 02 03 7C 58',
    from: 'LIB',
    address: 0x7f,
    sequence: 0,
    body: pdid,
  },
  {
    bytes: '53 81 08 00 04 79 72 A1',
    from: 'CALC',
    address: 1,
    sequence: 0,
    body: { kind: 'busy' },
  },
];
