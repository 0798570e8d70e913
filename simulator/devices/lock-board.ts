/** The electronics between a bus and a box, whatever their protocol: hearing, answering in time, and failing at it. */
import { type Millis, type Timer, type Uptime, uptime } from '../../drivers/contract/time.ts';
import { NOTHING_HELD, receive, type Scanned } from '../../drivers/wire/receive-buffer.ts';
import { numberIn, textIn, yesOrNo } from '../arguments.ts';
import type { DeviceSurroundings, SimJson, SimulatedDevice, Verb } from '../device.ts';
import { SimulatedBox } from './box.ts';

export interface LockBoardProtocol<Request> {
  scan(bytes: Uint8Array): Scanned<Request>;
  /** Longest request. */
  readonly most: number;
  /** What the board says to it, once it has done what was asked; `undefined` for nothing. */
  serve(request: Request, board: LockBoard): Uint8Array | undefined;
}

export interface LockBoardOptions {
  readonly kind: string;
  readonly address: number;
  readonly slots: number;
  readonly pulseMs: Millis;
  readonly doorInverted: boolean;
  readonly presenceInverted: boolean;
  /** Between the end of a request and the beginning of the reply. Default 5 ms. */
  readonly turnaround?: Millis;
  /** What only this kind of board can be made to do. */
  readonly verbs?: Readonly<Record<string, Verb>>;
}

/** What a protocol sees of the board it runs on. */
export interface LockBoard {
  readonly address: number;
  readonly slots: number;
  readonly box: SimulatedBox;
  readonly pulseMs: Millis;
  /** Bits as they stand on the wire, slot 1 first; wiring decides what 1 means. */
  hookBits(): readonly boolean[];
  presenceBits(): readonly boolean[];
  pulse(slot: number, length?: Millis): void;
  /** Answers later, with what then is; failing as any other reply of this board does. */
  answerAfter(length: Millis, reply: () => Uint8Array): void;
  /** Says something that nobody asked for. */
  say(bytes: Uint8Array, after?: Millis): void;
}

/** Two halves of a request may be this far apart. */
const GAP: Millis = 200;
const REBOOT: Millis = 1000;

export function simulatedLockBoard<Request>(
  name: string,
  options: LockBoardOptions,
  protocol: LockBoardProtocol<Request>,
  around: DeviceSurroundings,
): SimulatedLockBoard {
  return new SimulatedLockBoard(name, options, around, protocol);
}

export class SimulatedLockBoard implements SimulatedDevice, LockBoard {
  readonly name: string;
  readonly kind: string;
  readonly box: SimulatedBox;
  readonly pulseMs: Millis;
  readonly slots: number;
  readonly verbs: Readonly<Record<string, Verb>>;
  address: number;
  readonly #around: DeviceSurroundings;
  readonly #protocol: LockBoardProtocol<unknown>;
  readonly #turnaround: Millis;
  readonly #speaking = new Set<Timer>();
  #held: Uint8Array = NOTHING_HELD;
  #heldAt: Uptime;
  #hasPower = true;
  #isMute = false;
  #late: Millis = 0;
  #lateReplies = 0;
  #doubles = false;
  #deafAfterPulse: Millis = 0;
  #deafUntil: Uptime;
  #isBusy = false;
  #doorInverted: boolean;
  #presenceInverted: boolean;
  #requests = 0;
  #withoutPower = () => {};
  #more: () => Readonly<Record<string, SimJson>> = () => ({});

