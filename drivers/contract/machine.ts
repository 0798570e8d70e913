/**
 * A protocol is a machine without a port: the same inputs at the same times give the same steps. One machine
 * talks for one bus and all devices on it; `drivers/run-machine.ts` joins it to a link and a clock.
 */
import type { z } from 'zod';
import type { Actuation, DeviceEvent, DeviceId, DeviceStatistics, SlotNumber } from './device.ts';
import type { GattCharacteristic } from './link.ts';
import type { Instant, Millis, Random, Uptime } from './time.ts';

export type Input =
  /** The link is open and nothing was sent on it yet; `mtu` on a BLE link. */
  | { readonly kind: 'link-up'; readonly mtu?: number }
  /** Nothing sent is known to have arrived; whatever was in flight is `unknown`. */
  | { readonly kind: 'link-down' }
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  /**
   * All sends of an earlier step are with the link. Their last byte leaves `at` (absent: has left now), which may still
   * be to come; response timers start there. Told at once, so that no poll costs a wake-up of its own for it.
   */
  | { readonly kind: 'sent'; readonly at?: Uptime }
  | { readonly kind: 'notified'; readonly from: GattCharacteristic; readonly value: Uint8Array }
  | { readonly kind: 'value'; readonly from: GattCharacteristic; readonly value: Uint8Array }
  | { readonly kind: 'gatt-failed'; readonly detail: string }
  | { readonly kind: 'actuation'; readonly actuation: Actuation }
  /** An actuation not yet on the wire is taken back (revoked, locked down). */
  | { readonly kind: 'withdraw'; readonly actuation: Actuation['id'] }
  | { readonly kind: 'wake' };

export type Send =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'baud-rate'; readonly baudRate: number }
  | {
      readonly kind: 'gatt-write';
      readonly to: GattCharacteristic;
      readonly value: Uint8Array;
      readonly withResponse: boolean;
    }
  | { readonly kind: 'gatt-read'; readonly from: GattCharacteristic }
  | { readonly kind: 'gatt-subscribe'; readonly to: GattCharacteristic }
  /** The machine has finished with the peripheral, or gives the link up. */
  | { readonly kind: 'close' };

export interface Step<State> {
  readonly state: State;
  /** In order; the link confirms them all with one `sent`. */
  readonly send: readonly Send[];
  readonly events: readonly DeviceEvent[];
  /** When to be woken if nothing else happens first. */
  readonly wakeAt: Uptime | undefined;
}

/**
 * Pure but for what it was built with (ids, options, a source of chance). Reading the wire never throws.
 * An actuation that arrives is answered by exactly one `actuation-result`, except for `feedback`, which has none.
 */
export interface Machine<State> {
  begin(now: Uptime): Step<State>;
  step(state: State, input: Input, now: Uptime): Step<State>;
  /** Said on an open link before the run is over: it ends what nobody else would end until the next start. */
  farewell?(state: State): readonly Send[];
  statistics(state: State): ReadonlyMap<DeviceId, DeviceStatistics>;
}

/** What a machine is built for: the devices of its driver on one bus. */
export interface MachineDevice<Options> {
  readonly id: DeviceId;
  readonly options: Options;
}

/** What the bus knows and the machine may need. */
export interface BusFacts {
  /** Speed of the line, bits per second; for a gateway, what it is configured to. */
  readonly baudRate: number;
  /** Extra milliseconds that the way to the wire adds (gateway, USB adapter). */
  readonly latencyMs: number;
  /** Our own bytes come back (adapter with the receiver left on). */
  readonly echo: boolean;
  readonly random: Random;
  /** Secrets named by the device options (`credential:…`), already read; empty for most drivers. */
  readonly secrets: ReadonlyMap<string, Uint8Array>;
  /**
   * The moment on the wall, for who has to set a clock by it or names one in its options (an install window; without a
   * moment it is over). `undefined` while it is not known how late it is.
   */
  readonly wall?: () => Instant | undefined;
  /** Fire holds this lock open: whoever sets it up leaves it so. */
  readonly isHeldOpen?: (device: DeviceId) => boolean;
}

/** What an access point may expect of a device of this driver. */
export interface DriverAbilities {
  readonly cards: boolean;
  readonly codes: boolean;
  readonly feedback: boolean;
  readonly slots: boolean;
  readonly presence: boolean;
  readonly lock: boolean;
  /** The longest unlocking that it can time; `undefined` where it can be held for as long as is asked. */
  readonly holdMost?: Millis | undefined;
  /** Where no power means open: `fail-safe`; locked: `fail-secure`; `undefined` where the wiring decides. */
  readonly onPowerLoss: 'fail-safe' | 'fail-secure' | undefined;
}

/** A driver as it is run, with options that were checked. It knows no schema: a start that needs none loads none. */
export interface Driver<Options = unknown> {
  readonly name: string;
  /** One line for `latchkey drivers` and the documentation. */
  readonly title: string;
  readonly link: 'bytes' | 'gatt' | 'input';
  /** Factory speed, used when the bus names none. */
  readonly defaultBaudRate: number;
  abilities(options: Options): DriverAbilities;
  /** Of a GATT driver: whom to connect to. Its bus is the adapter; each device there has a machine of its own. */
  peripheral?(options: Options): {
    readonly address: string;
    readonly addressType: 'public' | 'random';
  };
  /** Slots that exist with these options, for boxes. */
  slots?(options: Options): readonly SlotNumber[];
  /** Faults that only show with all devices of a bus together (one address twice); path and remedy as in config. */
  clashes?(devices: readonly MachineDevice<Options>[]): readonly string[];
  machine(devices: readonly MachineDevice<Options>[], bus: BusFacts): Machine<unknown>;
}

/**
 * One driver in the catalogue. `options` is its part of a device in the config: a strict zod object, with
 * `.describe()` on each field.
 */
export interface DriverEntry<Options = unknown> extends Driver<Options> {
  readonly options: z.ZodType<Options>;
}
