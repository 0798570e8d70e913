/** A simulated OSDP reader with keypad, LED, buzzer, display, inputs and outputs. */
import { type Clock, type Timer, type Uptime, uptime } from '../../drivers/contract/time.ts';
import type { Blink, Command, LedRecord, OutputControl } from '../../drivers/osdp/commands.ts';
import { BROADCAST, FRAME_MAX, type Frame, scan } from '../../drivers/osdp/frame.ts';
import { NAK, type Reply } from '../../drivers/osdp/replies.ts';
import { fromHex } from '../../drivers/wire/hex.ts';
import { NOTHING_HELD, receive } from '../../drivers/wire/receive-buffer.ts';
import { encodeWiegand, WIEGAND_FORMATS } from '../../drivers/wire/wiegand.ts';
import type { DeviceSurroundings, SimJson, SimulatedDevice, Verb } from '../device.ts';
import { PdTalk } from './osdp-pd-talk.ts';

export interface SimulatedOsdpPdOptions {
  readonly address: number;
  /** SCBK as 32 hex digits; without one the reader is as delivered, with the default key. */
  readonly key?: string | undefined;
  /** Speed at which it listens; without one it follows the host. */
  readonly baudRate?: number;
  readonly inputs?: number;
  readonly outputs?: number;
  readonly serial?: number;
  /** Milliseconds between the end of a command and the beginning of the reply. */
  readonly turnaround?: number;
  readonly secureOnly?: boolean;
  readonly clearKeysetAck?: boolean;
}

/** A frame cut by a longer silence is thrown away. */
const GAP = 200;
/** Events that wait to be fetched; when there are more, the oldest are lost, as in a real one. */
const EVENTS_MAX = 32;

interface Led {
  permanent: Blink | undefined;
  temporary: Blink | undefined;
  until: Uptime;
}

interface Output {
  isOn: boolean;
  /** State after a timed one. */
  permanent: boolean;
  pulses: number;
  timer: Timer | undefined;
}

export function simulatedOsdpPd(
  name: string,
  options: SimulatedOsdpPdOptions,
  surroundings: DeviceSurroundings,
): SimulatedOsdpPd {
  return new SimulatedOsdpPd(name, options, surroundings);
}

export class SimulatedOsdpPd implements SimulatedDevice {
  readonly name: string;
  readonly kind = 'osdp';
  readonly verbs: Readonly<Record<string, Verb>>;
  readonly #options: SimulatedOsdpPdOptions;
  readonly #around: DeviceSurroundings;
  readonly #clock: Clock;
  readonly #talk: PdTalk;
  readonly #inputs: boolean[];
  readonly #outputs: Output[];
  readonly #leds = new Map<number, Led>();
  #held: Uint8Array = NOTHING_HELD;
  #heldAt: Uptime = uptime(0);
  #hasPower = true;
  #isTampered = false;
  /** It has started and not yet said so in a status. */
  #isFresh = true;
  #isMute = false;
  #busyPolls = 0;
  #wrongCrc = 0;
  #dropped = 0;
  #events: Reply[] = [];
  #beeps = 0;
  #text = '';
  #serial: number;
  #listensAt: number | undefined;
  #hostAt: number | undefined;
  /** Replies not yet on the wire; gone with the power. */
  readonly #speaking = new Set<Timer>();

