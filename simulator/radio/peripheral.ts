/** What a simulated peripheral is to the radio: advertising, services, and what it does when it is written to. */
import type { Millis } from '../../drivers/contract/time.ts';
import { adField, uuidBytes } from './hci.ts';

export type Property = 'read' | 'write' | 'write-without-response' | 'notify' | 'indicate';

export interface CharacteristicShape {
  /** Hex without dashes, 4 or 32 digits. */
  readonly uuid: string;
  readonly properties: readonly Property[];
}

export interface ServiceShape {
  readonly uuid: string;
  readonly characteristics: readonly CharacteristicShape[];
}

/** A connected host, as the peripheral sees it. */
export interface Central {
  readonly address: string;
  /** ATT MTU in force. */
  readonly mtu: number;
  /** Notifies or indicates, whichever was subscribed to; nothing where neither was. At most MTU - 3 bytes. */
  tell(characteristic: string, value: Uint8Array): void;
  disconnect(reason: number): void;
}

export interface Peripheral {
  readonly address: string;
  readonly addressType: 'public' | 'random';
  readonly services: readonly ServiceShape[];
  /** Hosts it lets connect at once; with all taken it does not advertise. Default 1. */
  readonly centralsMax?: number;
  /** Largest ATT MTU it agrees to. Default 247. */
  readonly mtu?: number;
  /** Takes values longer than a packet, in parts; serial modules do not. Default true. */
  readonly takesLongWrites?: boolean;
  /** Advertising data of now, at most 31 bytes each; `undefined` while it does not advertise. */
  advertising():
    | { readonly data: Uint8Array; readonly scanResponse?: Uint8Array; readonly every: Millis }
    | undefined;
  connected(central: Central): void;
  disconnected(central: Central): void;
  /** Returns an ATT error code to refuse. Long writes arrive whole. */
  written(central: Central, characteristic: string, value: Uint8Array): number | undefined;
  read(central: Central, characteristic: string): Uint8Array;
}

/** What goes wrong between one peripheral and its hosts. Everything that is left out goes well. */
export interface PeripheralFaults {
  readonly rssi?: number;
  /** Chance that an advertisement is not heard. */
  readonly loss?: number;
  /** Neither heard nor connectable: out of range, or dead. */
  readonly away?: boolean;
  /** Added to the time a connection takes. */
  readonly connectDelay?: Millis;
  /** Connection Complete with this status instead of a link. */
  readonly connectStatus?: number;
  /** Create Connection is refused with this Command Status. */
  readonly refuseStatus?: number;
  /** The link is made and lost at once with this reason (3e as a rule). */
  readonly dropAtOnce?: number;
  /** From this ATT request on (counted from 0 on each link) nothing is answered. */
  readonly silentFrom?: number;
  /** Every write is answered by this ATT error. */
  readonly writeError?: number;
  /** ATT replies, notifications and indications come this much later. */
  readonly replyDelay?: Millis;
  /** No Number Of Completed Packets: the host's buffers stay taken. */
  readonly keepBuffers?: boolean;
  /** MTU in the Exchange MTU reply, whatever was asked. */
  readonly mtuReply?: number;
  /** The link is lost at the n-th ATT packet of a host (from 0), with or without the peripheral having taken it. */
  readonly cutAt?: { readonly packet: number; readonly taken: boolean; readonly reason?: number };
  /**
   * From the n-th ATT packet of a host on (from 0, on each link) neither hears the other: out of range, or restarting
   * under its motor. The link ends when its supervision time is over, also where the host ends it before.
   */
  readonly unheardFrom?: number;
  /** Notifications and indications come twice. */
  readonly duplicate?: boolean;
  /** The advertised address type is the wrong one, so that connecting by it fails. */
  readonly wrongAddressType?: boolean;
}

/** Complete local name (09), or shortened where it does not fit. */
export function nameField(name: string): Uint8Array {
  return adField(0x09, new TextEncoder().encode(name));
}

export function servicesField(...uuids: readonly string[]): Uint8Array {
  const values = uuids.flatMap((uuid) => [...uuidBytes(uuid)]);
  return adField((uuids[0] ?? '').length === 4 ? 0x03 : 0x07, Uint8Array.from(values));
}

export const FLAGS_FIELD = Uint8Array.of(0x02, 0x01, 0x06);
