/** A 125 kHz reader module: says the fob in its field over and over, and nothing else. */
import { type Millis, type Timer, uptime } from '../../drivers/contract/time.ts';
import { numberIn } from '../arguments.ts';
import type { DeviceSurroundings, SimJson, SimulatedDevice, Verb } from '../device.ts';
import { fobIn } from './box.ts';

export type Em4100Kind = 'rdm6300' | 'id-20la';

/** How often a module repeats a fob that stays. */
const REPEAT: Millis = 100;

export function simulatedEm4100Reader(
  name: string,
  _options: unknown,
  around: DeviceSurroundings,
): SimulatedEm4100Reader {
  return new SimulatedEm4100Reader(name, 'rdm6300', around);
}

export function simulatedId20la(
  name: string,
  _options: unknown,
  around: DeviceSurroundings,
): SimulatedEm4100Reader {
  return new SimulatedEm4100Reader(name, 'id-20la', around);
}

export class SimulatedEm4100Reader implements SimulatedDevice {
  readonly name: string;
  readonly kind: Em4100Kind;
  readonly #around: DeviceSurroundings;
  #fob: string | undefined;
  #timer: Timer | undefined;
  #removal: Timer | undefined;
  #hasPower = true;
  #isWrong = false;
  /** The last one made: a fob that lies there is told ten times a second. */
  #told:
    | { readonly fob: string; readonly isWrong: boolean; readonly bytes: Uint8Array }
    | undefined;
  #frames = 0;

  constructor(name: string, kind: Em4100Kind, around: DeviceSurroundings) {
    this.name = name;
    this.kind = kind;
    this.#around = around;
  }

  readonly verbs: Readonly<Record<string, Verb>> = {
    show: {
      what: 'holds a fob to the reader; it is said again and again until it is removed',
      arguments: { fob: 'ten hex digits', 'ms?': 'removes it by itself after this time' },
      run: (given) => {
        const fob = fobIn(given);
        const ms = numberIn(given, 'ms', { from: 0, to: 3_600_000, otherwise: 0 });
        this.showing = fob;
        if (ms > 0) this.#removal = this.#after(ms, () => this.remove());
        return null;
      },
    },
    remove: {
      what: 'takes the fob away',
      arguments: {},
      run: () => {
        this.remove();
        return null;
      },
    },
    garble: {
      what: 'lets it say wrong checks',
      arguments: { 'on?': 'true (the default) or false' },
      run: (given) => {
        this.#isWrong = given['on'] !== false;
        return null;
      },
    },
  };

  get showing(): string | undefined {
    return this.#fob;
  }

  set showing(fob: string | undefined) {
    this.remove();
    this.#fob = fob;
    this.#repeat();
  }

  remove(): void {
    this.#fob = undefined;
    this.#timer?.cancel();
    this.#removal?.cancel();
    this.#timer = undefined;
    this.#removal = undefined;
  }

  /** It has no ears. */
  hear(): void {}

  power(on: boolean): void {
    this.#hasPower = on;
    this.#timer?.cancel();
    this.#timer = undefined;
    if (on) this.#repeat();
  }

  look(): SimJson {
    return { fob: this.#fob ?? null, frames: this.#frames, hasPower: this.#hasPower };
  }

  #repeat(): void {
    if (this.#fob === undefined || !this.#hasPower) return;
    this.#around.say(this.#frame(this.#fob));
    this.#frames += 1;
    this.#timer = this.#after(REPEAT, () => this.#repeat());
  }

  #frame(fob: string): Uint8Array {
    const isWrong = this.#isWrong;
    if (this.#told?.fob !== fob || this.#told.isWrong !== isWrong)
      this.#told = { fob, isWrong, bytes: this.#made(fob) };
    return this.#told.bytes;
  }

  /** `02`, ten hex digits, two of check, on the ID-20LA a new line, `03`. */
  #made(fob: string): Uint8Array {
    let check = this.#isWrong ? 0x01 : 0x00;
    for (let at = 0; at < 10; at += 2) check ^= Number.parseInt(fob.slice(at, at + 2), 16);
    const sum = check.toString(16).toUpperCase().padStart(2, '0');
    const end = this.kind === 'id-20la' ? '\r\n\x03' : '\x03';
    return new TextEncoder().encode(`\x02${fob}${sum}${end}`);
  }

  #after(length: Millis, run: () => void): Timer {
    return this.#around.clock.wakeAt(uptime(this.#around.clock.uptime() + length), run);
  }
}
