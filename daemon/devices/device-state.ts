/** What is known of one device from what its machine and its link say. */
import {
  type DeviceEvent,
  type DeviceFault,
  type DeviceId,
  type DeviceStatistics,
  NO_STATISTICS,
} from '../../drivers/contract/device.ts';

/**
 * Where the trouble is (serial-hardware 2.6): no port; a port with another device behind it; a port, but nothing comes
 * back; bytes come back that are no frames; it answers and refuses; all is well.
 */
export type LinkState = 'port-missing' | 'other-device' | 'silent' | 'garbage' | 'refusing' | 'up';

/** Events that only a device that is there can cause. */
const PROOFS: ReadonlySet<DeviceEvent['kind']> = new Set([
  'card-read',
  'card-malformed',
  'code-entered',
  'keypad',
  'slot-door',
  'slot-presence',
  'lock-state',
  'door-contact',
  'input',
  'identity',
] satisfies DeviceEvent['kind'][]);

/** Tells each change once: a machine that begins anew on a new link repeats what was said on the old one. */
export class DeviceState {
  readonly #device: DeviceId;
  readonly #faults = new Set<DeviceFault>();
  #online: boolean | undefined;
  /** Damaged bytes counted when it went offline; more since then is garbage. */
  #damagedBefore = 0;

  constructor(device: DeviceId) {
    this.#device = device;
  }

  /** `undefined` until the first word from it or about it. */
  get isOnline(): boolean | undefined {
    return this.#online;
  }

  /** What of `event` is news, with what follows from it. `statistics` are only asked for where they tell something. */
  *news(event: DeviceEvent, statistics: () => DeviceStatistics): Generator<DeviceEvent> {
    switch (event.kind) {
      case 'online':
        if (this.#online === true) return;
        this.#online = true;
        break;
      case 'offline':
        if (this.#online === false) return;
        this.#online = false;
        this.#damagedBefore = damaged(statistics());
        break;
      case 'fault':
        if (this.#faults.has(event.fault) === (event.state === 'raised')) return;
        if (event.state === 'raised') this.#faults.add(event.fault);
        else this.#faults.delete(event.fault);
        break;
      default:
        if (PROOFS.has(event.kind) && this.#online !== true) {
          this.#online = true;
          yield { kind: 'online', device: this.#device };
        }
    }
    yield event;
  }

  /** The link is gone: faults seen through it are no longer seen, and will be told again where they last. */
  *linkLost(why: string): Generator<DeviceEvent> {
    for (const fault of [...this.#faults]) {
      if (fault === 'identity-changed') continue; // told of the port itself, not through it
      this.#faults.delete(fault);
      yield { kind: 'fault', device: this.#device, fault, state: 'cleared', detail: why };
    }
    this.#damagedBefore = 0; // counters begin anew with the next link
    if (this.#online === false) return;
    this.#online = false;
    yield { kind: 'offline', device: this.#device, why };
  }

  /** For a device whose link is open. */
  linkState(statistics = NO_STATISTICS): LinkState {
    if (this.#faults.has('garbage')) return 'garbage';
    if (this.#faults.has('refusing') || this.#faults.has('secure-channel')) return 'refusing';
    if (this.#online === true) return 'up';
    return damaged(statistics) > this.#damagedBefore ? 'garbage' : 'silent';
  }

  get faults(): readonly DeviceFault[] {
    return [...this.#faults];
  }
}

function damaged({ checksumErrors, noiseBytes }: DeviceStatistics): number {
  return checksumErrors + noiseBytes;
}
