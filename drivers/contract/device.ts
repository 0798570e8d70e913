/**
 * The words spoken between drivers and daemon. Facts go up as `DeviceEvent`, requests come down as
 * `Actuation`. Drivers know devices; they never learn of holders or grants.
 */
import type { Millis, Uptime } from './time.ts';

/** Name of a device in the config, `[a-z0-9-]{1,32}`. */
export type DeviceId = string & { readonly __id: 'device' };
/** Slot (or lock channel) of a box, counted from 1 as printed on the door. */
export type SlotNumber = number & { readonly __id: 'slot' };
/** Names one request to one device; the result carries it back. Never used twice. */
export type ActuationId = string & { readonly __id: 'actuation' };

export function deviceId(text: string): DeviceId {
  if (!/^[a-z0-9-]{1,32}$/.test(text)) {
    throw new RangeError(`a device id is 1 to 32 of a-z, 0-9 and "-", found "${text}"`);
  }
  return text as DeviceId;
}

/** Bounds are the board's own and are checked by its driver; here only that it is a count from 1. */
export function slotNumber(value: number): SlotNumber {
  if (!isSlotNumber(value)) {
    throw new RangeError(`a slot number is an integer from 1, found ${value}`);
  }
  return value;
}

/** Of a slot that some board might have. */
export function isSlotNumber(value: number): value is SlotNumber {
  return Number.isInteger(value) && value >= 1 && value <= 4096;
}

/**
 * How long a lock is held for fire; asked for again while the fire lasts. No longer than every board can time: one that
 * counts tenths in a byte refuses more than 25.5 s.
 */
export const FIRE_HOLD: Millis = 25_000;

export function actuationId(text: string): ActuationId {
  return text as ActuationId;
}

/** How the bits of a card came to be; identities match only within one technology. */
export type CardTechnology = 'em4100' | 'wiegand' | 'iso14443a' | 'text';

/** A card as the reader gave it: the raw bits are its identity, formats are views of them. */
export interface CardBits {
  readonly technology: CardTechnology;
  /** Left-justified, most significant bit first, zero-padded at the end. */
  readonly bits: Uint8Array;
  readonly bitCount: number;
}

/** What a person does at a keypad before a code is complete; the digits themselves stay in the driver. */
export type KeypadNotice = 'key' | 'cleared' | 'timed-out' | 'overlong' | 'fault';

/** Why a device cannot be relied on although its link is up. */
export type DeviceFault =
  | 'silent' // nothing comes back
  | 'garbage' // bytes come back that are no frames
  | 'refusing' // answers, but refuses (NAK, exception)
  | 'address-clash' // two devices answer at one address
  | 'foreign-master' // somebody else asks on our bus
  | 'echo-mismatch' // our own bytes come back changed: collision
  | 'wiring-swapped' // keypad D0/D1 or RS-485 A/B exchanged
  | 'identity-changed' // another device answers at this address
  | 'secure-channel' // handshake refused or lost repeatedly
  | 'linkage-mode' // an input would drive a relay by itself
  | 'jammed' // the lock reports a jam
  | 'battery' // too low to rely on
  | 'clock-drift'; // its own clock, by which it judges codes, is wrong

/** What came of an actuation, in three separate facts (serial-hardware 2.5 rule 2). */
export interface ActuationOutcome {
  /**
   * `done`: the device was seen to do it. `failed`: it was seen not to, or refused. `unknown`: sent, but
   * nobody can tell. `refused`: nothing was sent (expired, withdrawn, offline, out of range).
   */
  readonly result: 'done' | 'failed' | 'unknown' | 'refused';
  readonly sent: boolean;
  readonly acknowledged: boolean;
  readonly observed: boolean;
  /** For the operator, plain words without secrets. */
  readonly detail?: string;
}

