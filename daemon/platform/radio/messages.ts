/** What daemon and radio process say to each other. Structured clones over the fork's own channel. */
import type { LinkErrorCode } from '../../../drivers/contract/errors.ts';
import type { Advertisement, GattCharacteristic } from '../../../drivers/contract/link.ts';
import type { Millis } from '../../../drivers/contract/time.ts';

/** Which stack drives the adapter, and how it is reached. */
export type RadioBackend =
  /** Raw HCI or, exclusively and with the adapter down, the HCI user channel of the kernel. */
  | { readonly kind: 'hci'; readonly adapter: number; readonly userChannel: boolean }
  /** A dongle that speaks H4 on a serial port. */
  | { readonly kind: 'uart'; readonly path: string; readonly baudRate: number }
  /** H4 over TCP: a remote adapter, or the simulator's. */
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  /** BlueZ over D-Bus; `adapter` is `hci0` and the like. */
  | { readonly kind: 'bluez'; readonly adapter: string; readonly busAddress?: string };

export type RadioRequest =
  /** Answered once the adapter is powered. Anew: stops the stack first and begins it again. */
  | { readonly op: 'start'; readonly backend: RadioBackend }
  | { readonly op: 'ping' }
  | { readonly op: 'scan'; readonly on: boolean }
  | {
      readonly op: 'connect';
      readonly link: number;
      readonly address: string;
      readonly addressType: 'public' | 'random';
    }
  | { readonly op: 'cancel'; readonly link: number; readonly address: string }
  | { readonly op: 'read'; readonly link: number; readonly from: GattCharacteristic }
  | {
      readonly op: 'write';
      readonly link: number;
      readonly to: GattCharacteristic;
      readonly value: Uint8Array;
      readonly withResponse: boolean;
    }
  | { readonly op: 'subscribe'; readonly link: number; readonly to: GattCharacteristic }
  | { readonly op: 'disconnect'; readonly link: number }
  /** Ends all links and the process. */
  | { readonly op: 'stop' };

/** What a request gives: the MTU for `connect`, the value for `read`, nothing for the rest. */
export type RadioResult = { readonly mtu: number } | { readonly value: Uint8Array } | undefined;

export type RadioReply =
  | { readonly re: number; readonly result: RadioResult }
  | { readonly re: number; readonly code: LinkErrorCode; readonly message: string };

export type RadioEvent =
  | { readonly event: 'heard'; readonly advertisement: Advertisement }
  | {
      readonly event: 'notified';
      readonly link: number;
      readonly from: GattCharacteristic;
      readonly value: Uint8Array;
    }
  /** The peripheral, or the way to it, ended the link; `reason` is the HCI code where the stack knows it. */
  | {
      readonly event: 'closed';
      readonly link: number;
      readonly reason: number | undefined;
      readonly message: string;
    }
  /** The adapter is no longer powered, or gone. */
  | { readonly event: 'adapter-lost'; readonly message: string };

/** One request with its number, as it goes to the child. */
export type RadioCall = { readonly id: number } & RadioRequest;

/**
 * A peripheral that hears us no more is let go of with the supervision time of its link, which is 5 s (`noble-stack.ts`),
 * or what the peripheral asked for.
 */
export const LET_GO_WITHIN: Millis = 7000;

/** How long each operation may take (reference ble.md 5.3). */
export const WITHIN: Readonly<Record<Exclude<RadioRequest['op'], 'connect'>, Millis>> = {
  start: 10_000,
  ping: 2000,
  scan: 3000,
  cancel: 1000,
  read: 3000,
  write: 3000,
  subscribe: 8000,
  disconnect: LET_GO_WITHIN,
  stop: 3000,
};
