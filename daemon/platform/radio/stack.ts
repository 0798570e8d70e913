/** What the radio process asks of a Bluetooth stack. Promises may hang: deadlines are the daemon's. */

import { LinkError } from '../../../drivers/contract/errors.ts';
import type { Advertisement, GattCharacteristic } from '../../../drivers/contract/link.ts';

export interface StackListener {
  heard(advertisement: Advertisement): void;
  adapterLost(message: string): void;
}

export interface StackLinkListener {
  notified(from: GattCharacteristic, value: Uint8Array): void;
  /** Once, unless `disconnect` was called before. */
  closed(reason: number | undefined, message: string): void;
}

export interface StackLink {
  readonly mtu: number;
  read(from: GattCharacteristic): Promise<Uint8Array>;
  write(to: GattCharacteristic, value: Uint8Array, withResponse: boolean): Promise<void>;
  subscribe(to: GattCharacteristic): Promise<void>;
  disconnect(): Promise<void>;
}

export interface RadioStack {
  /** Resolves once the adapter is powered. */
  start(): Promise<void>;
  scan(on: boolean): Promise<void>;
  connect(
    address: string,
    addressType: 'public' | 'random',
    listener: StackLinkListener,
  ): Promise<StackLink>;
  /** Takes back a connect that has not ended; that one then rejects. */
  cancelConnect(address: string): void;
  stop(): void;
}

/** HCI reasons as a person would say them (reference ble.md 5.4). */
const REASONS: Readonly<Record<number, string>> = {
  3: 'the adapter is gone',
  5: 'authentication failed',
  6: 'key missing',
  8: 'out of range (supervision timeout)',
  12: 'command disallowed',
  19: 'the peripheral closed the link',
  22: 'we closed the link',
  34: 'link layer timeout',
  59: 'connection parameters refused',
  61: 'encryption failure',
  62: 'the link could not be established',
};

export function reasonText(reason: number | string): string {
  if (typeof reason === 'string') return reason;
  return `${REASONS[reason] ?? 'disconnected'} (0x${reason.toString(16).padStart(2, '0')})`;
}

/** Any thrown thing of a stack as an error that can be told. */
export function stackError(error: unknown): LinkError {
  if (error instanceof LinkError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new LinkError('failed', message, { cause: error });
}

/** 4 or 32 hex digits to 32, so that short and long spellings of one UUID compare equal. */
export function fullUuid(uuid: string): string {
  const bare = uuid.replaceAll('-', '').toLowerCase();
  if (bare.length > 8) return bare;
  return `${bare.padStart(8, '0')}00001000800000805f9b34fb`;
}