/** What a driver may tell the daemon. */
export type DeviceEvent = { readonly device: DeviceId } & (
  | ({ readonly kind: 'card-read' } & CardBits)
  /** A card whose parity, length or checksum is wrong; never repaired, never truncated. */
  | { readonly kind: 'card-malformed'; readonly bitCount: number; readonly fault: string }
  /** A whole code, ended by its end key or fixed length. Digits must not be logged or stored. */
  | { readonly kind: 'code-entered'; readonly digits: string }
  | { readonly kind: 'keypad'; readonly notice: KeypadNotice }
  /** `first` marks the picture after (re)connect: a state, not a change just seen. */
  | {
      readonly kind: 'slot-door';
      readonly slot: SlotNumber;
      readonly isOpen: boolean;
      readonly first: boolean;
    }
  | {
      readonly kind: 'slot-presence';
      readonly slot: SlotNumber;
      readonly present: boolean;
      readonly first: boolean;
    }
  | { readonly kind: 'lock-state'; readonly state: LockState; readonly first: boolean }
  | { readonly kind: 'door-contact'; readonly isOpen: boolean; readonly first: boolean }
  | {
      readonly kind: 'input';
      readonly input: number;
      readonly active: boolean;
      readonly first: boolean;
    }
  | { readonly kind: 'tamper'; readonly state: 'raised' | 'cleared' }
  | { readonly kind: 'power'; readonly state: 'lost' | 'restored' | 'rebooted' }
  | { readonly kind: 'battery'; readonly percent: number; readonly critical: boolean }
  | {
      readonly kind: 'identity';
      readonly model: string;
      readonly serial: string;
      readonly firmware: string;
    }
  | { readonly kind: 'online' }
  | { readonly kind: 'offline'; readonly why: string }
  | {
      readonly kind: 'fault';
      readonly fault: DeviceFault;
      readonly state: 'raised' | 'cleared';
      readonly detail: string;
    }
  | ({ readonly kind: 'actuation-result'; readonly actuation: ActuationId } & ActuationOutcome)
  /** An entry of the device's own log (a lock opened by hand or by its own keypad). */
  | {
      readonly kind: 'device-log';
      readonly index: number;
      readonly at: number;
      readonly action: string;
      readonly by: string;
      readonly detail: string;
    }
  /** A code in the device's own memory was written, or removed, and read back. */
  | {
      readonly kind: 'code-memory';
      readonly actuation: ActuationId;
      readonly entry: string;
      readonly state: 'present' | 'absent';
    }
);

export type LockState =
  | 'locked'
  | 'unlocked'
  | 'unlatched'
  | 'locking'
  | 'unlocking'
  | 'unlatching'
  | 'jammed'
  | 'uncalibrated'
  | 'unknown';

/** What the person at the reader is to see and hear. The same for every kind of refusal. */
export type FeedbackSignal = 'granted' | 'denied' | 'wait' | 'key' | 'idle';

/** What the daemon may ask of a device. */
export type Actuation = {
  readonly id: ActuationId;
  readonly device: DeviceId;
  /** Not put on the wire at or after this moment: a late unlock is a security event. */
  readonly expiresAt: Uptime;
  /** Waits behind nothing else that is asked on its bus: a release for fire. */
  readonly urgent?: boolean;
} & (
  | { readonly kind: 'open-slot'; readonly slot: SlotNumber; readonly hold: Millis }
  | { readonly kind: 'unlock'; readonly hold: Millis; readonly unlatch?: boolean }
  | { readonly kind: 'lock' }
  | { readonly kind: 'feedback'; readonly signal: FeedbackSignal; readonly text?: string }
  /** Read everything again and report it with `first: true`. */
  | { readonly kind: 'read-state' }
  | { readonly kind: 'identify' }
  /** Put a code into the lock's own memory, or take it out; `entry` is the grant's id there. */
  | {
      readonly kind: 'put-code';
      readonly entry: string;
      readonly digits: string;
      readonly from?: number;
      readonly until?: number;
      readonly name: string;
    }
  | { readonly kind: 'remove-code'; readonly entry: string }
);

/** Kinds that move something; only these need an intent in the journal first (P2). */
const MOVING_KINDS = ['open-slot', 'unlock', 'lock'] as const;

export function movesSomething(actuation: Actuation): boolean {
  return (MOVING_KINDS as readonly string[]).includes(actuation.kind);
}

/** Counters of one device since its link was opened, for state, metrics and `latchkey status`. */
export interface DeviceStatistics {
  readonly polls: number;
  readonly replies: number;
  readonly retries: number;
  readonly timeouts: number;
  readonly checksumErrors: number;
  readonly noiseBytes: number;
  readonly actuations: number;
  readonly lastSeen: Uptime | undefined;
}

export const NO_STATISTICS: DeviceStatistics = {
  polls: 0,
  replies: 0,
  retries: 0,
  timeouts: 0,
  checksumErrors: 0,
  noiseBytes: 0,
  actuations: 0,
  lastSeen: undefined,
};
