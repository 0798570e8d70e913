/** What hangs on a simulated OSDP reader: outputs with their timers, LEDs, buzzer and display. */
import { type Clock, type Timer, type Uptime, uptime } from '../../drivers/contract/time.ts';
import type { Blink, Command, LedRecord, OutputControl } from '../../drivers/osdp/commands.ts';
import type { SimJson } from '../device.ts';

interface Output {
  isOn: boolean;
  /** State after a timed one. */
  permanent: boolean;
  pulses: number;
  timer: Timer | undefined;
}

export class PdOutputs {
  readonly #clock: Clock;
  readonly #outputs: Output[];

  constructor(clock: Clock, length: number) {
    this.#clock = clock;
    this.#outputs = Array.from({ length }, () => ({
      isOn: false,
      permanent: false,
      pulses: 0,
      timer: undefined,
    }));
  }

  get states(): boolean[] {
    return this.#outputs.map(({ isOn }) => isOn);
  }

  look(): SimJson {
    return this.#outputs.map(({ isOn, pulses }) => ({ isOn, pulses }));
  }

  /** `false`, and nothing done, where one of them does not exist. */
  drive(controls: readonly OutputControl[]): boolean {
    if (controls.some(({ output }) => this.#outputs[output] === undefined)) return false;
    for (const { output: number, code, tenths } of controls) {
      const output = this.#outputs[number];
      if (output === undefined || code === 'nothing') continue;
      const isOn = code === 'on' || code === 'on-for' || code === 'on-after-timer';
      if (code === 'on-for' || code === 'off-for') this.#pulse(output, isOn, tenths);
      else if (code === 'on' || code === 'off') this.#rest(output, isOn);
      else if (output.timer === undefined) this.#rest(output, isOn);
      else output.permanent = isOn;
    }
    return true;
  }

  powerOff(): void {
    for (const output of this.#outputs) this.#rest(output, false);
  }

  #rest(output: Output, isOn: boolean): void {
    output.timer?.cancel();
    output.timer = undefined;
    output.isOn = isOn;
    output.permanent = isOn;
  }

  /** Zero tenths never end, as the standard has it. */
  #pulse(output: Output, isOn: boolean, tenths: number): void {
    output.timer?.cancel();
    output.timer = undefined;
    output.isOn = isOn;
    output.pulses += 1;
    if (tenths === 0) return;
    output.timer = this.#clock.wakeAt(uptime(this.#clock.uptime() + tenths * 100), () => {
      output.isOn = output.permanent;
      output.timer = undefined;
    });
  }
}

interface Led {
  readonly permanent: Blink | undefined;
  readonly temporary: Blink | undefined;
  readonly until: Uptime;
}

const DARK: Led = { permanent: undefined, temporary: undefined, until: uptime(0) };

export class PdFace {
  readonly #clock: Clock;
  readonly #leds = new Map<number, Led>();
  #beeps = 0;
  #text = '';

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  light(records: readonly LedRecord[]): void {
    for (const { led: number, temporary, permanent } of records) {
      let led = this.#leds.get(number) ?? DARK;
      if (permanent !== undefined) led = { ...led, permanent };
      if (temporary === 'cancel') led = { ...led, temporary: undefined };
      else if (temporary !== undefined) {
        const until = uptime(this.#clock.uptime() + temporary.tenths * 100);
        led = { ...led, temporary, until };
      }
      this.#leds.set(number, led);
    }
  }

  beep({ tone, repeat }: Extract<Command, { kind: 'buzzer' }>): void {
    if (tone > 1) this.#beeps += Math.max(1, repeat);
  }

  write(text: string): void {
    this.#text = text;
  }

  powerOff(): void {
    this.#leds.clear();
    this.#text = '';
  }

  look(): { readonly [name: string]: SimJson } {
    const now = this.#clock.uptime();
    const leds = [...this.#leds].map(([number, { temporary, permanent, until }]) => {
      const shown = temporary !== undefined && now < until ? temporary : permanent;
      return [number, { colour: shown?.onColour ?? 'off', isBlinking: (shown?.off ?? 0) > 0 }];
    });
    return { leds: Object.fromEntries(leds), beeps: this.#beeps, text: this.#text };
  }
}
