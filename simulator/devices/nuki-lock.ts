/**
 * A Nuki Smart Lock with keypad on the virtual air: pairing, encrypted commands, motor, codes, log, clock and battery.
 * It knows nothing of Latchkey; whoever holds a key it agreed on may talk to it.
 */

import type { Clock, Millis, Random, Uptime } from '../../drivers/contract/time.ts';
import { uptime } from '../../drivers/contract/time.ts';
import {
  decodePlain,
  decodeSealed,
  encodePlain,
  encodeSealed,
  readU32,
  sealedAuthorization,
  u16,
  u32,
} from '../../drivers/nuki/frame.ts';
import { nukiOptions } from '../../drivers/nuki/options.ts';
import { ACTION, LOCK_STATE } from '../../drivers/nuki/states.ts';
import {
  GENERAL,
  KEYTURNER_SERVICE,
  PAIRING,
  PAIRING_SERVICE,
  USER,
} from '../../drivers/nuki/uuids.ts';
import { joinBytes } from '../../drivers/wire/hex.ts';
import type { DeviceSurroundings, SimJson, SimulatedDevice, Verb } from '../device.ts';
import { adField, uuidBytes } from '../radio/hci.ts';
import { type Central, FLAGS_FIELD, nameField, type Peripheral } from '../radio/peripheral.ts';
import {
  type Authorization,
  NukiCommands,
  type NukiFaults,
  type NukiInside,
} from './nuki-commands.ts';
import { handsOn } from './nuki-hands.ts';
import { NukiKeypad } from './nuki-keypad.ts';
import { NukiLog } from './nuki-log.ts';
import { NukiMotor } from './nuki-motor.ts';
import { failure, NukiPairing } from './nuki-pairing.ts';
import { configOf, statesOf } from './nuki-pictures.ts';

export interface NukiLockOptions {
  readonly name: string;
  readonly address?: string;
  readonly clock: Clock;
  readonly random: Random;
  /** Security PIN. */
  readonly pin?: number;
  readonly hasKeypad?: boolean;
  readonly motorMs?: Millis;
  /** Between two advertisements. */
  readonly advertiseEvery?: Millis;
  /** Pieces of an indication: what fits the link, or 20 bytes whatever fits. */
  readonly pieces?: 'mtu' | 20;
  readonly mtu?: number;
}

const PAIRING_MS: Millis = 30_000;
const NOT_AUTHORIZED = 0x20;

export class NukiLock implements Peripheral, SimulatedDevice, NukiInside {
  readonly name: string;
  readonly kind = 'nuki-smart-lock';
  readonly address: string;
  readonly addressType = 'random';
  readonly mtu: number;
  readonly services = [
    {
      uuid: PAIRING_SERVICE,
      characteristics: [
        { uuid: PAIRING.characteristic, properties: ['write', 'indicate'] as const },
      ],
    },
    {
      uuid: KEYTURNER_SERVICE,
      characteristics: [
        { uuid: GENERAL.characteristic, properties: ['write', 'indicate'] as const },
        { uuid: USER.characteristic, properties: ['write', 'indicate'] as const },
      ],
    },
  ];
  readonly motor: NukiMotor;
  readonly keypad = new NukiKeypad();
  readonly log = new NukiLog();
  readonly random: Random;
  readonly authorizations = new Map<number, Authorization>();
  readonly faults: NukiFaults = {
    mute: false,
    refuseWith: undefined,
    withholdCompletion: false,
    dropWhenMoving: false,
    forgetCodes: false,
    finalStatus: true,
  };
  pin: number;
  battery = 80;
  /** The batteries of its keypad. */
  keypadIsLow = false;
  door: 'none' | 'open' | 'closed' = 'none';
  /** Commands heard that opened with a known key, for tests. */
  readonly heard: number[] = [];
  readonly #options: NukiLockOptions;
  readonly #clock: Clock;
  readonly #uuid: Uint8Array;
  readonly #id: number;
  readonly #links = new Map<Central, NukiPairing>();
  readonly #commands = new NukiCommands(this);
  #privateKey: Uint8Array;
  #pairingUntil: Uptime;
  #nextAuthorization = 1;
  #clockError: Millis = 0;
  #configCount = 1;
  #isChanged = false;
  #isPowered = true;
  #last = { action: 0, trigger: 0, completion: 0xff };

