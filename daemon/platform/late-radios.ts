/** The adapters of a site that may have none: what drives them is loaded when it is first needed. */
import type { Radios } from './ble-backend.ts';
import type { BleRadio } from './ble-transport.ts';

export class LateRadios implements AsyncDisposable {
  readonly #make: () => Promise<Radios>;
  #radios: Radios | undefined;

  constructor(make: () => Promise<Radios>) {
    this.#make = make;
  }

  /** Before `get`. */
  async load(): Promise<void> {
    this.#radios ??= await this.#make();
  }

  get(adapter: string, via?: 'bluez' | 'hci'): BleRadio {
    if (this.#radios === undefined) throw new TypeError(`${adapter} was not loaded`);
    return this.#radios.get(adapter, via);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#radios?.[Symbol.asyncDispose]();
  }
}
