/** BLE relay boards behind an HM-10 module: Devantech BT004BLE, or one of the A0 kind. */
import {
  type Clock,
  type Millis,
  type Timer,
  type Uptime,
  uptime,
} from '../../drivers/contract/time.ts';
import { sum8 } from '../../drivers/wire/checksum.ts';
import { joinBytes } from '../../drivers/wire/hex.ts';
import {
  type Central,
  FLAGS_FIELD,
  nameField,
  type Peripheral,
  servicesField,
} from './peripheral.ts';

const SERIAL_SERVICE = 'ffe0';
const SERIAL = 'ffe1';
const RELAYS = 4;

export interface RelayBoardOptions {
  readonly dialect: 'bt004ble' | 'a0';
  readonly clock: Clock;
  readonly address?: string;
  readonly password?: string;
}

/** One time an output was energised; `to` is missing while it is. */
export interface Energised {
  readonly from: Uptime;
  readonly to: Uptime | undefined;
}

export class RelayBoard implements Peripheral {
  readonly address: string;
  readonly addressType = 'public';
  readonly mtu = 23;
  readonly takesLongWrites = false;
  readonly services = [
    {
      uuid: SERIAL_SERVICE,
      characteristics: [
        { uuid: SERIAL, properties: ['write', 'write-without-response', 'notify'] as const },
      ],
    },
  ];
  /** Hears and does nothing. */
  ignores = false;
  /** Answers in pieces of one byte. */
  isSplit = false;
  readonly #options: RelayBoardOptions;
  readonly #periods: Energised[][] = Array.from({ length: RELAYS }, () => []);
  readonly #timers = new Map<number, Timer>();
  readonly #loggedIn = new Set<Central>();
  /** The beginning of a command. */
  readonly #held = new Map<Central, Uint8Array>();

  constructor(options: RelayBoardOptions) {
    this.#options = options;
    this.address = options.address ?? '00:15:85:00:00:01';
  }

  advertising() {
    const data = joinBytes(FLAGS_FIELD, servicesField(SERIAL_SERVICE));
    return { data, scanResponse: nameField(this.#options.dialect), every: 40 };
  }

  connected(): void {}

  disconnected(central: Central): void {
    this.#loggedIn.delete(central);
    this.#held.delete(central);
  }

  read(): Uint8Array {
    return new Uint8Array(0);
  }

  written(central: Central, _characteristic: string, value: Uint8Array): undefined {
    if (this.ignores) return;
    const isA0 = this.#options.dialect === 'a0';
    // To the board it is one stream, however it was cut on the air.
    let held = joinBytes(this.#held.get(central) ?? new Uint8Array(0), value);
    for (;;) {
      const length = isA0 ? a0Length(held) : commandLength(held);
      if (length === undefined || held.length < length) break;
      const command = held.subarray(0, length);
      held = held.slice(length);
      if (isA0) this.#a0(command);
      else this.#answer(central, this.#bt004ble(central, command));
    }
    this.#held.set(central, held);
  }

  isOn(relay: number): boolean {
    return this.periods(relay).some(({ to }) => to === undefined);
  }

  /** When a relay was energised, for tests of how long a strike really was. */
  periods(relay: number): readonly Energised[] {
    return this.#periods[relay - 1] ?? [];
  }

  #answer(central: Central, answer: Uint8Array): void {
    const pieces = this.isSplit ? Array.from(answer, (byte) => Uint8Array.of(byte)) : [answer];
    for (const piece of pieces) central.tell(SERIAL, piece);
  }

  #a0(frame: Uint8Array): void {
    const [start, channel = 0, state, check] = frame;
    if (start !== 0xa0 || check !== sum8(frame.subarray(0, 3))) return;
    if (state === 1) this.#energise(channel, undefined);
    else this.#release(channel);
  }

  #bt004ble(central: Central, frame: Uint8Array): Uint8Array {
    const [command, relay = 0, time = 0] = frame;
    if (command === 0x79) {
      const given = new TextDecoder().decode(frame.subarray(1, -1));
      const isRight = given === (this.#options.password ?? 'password') && frame.at(-1) === 0x0d;
      if (isRight) this.#loggedIn.add(central);
      return Uint8Array.of(isRight ? 0 : 1);
    }
    if (!this.#loggedIn.has(central)) return Uint8Array.of(1);
    switch (command) {
      case 0x10:
        return Uint8Array.of(0x1b, 1, 2);
      case 0x20:
        if (relay < 1 || relay > RELAYS) return Uint8Array.of(1);
        this.#energise(relay, time === 0 ? undefined : time * 100);
        return Uint8Array.of(0);
      case 0x21:
        this.#release(relay);
        return Uint8Array.of(0);
      case 0x24:
        return Uint8Array.of(
          [1, 2, 3, 4].reduce((bits, each) => bits | (this.isOn(each) ? 1 << (each - 1) : 0), 0),
        );
      case 0x78:
        return Uint8Array.of(0x7d);
      default:
        return Uint8Array.of(1);
    }
  }

  #energise(relay: number, length: Millis | undefined): void {
    const { clock } = this.#options;
    if (!this.isOn(relay)) {
      this.#periods[relay - 1]?.push({ from: clock.uptime(), to: undefined });
    }
    this.#timers.get(relay)?.cancel();
    if (length === undefined) return;
    const at = uptime(clock.uptime() + length);
    this.#timers.set(
      relay,
      clock.wakeAt(at, () => this.#release(relay)),
    );
  }

  #release(relay: number): void {
    this.#timers.get(relay)?.cancel();
    const periods = this.#periods[relay - 1];
    const last = periods?.at(-1);
    if (periods === undefined || last === undefined || last.to !== undefined) return;
    periods[periods.length - 1] = { from: last.from, to: this.#options.clock.uptime() };
  }
}

/** Of the command that begins here; what is none is passed over byte by byte. */
function a0Length([first]: Uint8Array): number | undefined {
  return first === undefined ? undefined : first === 0xa0 ? 4 : 1;
}

/** Of the command of a BT004BLE that begins here; `undefined` while that cannot be told. */
function commandLength(bytes: Uint8Array): number | undefined {
  switch (bytes[0]) {
    case undefined:
      return undefined;
    case 0x79: {
      const end = bytes.indexOf(0x0d);
      return end < 0 ? undefined : end + 1;
    }
    case 0x20:
    case 0x21:
      return 3;
    case 0x23:
      return 2;
    default:
      return 1;
  }
}
