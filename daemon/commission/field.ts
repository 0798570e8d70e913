/** The devices of a site as the installer's run has them: what they say, waited for; what is asked of them, once. */
import {
  type Actuation,
  type ActuationOutcome,
  actuationId,
  type DeviceEvent,
  type DeviceId,
  type SlotNumber,
} from '../../drivers/contract/device.ts';
import {
  type Clock,
  type Millis,
  pause,
  type Uptime,
  uptime,
} from '../../drivers/contract/time.ts';
import {
  type DeviceStatus,
  type Devices,
  type DevicesParts,
  openDevices,
} from '../devices/devices.ts';

export interface Heard {
  readonly event: DeviceEvent;
  readonly at: Uptime;
}

export type FieldParts = Omit<DevicesParts, 'onEvent' | 'beforeWire'>;

/** Longest that an answer to something asked may take; the actuator gives up before. */
const ANSWER_WITHIN: Millis = 70_000;
/** What is asked and not sent within this time is not sent at all. */
const EXPIRES_AFTER: Millis = 10_000;

type Ask = { readonly device: DeviceId } & (
  | { readonly kind: 'open-slot'; readonly slot: SlotNumber; readonly hold: Millis }
  | { readonly kind: 'unlock'; readonly hold: Millis }
  | { readonly kind: 'lock' }
);

export class Field {
  readonly #clock: Clock;
  readonly #devices: Devices;
  readonly #listeners = new Set<(heard: Heard) => void>();
  readonly #doors = new Map<string, boolean>();
  readonly #presence = new Map<string, boolean>();
  readonly #contacts = new Map<DeviceId, boolean>();
  readonly #hardware = new Map<DeviceId, Extract<DeviceEvent, { kind: 'identity' }>>();
  readonly #failed = new Set<DeviceId>();
  #asked = 0;

  constructor(parts: FieldParts) {
    this.#clock = parts.clock;
    this.#devices = openDevices({
      ...parts,
      onEvent: (event, at) => this.#hear({ event, at }),
      // The installer stands there and has just asked for it.
      beforeWire: () => true,
    });
  }

  /** Until the signal; what is under way then may end, what waits is never sent. */
  run(signal: AbortSignal): Promise<void> {
    return this.#devices.run(signal);
  }

  status(device: DeviceId): DeviceStatus | undefined {
    return this.#devices.status().find((each) => each.device === device);
  }

  isUp(device: DeviceId): boolean {
    return this.status(device)?.link === 'up';
  }

  /** It was asked for long enough, and said nothing. */
  hasFailed(device: DeviceId): boolean {
    return this.#failed.has(device);
  }

  hardware(device: DeviceId): Extract<DeviceEvent, { kind: 'identity' }> | undefined {
    return this.#hardware.get(device);
  }

  /** As the device says with the settings it has; `undefined` where no contact tells. */
  isDoorOpen(device: DeviceId, slot: SlotNumber): boolean | undefined {
    return this.#doors.get(`${device}:${slot}`);
  }

  isPresent(device: DeviceId, slot: SlotNumber): boolean | undefined {
    return this.#presence.get(`${device}:${slot}`);
  }

  isContactOpen(device: DeviceId): boolean | undefined {
    return this.#contacts.get(device);
  }

  /** Hears everything from now on; disposing it ends that. */
  listen(): Listening {
    return new Listening(this.#clock, this.#listeners);
  }

  /** Resolves with what came of it. */
  async ask(asked: Ask, signal: AbortSignal): Promise<ActuationOutcome> {
    this.#asked += 1;
    const id = actuationId(`commission-${this.#asked}`);
    const expiresAt = uptime(this.#clock.uptime() + EXPIRES_AFTER);
    using listening = this.listen();
    const actuation: Actuation = { ...asked, id, expiresAt };
    const takeBack = () => this.#devices.withdraw((each) => each.id === id);
    signal.addEventListener('abort', takeBack, { once: true });
    this.#devices.actuate(actuation);
    const result = await listening.until(({ event }) => {
      return event.kind === 'actuation-result' && event.actuation === id ? event : undefined;
    }, ANSWER_WITHIN);
    signal.removeEventListener('abort', takeBack);
    if (result !== undefined) return result;
    return { result: 'unknown', sent: true, acknowledged: false, observed: false };
  }

  #hear(heard: Heard): void {
    const { event } = heard;
    switch (event.kind) {
      case 'slot-door':
        this.#doors.set(`${event.device}:${event.slot}`, event.isOpen);
        break;
      case 'slot-presence':
        this.#presence.set(`${event.device}:${event.slot}`, event.present);
        break;
      case 'door-contact':
        this.#contacts.set(event.device, event.isOpen);
        break;
      case 'offline':
        this.#failed.add(event.device);
        break;
      case 'online':
        this.#failed.delete(event.device);
        break;
      case 'identity':
        this.#hardware.set(event.device, event);
        break;
      default:
        break;
    }
    for (const listener of [...this.#listeners]) listener(heard);
  }
}

/** What was heard since it began, in order; nothing that comes between two waits is lost. */
export class Listening implements Disposable {
  readonly heard: Heard[] = [];
  readonly #clock: Clock;
  readonly #listeners: Set<(heard: Heard) => void>;
  readonly #take = (heard: Heard) => {
    this.heard.push(heard);
    this.#more.abort();
  };
  #more = new AbortController();
  #looked = 0;

  constructor(clock: Clock, listeners: Set<(heard: Heard) => void>) {
    this.#clock = clock;
    this.#listeners = listeners;
    listeners.add(this.#take);
  }

  /** The first that `match` makes something of, after those already looked at; `undefined` when time or signal ends. */
  async until<Found>(
    match: (heard: Heard) => Found | undefined,
    within: Millis,
    signal?: AbortSignal,
  ): Promise<Found | undefined> {
    const end = this.#clock.uptime() + within;
    for (;;) {
      for (; this.#looked < this.heard.length; ) {
        const heard = this.heard[this.#looked];
        this.#looked += 1;
        const found = heard === undefined ? undefined : match(heard);
        if (found !== undefined) return found;
      }
      const left = end - this.#clock.uptime();
      if (left <= 0 || signal?.aborted) return undefined;
      this.#more = new AbortController();
      const either = signal === undefined ? [] : [signal];
      await pause(this.#clock, left, AbortSignal.any([this.#more.signal, ...either]));
    }
  }

  [Symbol.dispose](): void {
    this.#listeners.delete(this.#take);
  }
}
