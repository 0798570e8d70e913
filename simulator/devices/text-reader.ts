/** A serial reader that writes a card once as text: a line, or `02`, digits, `03` and a check. */
import { ArgumentError, textIn, yesOrNo } from '../arguments.ts';
import type { DeviceSurroundings, SimJson, SimulatedDevice, Verb } from '../device.ts';

/** As the driver `line-reader` parses them; the driver `stx-etx-lrc` has none. */
export interface SimulatedTextReaderOptions {
  readonly framing?: 'line' | 'stx-etx' | 'lrc' | 'idle';
  readonly prefix?: string;
  readonly suffix?: string;
}

export function simulatedLineReader(
  name: string,
  options: SimulatedTextReaderOptions,
  around: DeviceSurroundings,
): SimulatedTextReader {
  return new SimulatedTextReader(name, 'line-reader', options, around);
}

export function simulatedStxEtxLrc(
  name: string,
  _options: unknown,
  around: DeviceSurroundings,
): SimulatedTextReader {
  return new SimulatedTextReader(name, 'stx-etx-lrc', { framing: 'lrc' }, around);
}

class SimulatedTextReader implements SimulatedDevice {
  readonly name: string;
  readonly kind: string;
  readonly #options: SimulatedTextReaderOptions;
  readonly #around: DeviceSurroundings;
  #hasPower = true;
  #isWrong = false;
  #shown = 0;

  constructor(
    name: string,
    kind: string,
    options: SimulatedTextReaderOptions,
    around: DeviceSurroundings,
  ) {
    this.name = name;
    this.kind = kind;
    this.#options = options;
    this.#around = around;
  }

  readonly verbs: Readonly<Record<string, Verb>> = {
    show: {
      what: 'holds a card to it; it is said once',
      arguments: { card: 'its number as the reader writes it' },
      run: (given) => {
        const card = textIn(given, 'card') ?? '';
        if (!/^[ -~]+$/.test(card)) throw new ArgumentError('card', 'a card is printable text');
        this.#shown += 1;
        if (this.#hasPower) this.#around.say(this.#frame(card));
        return null;
      },
    },
    garble: {
      what: 'lets it say wrong checks',
      arguments: { 'on?': 'true (the default) or false' },
      run: (given) => {
        this.#isWrong = yesOrNo(given, 'on', true);
        return null;
      },
    },
  };

  /** It has no ears. */
  hear(): void {}

  power(on: boolean): void {
    this.#hasPower = on;
  }

  look(): SimJson {
    return { shown: this.#shown, hasPower: this.#hasPower };
  }

  #frame(card: string): Uint8Array {
    const { framing = 'line', prefix = '', suffix = '' } = this.#options;
    const text = `${prefix}${card}${suffix}`;
    if (framing === 'line') return new TextEncoder().encode(`${text}\r\n`);
    if (framing === 'idle') return new TextEncoder().encode(text);
    const bytes = new TextEncoder().encode(`\x02${text}\x03`);
    if (framing === 'stx-etx') return bytes;
    const check = bytes.reduce((sum, byte) => sum ^ byte, this.#isWrong ? 1 : 0);
    return Uint8Array.from([...bytes, check]);
  }
}