  constructor(name: string, options: SimulatedOsdpPdOptions, surroundings: DeviceSurroundings) {
    this.name = name;
    this.#options = options;
    this.#around = surroundings;
    this.#clock = surroundings.clock;
    this.#serial = options.serial ?? 0x01020304;
    this.#listensAt = options.baudRate;
    this.#inputs = Array.from({ length: options.inputs ?? 4 }, () => false);
    this.#outputs = Array.from({ length: options.outputs ?? 4 }, newOutput);
    this.#talk = new PdTalk({
      random: surroundings.random,
      cuid: fromHex('C3B2070004030201'),
      address: options.address,
      key: options.key === undefined ? undefined : keyOf(options.key),
      takesDefaultKey: options.key === undefined,
      refusesKey: false,
      secureOnly: options.secureOnly ?? false,
      clearKeysetAck: options.clearKeysetAck ?? false,
      execute: (command) => this.#execute(command),
    });
    this.verbs = this.#makeVerbs();
    this.#start();
  }

  hear(bytes: Uint8Array): void {
    const isDeaf = this.#listensAt !== undefined && this.#hostAt !== undefined;
    if (!this.#hasPower || (isDeaf && this.#listensAt !== this.#hostAt)) return;
    const now = this.#clock.uptime();
    if (now - this.#heldAt > GAP) this.#held = NOTHING_HELD;
    this.#heldAt = now;
    const { frames, held, checksumErrors } = receive(
      this.#held,
      bytes,
      (each) => {
        const found = scan(each);
        if (found.kind !== 'noise') return found;
        // A broken frame is only felt by the one to whom it seems to be addressed.
        const isFelt = found.fault === 'check' && this.#talk.isMine(each[1] ?? 0);
        return { kind: 'noise', length: found.length, checksum: isFelt };
      },
      FRAME_MAX,
    );
    this.#held = held;
    if (checksumErrors > 0) this.#talk.broken();
    for (const frame of frames) this.#serve(frame, now);
  }

  lineSpeed(baudRate: number): void {
    this.#hostAt = baudRate;
  }

  power(on: boolean): void {
    if (on === this.#hasPower) return;
    this.#hasPower = on;
    if (on) this.#start();
    else this.#stop();
  }

  look(): SimJson {
    const now = this.#clock.uptime();
    return {
      address: this.#talk.options.address,
      session: this.#talk.isSecure
        ? this.#talk.isUnderDefaultKey
          ? 'default-key'
          : 'secure'
        : 'clear',
      sessions: this.#talk.sessions,
      leds: Object.fromEntries(
        [...this.#leds].map(([number, led]) => {
          const shown = led.temporary && now < led.until ? led.temporary : led.permanent;
          return [number, { colour: shown?.onColour ?? 'off', isBlinking: (shown?.off ?? 0) > 0 }];
        }),
      ),
      beeps: this.#beeps,
      text: this.#text,
      inputs: [...this.#inputs],
      outputs: this.#outputs.map(({ isOn, pulses }) => ({ isOn, pulses })),
      tamper: this.#isTampered,
      waitingEvents: this.#events.length,
    };
  }

  #start(): void {
    this.#talk.forget();
    this.#events = [{ kind: 'local-status', tamper: this.#isTampered, powerLost: true }];
    this.#isFresh = true;
  }
  #stop(): void {
    for (const timer of this.#speaking) timer.cancel();
    this.#speaking.clear();
    this.#talk.forget();
    this.#held = NOTHING_HELD;
    this.#events = [];
    this.#leds.clear();
    this.#text = '';
    for (const output of this.#outputs) {
      output.timer?.cancel();
      Object.assign(output, { isOn: false, permanent: false, timer: undefined });
    }
  }

  #serve(frame: Frame, now: Uptime): void {
    if (frame.from !== 'cp' || !this.#talk.isMine(frame.address) || this.#isMute) return;
    if (this.#busyPolls > 0) {
      this.#busyPolls -= 1;
      this.#say(this.#talk.busy(frame));
      return;
    }
    const bytes = this.#talk.answer(frame, now);
    if (this.#dropped > 0) {
      this.#dropped -= 1;
      return;
    }
    if (this.#wrongCrc > 0) {
      this.#wrongCrc -= 1;
      const broken = bytes.slice();
      broken[broken.length - 1] = (broken.at(-1) ?? 0) ^ 0x01;
      this.#say(broken);
    } else this.#say(bytes);
  }

  /** With a mark byte before it, as libosdp does. */
  #say(bytes: Uint8Array): void {
    const at = uptime(this.#clock.uptime() + (this.#options.turnaround ?? 3));
    const timer = this.#clock.wakeAt(at, () => {
      this.#speaking.delete(timer);
      this.#around.say(Uint8Array.of(0xff, ...bytes));
    });
    this.#speaking.add(timer);
  }

  #execute(command: Command): Reply {
    switch (command.kind) {
      case 'poll':
        return this.#events.shift() ?? { kind: 'ack' };
      case 'id':
        return {
          kind: 'id',
          oui: fromHex('C3B2A1'),
          model: 7,
          version: 1,
          serial: this.#serial,
          firmware: [1, 2, 3],
        };
      case 'capabilities':
        return { kind: 'capabilities', capabilities: this.#capabilities() };
      case 'local-status': {
        const powerLost = this.#isFresh;
        this.#isFresh = false;
        return { kind: 'local-status', tamper: this.#isTampered, powerLost };
      }
      case 'input-status':
        return { kind: 'input-status', states: [...this.#inputs] };
      case 'output-status':
        return { kind: 'output-status', states: this.#outputs.map(({ isOn }) => isOn) };
      case 'reader-status':
        return { kind: 'reader-status', states: [0] };
      case 'output':
        return this.#drive(command.controls);
      case 'led':
        for (const record of command.records) this.#light(record);
        return { kind: 'ack' };
      case 'buzzer':
        if (command.tone > 1) this.#beeps += Math.max(1, command.repeat);
        return { kind: 'ack' };
      case 'text':
        this.#text = command.text;
        return { kind: 'ack' };
      case 'comset':
        return this.#move(command.address, command.baudRate);
      case 'receive-size':
      case 'abort':
      case 'keep-active':
        return { kind: 'ack' };
      case 'keyset':
      case 'challenge':
      case 'cryptogram':
      case 'manufacturer':
        return { kind: 'nak', nak: NAK['unknown-command'], data: new Uint8Array() };
      default:
        return command satisfies never;
    }
  }

  #capabilities() {
    const able = (name: number, compliance: number, count: number) => ({
      function: name,
      compliance,
      count,
    });
    return [
      able(1, 1, this.#inputs.length),
      able(2, 1, this.#outputs.length),
      able(3, 1, 0),
      able(4, 4, 1),
      able(5, 2, 1),
      able(6, 1, 1),
      able(8, 1, 0),
      able(9, 1, this.#talk.options.takesDefaultKey ? 1 : 0),
      able(10, 0x92, 3),
    ];
  }

  #drive(controls: readonly OutputControl[]): Reply {
    if (controls.some(({ output }) => this.#outputs[output] === undefined)) {
      return { kind: 'nak', nak: NAK.record, data: new Uint8Array() };
    }
    for (const { output: number, code, tenths } of controls) {
      const output = this.#outputs[number];
      if (output === undefined || code === 'nothing') continue;
      const isOn = code === 'on' || code === 'on-for' || code === 'on-after-timer';
      const isTimed = code === 'on-for' || code === 'off-for';
      if (isTimed) this.#pulse(output, isOn, tenths);
      else if (code === 'on' || code === 'off') {
        output.timer?.cancel();
        Object.assign(output, { isOn, permanent: isOn, timer: undefined });
      } else if (output.timer === undefined) Object.assign(output, { isOn, permanent: isOn });
      else output.permanent = isOn;
    }
    return { kind: 'ack' };
  }

  #pulse(output: Output, isOn: boolean, tenths: number): void {
    output.timer?.cancel();
    output.isOn = isOn;
    output.pulses += 1;
    const at = uptime(this.#clock.uptime() + tenths * 100);
    output.timer = this.#clock.wakeAt(at, () => {
      Object.assign(output, { isOn: output.permanent, timer: undefined });
    });
  }

  #light({ led: number, temporary, permanent }: LedRecord): void {
    const led = this.#leds.get(number) ?? {
      permanent: undefined,
      temporary: undefined,
      until: uptime(0),
    };
    if (temporary === 'cancel') led.temporary = undefined;
    else if (temporary !== undefined) {
      led.temporary = temporary;
      led.until = uptime(this.#clock.uptime() + temporary.tenths * 100);
    }
    if (permanent !== undefined) led.permanent = permanent;
    this.#leds.set(number, led);
  }

  /** The answer leaves from the old address, at the old speed; then both change. */
  #move(address: number, baudRate: number): Reply {
    const at = uptime(this.#clock.uptime() + 100);
    this.#clock.wakeAt(at, () => {
      this.#talk.options.address = address === BROADCAST ? this.#talk.options.address : address;
      this.#listensAt = baudRate;
      this.#talk.forget();
    });
    return { kind: 'com', address, baudRate };
  }

  #report(event: Reply): void {
    if (!this.#hasPower) return;
    this.#events = [...this.#events, event].slice(-EVENTS_MAX);
  }

  #makeVerbs(): Readonly<Record<string, Verb>> {
    const verb = (
      what: string,
      args: Verb['arguments'],
      run: (args: Readonly<Record<string, SimJson>>) => void,
    ): Verb => ({
      what,
      arguments: args,
      run: (given) => {
        run(given);
        return this.look();
      },
    });
    return {
      'show-card': verb(
        'hold a card to the reader',
        {
          'bits?': 'raw bits in hex, left-justified',
          'bitCount?': 'how many of them count',
          'format?': WIEGAND_FORMATS.join(', '),
          'facility?': 'facility code',
          'number?': 'card number',
          'reader?': 'which head',
        },
        (args) =>
          this.#report({
            kind: 'raw',
            format: 1,
            ...cardOf(args),
            reader: integer(args, 'reader', 0),
          }),
      ),
      'press-keys': verb(
        'press keys of the keypad',
        { keys: '0 to 9, * and #', 'together?': 'true: all in one report' },
        (args) => this.#press(text(args, 'keys'), args['together'] === true),
      ),
      tamper: verb('open or close the housing', { open: 'true or false' }, (args) => {
        this.#isTampered = flag(args, 'open');
        this.#report({ kind: 'local-status', tamper: this.#isTampered, powerLost: false });
      }),
      'set-input': verb(
        'close or open the contact at an input',
        { input: 'from 0', closed: 'true or false' },
        (args) => {
          const input = integer(args, 'input');
          if (this.#inputs[input] === undefined) throw new RangeError(`there is no input ${input}`);
          this.#inputs[input] = flag(args, 'closed');
          this.#report({ kind: 'input-status', states: [...this.#inputs] });
        },
      ),
      reboot: verb('interrupt its supply for a moment', {}, () => {
        this.power(false);
        this.power(true);
      }),
      busy: verb('answer BUSY', { polls: 'how many times' }, (args) => {
        this.#busyPolls = integer(args, 'polls');
      }),
      mute: verb('say nothing any more', { on: 'true or false' }, (args) => {
        this.#isMute = flag(args, 'on');
      }),
      'set-key': verb('give it a key', { key: '32 hex digits' }, (args) => {
        this.#talk.options.key = keyOf(text(args, 'key'));
        this.#talk.options.takesDefaultKey = false;
        this.#talk.forget();
      }),
      'default-key': verb('put it back to the key of delivery', {}, () => {
        this.#talk.options.key = undefined;
        this.#talk.options.takesDefaultKey = true;
        this.#talk.forget();
      }),
      'refuse-key': verb('refuse every handshake', { on: 'true or false' }, (args) => {
        this.#talk.options.refusesKey = flag(args, 'on');
        this.#talk.forget();
      }),
      'wrong-crc': verb('send replies with a wrong CRC', { 'replies?': 'how many' }, (args) => {
        this.#wrongCrc = integer(args, 'replies', 1);
      }),
      'drop-reply': verb('obey, and say nothing', { 'replies?': 'how many' }, (args) => {
        this.#dropped = integer(args, 'replies', 1);
      }),
      replace: verb('put another reader in its place', { serial: 'its number' }, (args) => {
        this.power(false);
        this.#serial = integer(args, 'serial');
        this.power(true);
      }),
    };
  }

  #press(keys: string, together: boolean): void {
    const bytes = [...keys].map((key) => {
      if (!/^[0-9*#]$/.test(key)) throw new RangeError(`the keypad has no key "${key}"`);
      return key === '*' ? 0x7f : key === '#' ? 0x0d : key.charCodeAt(0);
    });
    const groups = together ? [bytes] : bytes.map((byte) => [byte]);
    for (const group of groups) {
      this.#report({ kind: 'keypad', reader: 0, keys: Uint8Array.from(group) });
    }
  }
}

