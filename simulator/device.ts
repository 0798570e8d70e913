/**
 * A simulated device behaves like the thing on the bus: it hears bytes, has a state that people change with their
 * hands, and answers in its own time. It knows nothing of Latchkey. One file a device under `devices/`.
 */
import type { Clock, Random } from '../drivers/contract/time.ts';

export type SimJson =
  | null
  | boolean
  | number
  | string
  | readonly SimJson[]
  | { readonly [name: string]: SimJson };

/** What a simulated device is given: its side of the wire, time and chance. */
export interface DeviceSurroundings {
  readonly clock: Clock;
  readonly random: Random;
  /** Puts bytes on the wire; the bus adds its own delay, loss and noise. */
  say(bytes: Uint8Array): void;
}

/** Something a hand can do to the device: `POST /v1/devices/<name>/<verb>` with these arguments as JSON. */
export interface Verb {
  /** One line for `GET /` of the control API. */
  readonly what: string;
  /** Argument name -> what it is; a name ending in `?` is optional. */
  readonly arguments: Readonly<Record<string, string>>;
  /** Throws `RangeError` with a sentence for the caller where an argument is wrong. */
  run(args: Readonly<Record<string, SimJson>>): SimJson;
}

export interface SimulatedDevice {
  readonly name: string;
  /** Driver whose protocol it speaks, as in the catalogue. */
  readonly kind: string;
  /** Bytes of the host arrived, cut anywhere. */
  hear(bytes: Uint8Array): void;
  /** The line's speed as the host set it changed; most devices ignore it. */
  lineSpeed?(baudRate: number): void;
  /** Power came (true) or went; a device without power hears and says nothing and forgets what it does not store. */
  power(on: boolean): void;
  readonly verbs: Readonly<Record<string, Verb>>;
  /** What one would see, for `GET /v1/devices/<name>` and for tests: doors, LEDs, how often each lock was pulsed. */
  look(): SimJson;
}

/** A line of `devices/catalogue.ts`: how a device of one driver is built. */
export interface SimulatedKind<Options = unknown> {
  /** `name` and `options` as in the config, the options as the driver's schema parses them. */
  build(name: string, options: Options, around: DeviceSurroundings): SimulatedDevice;
}
