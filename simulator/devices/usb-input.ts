/** USB devices that type: a desk reader and a numeric keypad, as the kernel hands on their keys. */
import { type Millis, type Timer, type Uptime, uptime } from '../../drivers/contract/time.ts';
import { ArgumentError, numberIn, textIn } from '../arguments.ts';
import type { DeviceSurroundings, SimJson, SimulatedDevice, Verb } from '../device.ts';

/** As the drivers `keyboard-wedge` and `usb-keypad` parse them. */
export interface SimulatedUsbInputOptions {
  readonly wordBits?: 32 | 64;
}

const READER_GAP: Millis = 4;
const FINGER_GAP: Millis = 150;

const READER_CODES: Readonly<Record<string, number>> = {
  ...{ 1: 2, 2: 3, 3: 4, 4: 5, 5: 6, 6: 7, 7: 8, 8: 9, 9: 10, 0: 11 },
  ...{ A: 30, B: 48, C: 46, D: 32, E: 18, F: 33, ',': 51, '\n': 28 },
};
const KEYPAD_CODES: Readonly<Record<string, number>> = {
  ...{ 0: 82, 1: 79, 2: 80, 3: 81, 4: 75, 5: 76, 6: 77, 7: 71, 8: 72, 9: 73 },
  ...{ '#': 96, '*': 55 },
};

export function simulatedKeyboardWedge(
  name: string,
  options: SimulatedUsbInputOptions,
  around: DeviceSurroundings,
): SimulatedDevice {
  const typist = new Typist(options.wordBits ?? 64, around);
  return asDevice(name, 'keyboard-wedge', typist, {
    show: {
      what: 'holds a card to it; its number is typed',
      arguments: { card: 'its number as the reader types it', 'enter?': 'false leaves Enter out' },
      run(given) {
        const card = (textIn(given, 'card') ?? '').toUpperCase();
        if (!/^[0-9A-F,]+$/.test(card))
          throw new ArgumentError('card', 'a card is hex digits or ","');
        const text = given['enter'] === false ? card : `${card}\n`;
        for (const key of text) typist.type(READER_CODES[key] ?? 0, READER_GAP);
        return null;
      },
    },
  });
}

export function simulatedUsbKeypad(
  name: string,
  options: SimulatedUsbInputOptions,
  around: DeviceSurroundings,
): SimulatedDevice {
  const typist = new Typist(options.wordBits ?? 64, around);
  return asDevice(name, 'usb-keypad', typist, {
    press: {
      what: 'presses keys one after the other; # is Enter',
      arguments: {
        keys: 'such as "1234#"',
        'gap?': 'milliseconds between two, 150 is the default',
      },
      run(given) {
        const keys = textIn(given, 'keys') ?? '';
        if (!/^[0-9*#]+$/.test(keys)) throw new ArgumentError('keys', 'keys are 0 to 9, * and #');
        const gap = numberIn(given, 'gap', { from: 0, to: 60_000, otherwise: FINGER_GAP });
        for (const key of keys) typist.type(KEYPAD_CODES[key] ?? 0, gap);
        return null;
      },
    },
  });
}

class Typist {
  readonly #wordBits: 32 | 64;
  readonly #around: DeviceSurroundings;
  readonly #pending = new Set<Timer>();
  #freeAt: Uptime;
  #hasPower = true;
  typed = 0;

  constructor(wordBits: 32 | 64, around: DeviceSurroundings) {
    this.#wordBits = wordBits;
    this.#around = around;
    this.#freeAt = around.clock.uptime();
  }

  set power(on: boolean) {
    this.#hasPower = on;
    for (const timer of this.#pending) timer.cancel();
    this.#pending.clear();
  }

  /** Pressed, held for one repeat, released; each with the end of its report. */
  type(code: number, gap: Millis): void {
    if (!this.#hasPower) return;
    this.typed += 1;
    const { clock } = this.#around;
    const at = uptime(Math.max(clock.uptime(), this.#freeAt));
    this.#freeAt = uptime(at + gap);
    const timer = clock.wakeAt(at, () => {
      this.#pending.delete(timer);
      for (const value of [1, 2, 0]) {
        this.#around.say(this.#record(1, code, value));
        this.#around.say(this.#record(0, 0, 0));
      }
    });
    this.#pending.add(timer);
  }

  /** Seconds and microseconds of the wall clock, type, code, value. */
  #record(type: number, code: number, value: number): Uint8Array {
    const wide = this.#wordBits === 64;
    const view = new DataView(new ArrayBuffer(wide ? 24 : 16));
    const now = this.#around.clock.now();
    const seconds = Math.floor(now / 1000);
    const microseconds = (now % 1000) * 1000;
    if (wide) {
      view.setBigUint64(0, BigInt(seconds), true);
      view.setBigUint64(8, BigInt(microseconds), true);
    } else {
      view.setUint32(0, seconds, true);
      view.setUint32(4, microseconds, true);
    }
    const at = view.byteLength - 8;
    view.setUint16(at, type, true);
    view.setUint16(at + 2, code, true);
    view.setInt32(at + 4, value, true);
    return new Uint8Array(view.buffer);
  }
}

function asDevice(
  name: string,
  kind: string,
  typist: Typist,
  verbs: Readonly<Record<string, Verb>>,
): SimulatedDevice {
  return {
    name,
    kind,
    verbs,
    hear: () => {},
    power: (on) => {
      typist.power = on;
    },
    look: (): SimJson => ({ typed: typist.typed }),
  };
}