  constructor(options: NukiLockOptions) {
    const { name, clock, random, motorMs } = options;
    this.name = name;
    this.#options = options;
    this.#clock = clock;
    this.random = random;
    this.address = options.address ?? '54:d2:72:00:00:01';
    this.mtu = options.mtu ?? 247;
    this.pin = options.pin ?? 1234;
    this.#privateKey = random.bytes(32);
    this.#uuid = random.bytes(16);
    this.#id = readU32(random.bytes(4), 0);
    this.#pairingUntil = clock.uptime();
    this.motor = new NukiMotor(clock, () => this.#stateChanged());
    if (motorMs !== undefined) this.motor.runMs = motorMs;
  }

  get clock(): number {
    return this.#clock.now() + this.#clockError;
  }

  advertising() {
    if (!this.#isPowered) return undefined;
    const every = this.#options.advertiseEvery ?? 40;
    const name = nameField(`Nuki_${this.#id.toString(16).toUpperCase().padStart(8, '0')}`);
    if (this.#isPairing()) {
      const service = adField(0x21, joinBytes(uuidBytes(PAIRING_SERVICE), Uint8Array.of(1)));
      return { data: joinBytes(FLAGS_FIELD, service), scanResponse: name, every };
    }
    const beacon = joinBytes(
      Uint8Array.of(0x4c, 0x00, 0x02, 0x15),
      uuidBytes(KEYTURNER_SERVICE).toReversed(),
      u32(this.#id).toReversed(),
      Uint8Array.of(0xc4 | (this.#isChanged ? 1 : 0)),
    );
    return { data: joinBytes(FLAGS_FIELD, adField(0xff, beacon)), scanResponse: name, every };
  }

  connected(central: Central): void {
    const pairing = new NukiPairing({
      privateKey: this.#privateKey,
      uuid: this.#uuid,
      random: (length) => this.random.bytes(length),
      isPairing: () => this.#isPairing(),
      reserve: () => this.#nextAuthorization,
      paired: (id, key, name) => {
        this.authorizations.set(id, { key, name, challenge: undefined });
        this.#nextAuthorization = id + 1;
        this.#pairingUntil = this.#clock.uptime();
      },
    });
    this.#links.set(central, pairing);
  }

  disconnected(central: Central): void {
    this.#links.delete(central);
  }

  read(): Uint8Array {
    return new Uint8Array(0);
  }

  written(central: Central, characteristic: string, value: Uint8Array): undefined {
    if (characteristic === PAIRING.characteristic) {
      const message = decodePlain(value);
      const answer =
        message === undefined
          ? failure(0xfd, 0)
          : (this.#links.get(central)?.hear(message) ?? failure(0xff, 0));
      this.#tell(central, characteristic, encodePlain(answer));
      return;
    }
    if (characteristic !== USER.characteristic || this.faults.mute) return;
    const id = sealedAuthorization(value);
    const authorization = this.authorizations.get(id);
    const message = authorization && decodeSealed(authorization.key, id, value);
    if (authorization === undefined || message === undefined) {
      this.#tell(central, characteristic, encodePlain(failure(NOT_AUTHORIZED, 0)));
      return;
    }
    this.heard.push(message.command);
    const asker = {
      id,
      say: (command: number, payload: Uint8Array) => this.#say(central, id, command, payload),
      hangUp: () => central.disconnect(0x08),
    };
    this.#commands.hear(asker, authorization, message);
  }

  #isPairing(): boolean {
    return this.#clock.uptime() < this.#pairingUntil;
  }

  #tell(central: Central, characteristic: string, frame: Uint8Array): void {
    const size = this.#options.pieces === 20 ? 20 : central.mtu - 3;
    for (let at = 0; at < frame.length; at += size) {
      central.tell(characteristic, frame.subarray(at, at + size));
    }
  }

  #say(central: Central, id: number, command: number, payload: Uint8Array): void {
    const authorization = this.authorizations.get(id);
    if (authorization === undefined || !this.#links.has(central)) return;
    const nonce = this.random.bytes(24);
    const frame = encodeSealed(authorization.key, id, nonce, { command, payload });
    this.#tell(central, USER.characteristic, frame);
  }

  moved(action: number, trigger: number, by: number, completion: number): void {
    this.#last = { action, trigger, completion };
    this.#log(by, 0x02, Uint8Array.of(action, trigger, 0, completion));
  }

  #log(by: number, type: number, data: Uint8Array): void {
    const name = this.authorizations.get(by)?.name ?? '';
    this.log.record({ at: this.clock, by, name, type, data });
  }

  #stateChanged(): void {
    this.#isChanged = true;
  }

  seen(): void {
    this.#isChanged = false;
  }

  states(): Uint8Array {
    return statesOf({
      pairing: this.#isPairing(),
      state: this.motor.state,
      clock: this.clock,
      battery: this.battery,
      configCount: this.#configCount,
      last: this.#last,
      door: this.door,
      keypadIsLow: this.keypadIsLow,
    });
  }

  config(): Uint8Array {
    const { hasKeypad = true } = this.#options;
    return configOf({ id: this.#id, name: this.name, clock: this.clock, hasKeypad });
  }

  /** Types at the keypad on the door; tells what a person would see. */
  enterCode(digits: string): 'opens' | 'refused' {
    const code = this.keypad.judge(digits, this.clock);
    const completion = code === undefined ? 0xe0 : 0;
    this.#log(0, 0x05, joinBytes(Uint8Array.of(ACTION.unlock, 1, completion), u16(code?.id ?? 0)));
    if (code === undefined) return 'refused';
    this.motor.run(ACTION.unlock, () => {
      this.#last = { action: ACTION.unlock, trigger: 0, completion: 0 };
    });
    return 'opens';
  }

  /** As pressing its button for five seconds does. */
  beginPairing(): void {
    this.#pairingUntil = uptime(this.#clock.uptime() + PAIRING_MS);
  }

  /** An authorization without the ceremony. */
  authorize(key: Uint8Array, name: string): number {
    const id = this.#nextAuthorization;
    this.#nextAuthorization += 1;
    this.authorizations.set(id, { key, name, challenge: undefined });
    return id;
  }

  turnByHand(locks: boolean): void {
    this.motor.turn(locks ? LOCK_STATE.locked : LOCK_STATE.unlocked);
    this.moved(locks ? ACTION.lock : ACTION.unlock, 1, 0, 0);
  }

  moveDoor(open: boolean): void {
    this.door = open ? 'open' : 'closed';
    this.#log(0, 0x06, Uint8Array.of(open ? 0 : 1));
    this.#stateChanged();
  }

  setClock(at: number): void {
    this.#clockError = at - this.#clock.now();
  }

  moveClock(by: Millis): void {
    this.#clockError += by;
  }

  factoryReset(): void {
    this.authorizations.clear();
    this.keypad.codes.clear();
    this.#privateKey = this.random.bytes(32);
    this.#configCount += 1;
  }

  hear(): void {} // its wire is the air

  power(on: boolean): void {
    this.#isPowered = on;
    if (!on) for (const central of [...this.#links.keys()]) central.disconnect(0x08);
  }

  readonly verbs: Readonly<Record<string, Verb>> = handsOn(this);

  look(): SimJson {
    return {
      state: STATE_WORDS[this.motor.state] ?? 'unknown',
      isJammed: this.motor.isJammed,
      runs: { ...this.motor.runs },
      door: this.door,
      battery: this.battery,
      codes: this.keypad.codes.size,
      authorizations: this.authorizations.size,
      pairing: this.#isPairing(),
      log: this.log.length,
    };
  }
}

const STATE_WORDS: Readonly<Record<number, string>> = {
  [LOCK_STATE.locked]: 'locked',
  [LOCK_STATE.unlocking]: 'unlocking',
  [LOCK_STATE.unlocked]: 'unlocked',
  [LOCK_STATE.locking]: 'locking',
  [LOCK_STATE.unlatched]: 'unlatched',
  [LOCK_STATE.unlatching]: 'unlatching',
  [LOCK_STATE.motorBlocked]: 'blocked',
};

/** As `SimulatedKind.build`: nobody is known to it yet; its button begins a pairing. */
export function simulatedNukiLock(
  name: string,
  options: unknown,
  { clock, random }: DeviceSurroundings,
): NukiLock {
  const { address } = nukiOptions.parse(options);
  return new NukiLock({ name, address, clock, random });
}
