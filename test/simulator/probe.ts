/** A simulated thing on a bus that only keeps what it hears and says what it is told to. */
import type { DeviceSurroundings, SimulatedDevice } from '../../simulator/device.ts';

export class Probe implements SimulatedDevice {
  readonly name: string;
  readonly kind = 'probe';
  readonly verbs = {};
  readonly speeds: number[] = [];
  readonly #around: DeviceSurroundings;
  #heard: number[] = [];

  constructor(name: string, around: DeviceSurroundings) {
    this.name = name;
    this.#around = around;
  }

  get heard(): Uint8Array {
    return Uint8Array.from(this.#heard);
  }

  hear(bytes: Uint8Array): void {
    this.#heard.push(...bytes);
  }

  lineSpeed(baudRate: number): void {
    this.speeds.push(baudRate);
  }

  power(): void {
    this.#heard = [];
  }

  say(bytes: Uint8Array): void {
    this.#around.say(bytes);
  }

  look(): number {
    return this.#heard.length;
  }
}
