/** What hosts and peripherals share: who is there, how well it is heard, and what goes wrong between them. */
import type { Clock, Random } from '../../drivers/contract/time.ts';
import type { Peripheral, PeripheralFaults } from './peripheral.ts';

/** A controller, as the air knows it. */
export interface Listener {
  /** A peripheral appeared, or left. */
  peopled(): void;
  /** The peripheral is gone or its power is: its links end with a supervision timeout. */
  lost(peripheral: Peripheral): void;
}

const USUAL_RSSI = -55;

export class Air {
  readonly clock: Clock;
  readonly random: Random;
  readonly #peripherals = new Map<string, Peripheral>();
  readonly #faults = new Map<string, PeripheralFaults>();
  readonly #listeners = new Set<Listener>();
  /** Links that each peripheral holds, over all hosts. */
  readonly #held = new Map<string, number>();

  constructor(clock: Clock, random: Random) {
    this.clock = clock;
    this.random = random;
  }

  get peripherals(): readonly Peripheral[] {
    return [...this.#peripherals.values()];
  }

  join(peripheral: Peripheral): void {
    if (this.#peripherals.has(peripheral.address)) {
      throw new RangeError(`${peripheral.address} is on the air already`);
    }
    this.#peripherals.set(peripheral.address, peripheral);
    for (const listener of this.#listeners) listener.peopled();
  }

  leave(address: string): void {
    const gone = this.#peripherals.get(address);
    this.#peripherals.delete(address);
    if (gone !== undefined) this.cut(gone);
  }

  /** Ends every link of the peripheral, as walking out of range does. */
  cut(peripheral: Peripheral): void {
    for (const listener of this.#listeners) listener.lost(peripheral);
  }

  listen(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Replaces the faults of one peripheral; none mends it. Going away cuts its links. */
  setFaults(address: string, faults: PeripheralFaults): void {
    this.#faults.set(address, faults);
    const peripheral = this.#peripherals.get(address);
    if (faults.away === true && peripheral !== undefined) this.cut(peripheral);
    for (const listener of this.#listeners) listener.peopled();
  }

  faults(address: string): PeripheralFaults {
    return this.#faults.get(address) ?? {};
  }

  /** Signed dBm, as in a report; a little different each time. */
  rssi(address: string): number {
    const strength = this.faults(address).rssi ?? USUAL_RSSI;
    return strength - Math.floor(this.random.fraction() * 3);
  }

  /** Somebody who could be connected to: there, advertising, and with a link to spare. */
  connectable(address: string, addressType: 'public' | 'random'): Peripheral | undefined {
    const found = this.#peripherals.get(address);
    if (found === undefined || this.faults(address).away === true) return undefined;
    if (found.addressType !== addressType || found.advertising() === undefined) return undefined;
    return this.isBusy(found) ? undefined : found;
  }

  isBusy(peripheral: Peripheral): boolean {
    return (this.#held.get(peripheral.address) ?? 0) >= (peripheral.centralsMax ?? 1);
  }

  hold(peripheral: Peripheral, by: 1 | -1): void {
    this.#held.set(peripheral.address, (this.#held.get(peripheral.address) ?? 0) + by);
    for (const listener of this.#listeners) listener.peopled();
  }
}