function newOutput(): Output {
  return { isOn: false, permanent: false, pulses: 0, timer: undefined };
}

type Arguments = Readonly<Record<string, SimJson>>;

function cardOf(args: Arguments): { readonly bits: Uint8Array; readonly bitCount: number } {
  if (args['bits'] !== undefined) {
    const bits = fromHex(text(args, 'bits'));
    return { bits, bitCount: integer(args, 'bitCount', bits.length * 8) };
  }
  const wanted = args['format'] ?? 'h10301';
  const format = WIEGAND_FORMATS.find((each) => each === wanted);
  if (format === undefined) throw new RangeError(`no format ${String(wanted)}`);
  const facility = args['facility'] === undefined ? undefined : BigInt(integer(args, 'facility'));
  const { bits, bitCount } = encodeWiegand(format, facility, BigInt(integer(args, 'number')));
  return { bits, bitCount };
}

function integer(args: Arguments, name: string, fallback?: number): number {
  const value = args[name] ?? fallback;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0) {
    throw new RangeError(`${name} is a whole number from 0`);
  }
  return value;
}

function text(args: Arguments, name: string): string {
  const value = args[name];
  if (typeof value !== 'string') throw new RangeError(`${name} is a text`);
  return value;
}

function flag(args: Arguments, name: string): boolean {
  const value = args[name];
  if (typeof value !== 'boolean') throw new RangeError(`${name} is true or false`);
  return value;
}

function keyOf(hex: string): Uint8Array {
  const key = fromHex(hex);
  if (key.length !== 16) throw new RangeError('a key is 32 hex digits');
  return key;
}
