/** An NFC reader with a PN532: asleep until woken, acknowledges each command, then answers it. */
import { type Millis, type Timer, uptime } from '../../drivers/contract/time.ts';
import { NOTHING_HELD, receive, type Scanned } from '../../drivers/wire/receive-buffer.ts';
import { ArgumentError, textIn, yesOrNo } from '../arguments.ts';
import type { DeviceSurroundings, SimJson, SimulatedDevice, Verb } from '../device.ts';

const ACK = Uint8Array.of(0, 0, 0xff, 0, 0xff, 0);
const ERROR = Uint8Array.of(0, 0, 0xff, 1, 0xff, 0x7f, 0x81, 0);
const ACK_AFTER: Millis = 2;
const ANSWER_AFTER: Millis = 8;

export function simulatedPn532(
  name: string,
  _options: unknown,
  around: DeviceSurroundings,
): SimulatedPn532 {
  return new SimulatedPn532(name, around);
}

class SimulatedPn532 implements SimulatedDevice {
  readonly name: string;
  readonly kind = 'pn532';
  readonly #around: DeviceSurroundings;
  readonly #pending = new Set<Timer>();
  #held: Uint8Array = NOTHING_HELD;
  #hasPower = true;
  #isAwake = false;
  #isMute = false;
  #retries: number | undefined;
  #uid: readonly number[] | undefined;
  /** The card has been listed and is not found again until it is released. */
  #isHeld = false;
  #commands = 0;

  constructor(name: string, around: DeviceSurroundings) {
    this.name = name;
    this.#around = around;
  }

  readonly verbs: Readonly<Record<string, Verb>> = {
    show: {
      what: 'holds a card to it until it is removed',
      arguments: { uid: '8, 14 or 20 hex digits; 8 that begin with 08 are a phone' },
      run: (given) => {
        const uid = textIn(given, 'uid') ?? '';
        if (!/^([0-9a-f]{8}|[0-9a-f]{14}|[0-9a-f]{20})$/i.test(uid)) {
          throw new ArgumentError('uid', 'a number is 8, 14 or 20 hex digits');
        }
        this.#uid = [...uid.matchAll(/../g)].map(([pair]) => Number.parseInt(pair, 16));
        this.#isHeld = false;
        return null;
      },
    },
    remove: {
      what: 'takes the card away',
      arguments: {},
      run: () => {
        this.#uid = undefined;
        this.#isHeld = false;
        return null;
      },
    },
    mute: {
      what: 'hears, but does not answer',
      arguments: { 'on?': 'true (the default) or false' },
      run: (given) => {
        this.#isMute = yesOrNo(given, 'on', true);
        return null;
      },
    },
    sleep: {
      what: 'falls asleep and forgets how it was set up, as after a dip of its supply',
      arguments: {},
      run: () => {
        this.power(false);
        this.power(true);
        return null;
      },
    },
  };

  hear(bytes: Uint8Array): void {
    if (!this.#hasPower) return;
    if (!this.#isAwake) {
      const wake = bytes.findIndex((byte, index) => byte === 0x55 && bytes[index + 1] === 0x55);
      if (wake < 0) return;
      this.#isAwake = true;
    }
    const { frames, held } = receive(this.#held, bytes, scanRequest, 72);
    this.#held = held;
    for (const command of frames) this.#serve(command);
  }

  power(on: boolean): void {
    this.#hasPower = on;
    this.#isAwake = false;
    this.#isHeld = false;
    this.#retries = undefined;
    this.#held = NOTHING_HELD;
    for (const timer of this.#pending) timer.cancel();
    this.#pending.clear();
  }

  look(): SimJson {
    return { isAwake: this.#isAwake, commands: this.#commands, hasCard: this.#uid !== undefined };
  }

  #serve(command: Uint8Array): void {
    this.#commands += 1;
    if (this.#isMute) return;
    this.#say(ACK, ACK_AFTER);
    const answer = this.#answer(command);
    if (answer === undefined) this.#say(ERROR, ANSWER_AFTER);
    else if (answer.length > 0) this.#say(framed(0xd5, answer), ANSWER_AFTER);
  }

  #answer(command: Uint8Array): readonly number[] | undefined {
    const [code, first, , , retries] = command;
    switch (code) {
      case 0x14:
        return [0x15];
      case 0x02:
        return [0x03, 0x32, 0x01, 0x06, 0x07];
      case 0x32:
        if (first === 0x05) this.#retries = retries;
        return [0x33];
      case 0x4a: {
        const uid = this.#isHeld ? undefined : this.#uid;
        if (uid !== undefined) {
          this.#isHeld = true;
          const atqa = uid.length === 4 ? 0x04 : 0x44;
          return [0x4b, 1, 1, 0x00, atqa, uid.length === 4 ? 0x08 : 0x00, uid.length, ...uid];
        }
        // Without a limit it keeps looking, and says nothing until a card comes.
        return this.#retries === undefined ? [] : [0x4b, 0];
      }
      case 0x44:
      case 0x52:
        this.#isHeld = false;
        return [code + 1, 0x00];
      default:
        return undefined;
    }
  }

  #say(bytes: Uint8Array, after: Millis): void {
    const timer = this.#around.clock.wakeAt(uptime(this.#around.clock.uptime() + after), () => {
      this.#pending.delete(timer);
      this.#around.say(bytes);
    });
    this.#pending.add(timer);
  }
}

function scanRequest(bytes: Uint8Array): Scanned<Uint8Array> {
  const [first, second, third, length = 0, check = 0] = bytes;
  if (first !== 0x00) return { kind: 'noise', length: 1 };
  if (bytes.length < 3) return { kind: 'need-more' };
  if (second !== 0x00 || third !== 0xff) return { kind: 'noise', length: 1 };
  if (bytes.length < 5) return { kind: 'need-more' };
  if ((length + check) % 256 !== 0 || length < 2 || length > 64)
    return { kind: 'noise', length: 1 };
  if (bytes.length < length + 7) return { kind: 'need-more' };
  const body = bytes.slice(5, 5 + length);
  const sum = body.reduce((total, byte) => total + byte, bytes[5 + length] ?? 0);
  if (sum % 256 !== 0 || body[0] !== 0xd4) return { kind: 'noise', length: 1 };
  return { kind: 'frame', length: length + 7, frame: body.subarray(1) };
}

function framed(from: number, answer: readonly number[]): Uint8Array {
  const length = answer.length + 1;
  const sum = answer.reduce((total, byte) => total + byte, from);
  return Uint8Array.from([0, 0, 0xff, length, 256 - length, from, ...answer, -sum & 0xff, 0]);
}
