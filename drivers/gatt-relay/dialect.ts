/** What a BLE relay board is told and what it answers: two documented dialects, and one from the config. */
import type { Millis } from '../contract/time.ts';
import { sum8 } from '../wire/checksum.ts';
import { fromHex, joinBytes } from '../wire/hex.ts';

export type Verdict = 'yes' | 'no' | 'need-more';

/** Reads what was notified since the question. */
export type Reply = (heard: Uint8Array) => Verdict;

export interface Dialect {
  /** Sent first on every link. */
  readonly login: { readonly bytes: Uint8Array; readonly reply: Reply } | undefined;
  /** `undefined` where the board cannot time so long a pulse. */
  on(hold: Millis): Uint8Array | undefined;
  readonly off: Uint8Array;
  /** The board ends the pulse by itself. Where not, ending it is ours, whatever happens. */
  readonly isTimed: boolean;
  /** `undefined`: the board answers nothing. */
  readonly reply: Reply | undefined;
  /** Its "no" is a refusal, and not only something else than the answer that is known. */
  readonly refuses: boolean;
  /** Asks whether the output is energised. */
  readonly state: { readonly bytes: Uint8Array; readonly reply: Reply } | undefined;
  readonly identity:
    | { readonly bytes: Uint8Array; read(heard: Uint8Array): string | undefined }
    | undefined;
  /** Longest value that is written at once; the board hears one stream, in however many it comes. */
  readonly packetMost: number | undefined;
}

/** Of the serial modules on these boards, which take no value in parts. */
const PACKET_MOST = 20;

/** 00 done, 01 refused. */
const devantech: Reply = ([first]) =>
  first === undefined ? 'need-more' : first === 0x00 ? 'yes' : 'no';

const TENTHS_MAX = 0xff;
/** Of a board that counts tenths of a second in a byte. */
const HOLD_MOST: Millis = TENTHS_MAX * 100;
/** 27, the number of this module. */
const BT004BLE = 0x1b;

/**
 * Devantech BT004BLE, relays 1 to 4, its datasheet. `20 relay time` with time in 100 ms; time 00 would be permanent
 * and is never sent.
 */
export function bt004ble(channel: number, password: Uint8Array): Dialect {
  return {
    login: {
      bytes: joinBytes(Uint8Array.of(0x79), password, Uint8Array.of(0x0d)),
      reply: devantech,
    },
    on(hold) {
      const tenths = Math.max(1, Math.round(hold / 100));
      return tenths > TENTHS_MAX ? undefined : Uint8Array.of(0x20, channel, tenths);
    },
    off: Uint8Array.of(0x21, channel, 0x00),
    isTimed: true,
    reply: devantech,
    refuses: true,
    state: {
      bytes: Uint8Array.of(0x24),
      reply: ([bits]) =>
        bits === undefined ? 'need-more' : (bits & (1 << (channel - 1))) !== 0 ? 'yes' : 'no',
    },
    identity: {
      bytes: Uint8Array.of(0x10),
      read: ([module, hardware, firmware]) =>
        firmware === undefined || module !== BT004BLE ? undefined : `${hardware}.${firmware}`,
    },
    packetMost: PACKET_MOST,
  };
}

/** "A0" boards: `a0 channel state checksum`. No reply, no password, no timer. */
export function a0(channel: number): Dialect {
  const frame = (state: number) => {
    const head = Uint8Array.of(0xa0, channel, state);
    return joinBytes(head, Uint8Array.of(sum8(head)));
  };
  return {
    login: undefined,
    on: () => frame(1),
    off: frame(0),
    isTimed: false,
    reply: undefined,
    refuses: false,
    state: undefined,
    identity: undefined,
    packetMost: PACKET_MOST,
  };
}

/** Hex with `{channel}` and `{tenths}` (one byte each) in it. */
export interface CustomTemplates {
  readonly unlock: string;
  readonly lock: string;
  /** Hex with `..` for any byte. */
  readonly ack?: string | undefined;
}

/** `undefined` where the daemon ends the pulse, and the board times nothing. */
export function holdMostOf(options: {
  readonly dialect: 'bt004ble' | 'a0' | 'custom';
  readonly unlock?: string | undefined;
}): Millis | undefined {
  const isTimed =
    options.dialect === 'bt004ble' || (options.dialect === 'custom' && hasTime(options.unlock));
  return isTimed ? HOLD_MOST : undefined;
}

function hasTime(template = ''): boolean {
  return template.includes('{tenths}');
}

export function custom(channel: number, templates: CustomTemplates): Dialect {
  const isTimed = hasTime(templates.unlock);
  const fill = (template: string, tenths: number) =>
    fromHex(
      template
        .replaceAll('{channel}', channel.toString(16).padStart(2, '0'))
        .replaceAll('{tenths}', tenths.toString(16).padStart(2, '0')),
    );
  const pattern = templates.ack?.replaceAll(' ', '').match(/../g);
  return {
    login: undefined,
    on(hold) {
      const tenths = Math.max(1, Math.round(hold / 100));
      return isTimed && tenths > TENTHS_MAX ? undefined : fill(templates.unlock, tenths);
    },
    off: fill(templates.lock, 0),
    isTimed,
    reply: pattern
      ? (heard) => {
          if (isWithin(heard, pattern)) return 'yes';
          return heard.length < pattern.length ? 'need-more' : 'no';
        }
      : undefined,
    refuses: false,
    state: undefined,
    identity: undefined,
    packetMost: undefined,
  };
}

/** Pairs of hex digits, or `..` for any byte, in a row somewhere in what was heard. */
function isWithin(heard: Uint8Array, pattern: readonly string[]): boolean {
  return heard.some((_, start) =>
    pattern.every((pair, index) => {
      const byte = heard[start + index];
      return byte !== undefined && (pair === '..' || Number.parseInt(pair, 16) === byte);
    }),
  );
}
