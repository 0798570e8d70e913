/** Ports to the outside, implemented in `daemon/platform` for real ones and in `simulator` for the others. */
import type { LinkError } from './errors.ts';
import type { Millis, Uptime } from './time.ts';

/** What a link tells its user. `closed` comes exactly once, and nothing comes after it. */
export interface LinkListener {
  bytes(chunk: Uint8Array, at: Uptime): void;
  closed(why: LinkError): void;
}

/**
 * One open byte stream to a bus. It is never reopened: after `closed` a new one is opened by the supervisor.
 * A write on a closed link rejects with `LinkError('closed')` and is never delivered later.
 */
export interface ByteLink {
  /** Resolves once the link has the bytes, with the moment at which the last one will have left the wire. */
  send(bytes: Uint8Array): Promise<Uptime>;
  /** Changes the speed of a serial line between two frames; rejects where the link has none (TCP). */
  setBaudRate(baudRate: number): Promise<void>;
  close(): Promise<void>;
  /** Stable identity of what is at the other end (by-id name, USB serial, host:port), for supervision. */
  readonly identity: string;
}

/**
 * Knows how to open one bus; each call opens a fresh link or rejects with a `LinkError`. Of what was said before it was
 * open nothing is heard, also where the way to the bus had kept it: who typed or showed it has left.
 */
export interface ByteLinkOpener {
  readonly kind: 'serial' | 'tcp' | 'input' | 'simulated';
  /** For people: the path or address. */
  readonly name: string;
  open(listener: LinkListener, signal: AbortSignal): Promise<ByteLink>;
}

/** A characteristic of a connected peripheral, both UUIDs in lower-case hex without dashes. */
export interface GattCharacteristic {
  readonly service: string;
  readonly characteristic: string;
}

/** Stands for the manufacturer data of a peripheral's advertisement where a machine is given that as a `value`. */
export const ADVERTISED: GattCharacteristic = {
  service: 'advertisement',
  characteristic: 'manufacturer-data',
};

/** What a BLE link tells its user. */
export interface GattListener {
  notified(from: GattCharacteristic, value: Uint8Array, at: Uptime): void;
  closed(why: LinkError): void;
}

/**
 * One open connection to one peripheral: discovered, MTU exchanged. One operation at a time; each has its own
 * deadline, on expiry the link is dropped and the operation rejects with `LinkError('timed-out')`.
 */
export interface GattLink {
  readonly identity: string;
  readonly mtu: number;
  read(from: GattCharacteristic): Promise<Uint8Array>;
  write(to: GattCharacteristic, value: Uint8Array, withResponse: boolean): Promise<Uptime>;
  subscribe(to: GattCharacteristic): Promise<void>;
  close(): Promise<void>;
}

/** What was heard of a peripheral while scanning. */
export interface Advertisement {
  /** `aa:bb:cc:dd:ee:ff`, lower case. */
  readonly address: string;
  readonly addressType: 'public' | 'random';
  readonly name: string | undefined;
  readonly services: readonly string[];
  readonly serviceData: ReadonlyMap<string, Uint8Array>;
  readonly manufacturerData: Uint8Array | undefined;
  readonly rssi: number;
  readonly connectable: boolean;
}

/** A Bluetooth adapter. Never scans and connects together; one connect at a time. */
export interface BleTransport {
  readonly name: string;
  scan(
    heard: (advertisement: Advertisement) => void,
    length: Millis,
    signal: AbortSignal,
  ): Promise<void>;
  connect(
    address: string,
    addressType: 'public' | 'random',
    listener: GattListener,
    deadline: Millis,
  ): Promise<GattLink>;
  close(): Promise<void>;
}
