/** A Wiegand keypad with card reader behind a serial converter: one byte a key, a line a card. */
import { type Millis, type Timer, uptime } from '../../drivers/contract/time.ts';
import { ArgumentError, numberIn, textIn, yesOrNo } from '../arguments.ts';
import type { DeviceSurroundings, SimJson, SimulatedDevice, Verb } from '../device.ts';

/** As the driver `wiegand-serial` parses them. */
export interface SimulatedKeypadOptions {
  readonly bits?: 4 | 8;
  readonly keys?: Readonly<Record<string, string>>;
  readonly card?: { readonly base: 10 | 16; readonly digits: number };
}

const KEY_GAP: Millis = 150;

export function simulatedWiegandKeypad(
  name: string,
  options: SimulatedKeypadOptions,
  around: DeviceSurroundings,
): SimulatedWiegandKeypad {
  return new SimulatedWiegandKeypad(name, options, around);
}

class SimulatedWiegandKeypad implements SimulatedDevice {
  readonly name: string;
  readonly kind = 'wiegand-serial';
  readonly #options: SimulatedKeypadOptions;
  readonly #around: DeviceSurroundings;
  readonly #pending = new Set<Timer>();
  #freeAt = uptime(0);
  #hasPower = true;
  #isSwapped = false;
  #pressed = 0;

  constructor(name: string, options: SimulatedKeypadOptions, around: DeviceSurroundings) {
    this.name = name;
    this.#options = options;
    this.#around = around;
  }

  readonly verbs: Readonly<Record<string, Verb>> = {
    press: {
      what: 'presses keys one after the other',
      arguments: {
        keys: 'such as "1234#"',
        'gap?': 'milliseconds between two, 150 is the default',
      },
      run: (given) => {
        const keys = textIn(given, 'keys') ?? '';
        if (!/^[0-9*#]+$/.test(keys)) throw new ArgumentError('keys', 'keys are 0 to 9, * and #');
        const gap = numberIn(given, 'gap', { from: 0, to: 60_000, otherwise: KEY_GAP });
        for (const key of keys) this.#say(Uint8Array.of(this.#byteOf(key)), gap);
        this.#pressed += keys.length;
        return null;
      },
    },
    show: {
      what: 'holds a card to it',
      arguments: { card: 'its number as the converter writes it' },
      run: (given) => {
        const { base = 10, digits = 10 } = this.#options.card ?? {};
        const card = (textIn(given, 'card') ?? '').toUpperCase();
        const fits = base === 10 ? /^[0-9]+$/ : /^[0-9A-F]+$/;
        if (!fits.test(card) || card.length > digits) {
          throw new ArgumentError('card', `a card is up to ${digits} digits of base ${base}`);
        }
        this.#say(new TextEncoder().encode(`${card.padStart(digits, '0')}\r\n`), KEY_GAP);
        return null;
      },
    },
    'swap-wires': {
      what: 'exchanges D0 and D1 behind the converter',
      arguments: { 'on?': 'true (the default) or false' },
      run: (given) => {
        this.#isSwapped = yesOrNo(given, 'on', true);
        return null;
      },
    },
  };

  hear(): void {}

  power(on: boolean): void {
    this.#hasPower = on;
    if (on) return;
    for (const timer of this.#pending) timer.cancel();
    this.#pending.clear();
  }

  look(): SimJson {
    return { pressed: this.#pressed, hasPower: this.#hasPower, isSwapped: this.#isSwapped };
  }

  /** At once where the last key was long enough ago, else when its turn has come. */
  #say(bytes: Uint8Array, gap: Millis): void {
    if (!this.#hasPower) return;
    const { clock } = this.#around;
    const at = uptime(Math.max(clock.uptime(), this.#freeAt));
    this.#freeAt = uptime(at + gap);
    const timer = clock.wakeAt(at, () => {
      this.#pending.delete(timer);
      this.#around.say(bytes);
    });
    this.#pending.add(timer);
  }

  /** 4 bits: the nibble as an ASCII hex digit. 8 bits: the nibble's complement, then the nibble. */
  #byteOf(key: string): number {
    const { bits = 4, keys = { A: '*', B: '#' } } = this.#options;
    const mapped = Object.entries(keys).find(([, each]) => each === key)?.[0];
    const nibble = Number.parseInt(mapped ?? key, 16) ^ (this.#isSwapped && bits === 4 ? 0x0f : 0);
    if (bits === 4) return nibble.toString(16).toUpperCase().charCodeAt(0);
    const own = key === '*' ? 0x0a : key === '#' ? 0x0b : Number(key);
    const byte = (15 - own) * 16 + own;
    return this.#isSwapped ? 255 - byte : byte;
  }
}