  constructor(
    name: string,
    options: LockBoardOptions,
    around: DeviceSurroundings,
    protocol: LockBoardProtocol<unknown>,
  ) {
    this.name = name;
    this.kind = options.kind;
    this.address = options.address;
    this.slots = options.slots;
    this.pulseMs = options.pulseMs;
    this.box = new SimulatedBox(around.clock, options.slots);
    this.#around = around;
    this.#protocol = protocol;
    this.#turnaround = options.turnaround ?? 5;
    this.#heldAt = around.clock.uptime();
    this.#deafUntil = around.clock.uptime();
    this.#doorInverted = options.doorInverted;
    this.#presenceInverted = options.presenceInverted;
    this.verbs = { ...this.box.verbs, ...this.#faultVerbs(), ...options.verbs };
  }

  hear(bytes: Uint8Array): void {
    const now = this.#around.clock.uptime();
    if (!this.#hasPower || now < this.#deafUntil) return;
    if (now - this.#heldAt > GAP) this.#held = NOTHING_HELD;
    this.#heldAt = now;
    const { frames, held } = receive(
      this.#held,
      bytes,
      (each) => this.#protocol.scan(each),
      this.#protocol.most,
    );
    this.#held = held;
    for (const request of frames) {
      this.#requests += 1;
      const reply = this.#protocol.serve(request, this);
      if (reply !== undefined) this.#answer(reply);
    }
  }

  answerAfter(length: Millis, reply: () => Uint8Array): void {
    if (this.#isBusy) return;
    this.#after(length, () => this.#answer(reply()));
  }

  #answer(reply: Uint8Array): void {
    if (this.#isMute || this.#isBusy) return;
    const late = this.#lateReplies > 0 ? this.#late : 0;
    if (this.#lateReplies > 0) this.#lateReplies -= 1;
    this.say(reply, this.#turnaround + late);
    if (this.#doubles) this.say(reply, this.#turnaround + late + 20);
  }

  power(on: boolean): void {
    if (on === this.#hasPower) return;
    this.#hasPower = on;
    this.#held = NOTHING_HELD;
    for (const timer of this.#speaking) timer.cancel();
    this.#speaking.clear();
    if (on) return;
    this.box.losePower();
    this.#withoutPower();
  }

  hookBits(): readonly boolean[] {
    return this.#bits((slot) => this.box.readHook(slot) !== this.#doorInverted);
  }

  presenceBits(): readonly boolean[] {
    return this.#bits((slot) => this.box.readPresence(slot) !== this.#presenceInverted);
  }

  pulse(slot: number, length = this.pulseMs): void {
    if (this.#isBusy) return;
    this.box.pulse(slot, length);
    const now = this.#around.clock.uptime();
    this.#deafUntil = uptime(Math.max(this.#deafUntil, now + this.#deafAfterPulse));
  }

  say(bytes: Uint8Array, after: Millis = 0): void {
    this.#after(after, () => this.#around.say(bytes));
  }

  /** Forgotten when the power goes. */
  #after(length: Millis, run: () => void): void {
    const at = uptime(this.#around.clock.uptime() + length);
    const timer = this.#around.clock.wakeAt(at, () => {
      this.#speaking.delete(timer);
      run();
    });
    this.#speaking.add(timer);
  }

  look(): SimJson {
    const box = this.box.look();
    return {
      ...(typeof box === 'object' && box !== null && !Array.isArray(box) ? box : {}),
      address: this.address,
      hasPower: this.#hasPower,
      requests: this.#requests,
      ...this.#more(),
    };
  }

  /** What else of this kind of board ends with its power. */
  alsoLose(withoutPower: () => void): void {
    this.#withoutPower = withoutPower;
  }

  /** What only this kind of board has to show. */
  alsoShow(more: () => Readonly<Record<string, SimJson>>): void {
    this.#more = more;
  }

  #bits(of: (slot: number) => boolean): readonly boolean[] {
    return Array.from({ length: this.slots }, (_, index) => of(index + 1));
  }

  #faultVerbs(): Readonly<Record<string, Verb>> {
    const onOff = { 'on?': 'true (the default) or false' };
    return {
      mute: {
        what: 'hears and does, but does not answer',
        arguments: onOff,
        run: (given) => {
          this.#isMute = yesOrNo(given, 'on', true);
          return null;
        },
      },
      busy: {
        what: 'hears, but neither does nor answers',
        arguments: onOff,
        run: (given) => {
          this.#isBusy = yesOrNo(given, 'on', true);
          return null;
        },
      },
      deaf: {
        what: 'hears nothing for a while after each pulse, as its supply sags',
        arguments: { ms: 'milliseconds; 0 ends it' },
        run: (given) => {
          this.#deafAfterPulse = numberIn(given, 'ms', { from: 0, to: 60_000 });
          return null;
        },
      },
      'reply-late': {
        what: 'lets its next replies come late',
        arguments: { ms: 'milliseconds', 'count?': 'how many replies; 1 is the default' },
        run: (given) => {
          this.#late = numberIn(given, 'ms', { from: 0, to: 60_000 });
          this.#lateReplies = numberIn(given, 'count', { from: 0, to: 1e6, otherwise: 1 });
          return null;
        },
      },
      'reply-twice': {
        what: 'says every reply twice',
        arguments: onOff,
        run: (given) => {
          this.#doubles = yesOrNo(given, 'on', true);
          return null;
        },
      },
      invert: {
        what: 'rewires a kind of sensor so that its bit means the opposite',
        arguments: { 'sensor?': 'door (the default) or presence' },
        run: (given) => {
          if (textIn(given, 'sensor') === 'presence') {
            this.#presenceInverted = !this.#presenceInverted;
          } else this.#doorInverted = !this.#doorInverted;
          return null;
        },
      },
      readdress: {
        what: 'sets its address switches',
        arguments: { address: 'as in the config' },
        run: (given) => {
          this.address = numberIn(given, 'address', { from: 0, to: 255 });
          return null;
        },
      },
      reboot: {
        what: 'starts anew; solenoids fall, it answers again after a second',
        arguments: {},
        run: () => {
          this.power(false);
          const at = uptime(this.#around.clock.uptime() + REBOOT);
          this.#around.clock.wakeAt(at, () => this.power(true));
          return null;
        },
      },
    };
  }
}
