/**
 * A Nuki Smart Lock with keypad on the virtual air: pairing, encrypted commands, motor, codes, log, clock and battery.
 * It knows nothing of Latchkey; whoever holds a key it agreed on may talk to it.
 */

import type { Clock, Millis, Random, Uptime } from '../../drivers/contract/time.ts';
import { uptime } from '../../drivers/contract/time.ts';
import {
  COMMAND,
  decodePlain,
  decodeSealed,
  encodePlain,
  encodeSealed,
  type Message,
  readU16,
  readU32,
  sealedAuthorization,
  u16,
  u32,
} from '../../drivers/nuki/frame.ts';
import { fromLockDate, lockDate } from '../../drivers/nuki/lock-date.ts';
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
import { handsOn } from './nuki-hands.ts';
import { NukiKeypad } from './nuki-keypad.ts';
import { NukiLog } from './nuki-log.ts';
import { NukiMotor } from './nuki-motor.ts';
import { failure, NukiPairing } from './nuki-pairing.ts';
import { batteryReportOf, configOf, statesOf } from './nuki-pictures.ts';

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

interface Authorization {
  readonly key: Uint8Array;
  readonly name: string;
  /** Good for the next command, once. */
  challenge: Uint8Array | undefined;
}

/** What a test may make it do wrong. */
export interface NukiFaults {
  /** Hears and never answers on the encrypted characteristic. */
  mute: boolean;
  /** Every command but a reading is answered by this error. */
  refuseWith: number | undefined;
  /** Moves, and never says that it is done. */
  withholdCompletion: boolean;
  /** Ends the link right after the motor began. */
  dropWhenMoving: boolean;
  /** Says accepted and complete, and stores nothing. */
  forgetCodes: boolean;
  /** Sends the final Status of a list of codes. */
  finalStatus: boolean;
}

const PAIRING_MS: Millis = 30_000;
const PIN_TRIES = 5;
const NOT_AUTHORIZED = 0x20;
const BAD_PIN = 0x21;
const BAD_NONCE = 0x22;
const BAD_PARAMETER = 0x23;
const INVALID_AUTHORIZATION = 0x24;
const PIN_LOCKED = 0x28;
const MOTOR_BLOCKED = 0x42;
const BUSY = 0x45;

export class NukiLock implements Peripheral, SimulatedDevice {
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
  door: 'none' | 'open' | 'closed' = 'none';
  /** Commands heard that opened with a known key, for tests. */
  readonly heard: number[] = [];
  readonly #options: NukiLockOptions;
  readonly #clock: Clock;
  readonly #uuid: Uint8Array;
  readonly #id: number;
  readonly #links = new Map<Central, NukiPairing>();
  #privateKey: Uint8Array;
  #pairingUntil: Uptime;
  #nextAuthorization = 1;
  #clockError: Millis = 0;
  #configCount = 1;
  #isChanged = false;
  #pinFailures = 0;
  #isPowered = true;
  #last = { action: 0, trigger: 0, completion: 0xff };

  constructor(options: NukiLockOptions) {
    const { name, clock, random, motorMs } = options;
    this.name = name;
    this.#options = options;
    this.#clock = clock;
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

  /** Its own clock, UTC, with its error. */
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
      random: (length) => this.#options.random.bytes(length),
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
    this.#command(central, id, authorization, message);
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
    const nonce = this.#options.random.bytes(24);
    const frame = encodeSealed(authorization.key, id, nonce, { command, payload });
    this.#tell(central, USER.characteristic, frame);
  }

  #command(central: Central, id: number, authorization: Authorization, message: Message): void {
    const { command, payload } = message;
    const say = (answer: number, body: Uint8Array) => this.#say(central, id, answer, body);
    const refuse = (code: number) =>
      say(COMMAND.errorReport, joinBytes(Uint8Array.of(code), u16(command)));
    if (command === COMMAND.requestData) {
      this.#request(authorization, readU16(payload, 0), say, refuse);
      return;
    }
    const isLong = !WITHOUT_PIN.has(command);
    const tail = isLong ? 34 : 32;
    const body = payload.subarray(0, payload.length - tail);
    const nonce = payload.subarray(payload.length - tail, payload.length - tail + 32);
    const expected = authorization.challenge;
    authorization.challenge = undefined;
    if (expected === undefined || Buffer.compare(expected, nonce) !== 0) {
      refuse(BAD_NONCE);
      return;
    }
    if (isLong) {
      if (this.#pinFailures >= PIN_TRIES) {
        refuse(PIN_LOCKED);
        return;
      }
      if (readU16(payload, payload.length - 2) !== this.pin) {
        this.#pinFailures += 1;
        refuse(BAD_PIN);
        return;
      }
      this.#pinFailures = 0;
    }
    if (this.faults.refuseWith !== undefined) {
      refuse(this.faults.refuseWith);
      return;
    }
    this.#perform(central, id, command, body, say, refuse);
  }

  #request(
    authorization: Authorization,
    wanted: number,
    say: (command: number, body: Uint8Array) => void,
    refuse: (code: number) => void,
  ): void {
    switch (wanted) {
      case COMMAND.challenge:
        authorization.challenge = this.#options.random.bytes(32);
        say(COMMAND.challenge, authorization.challenge);
        return;
      case COMMAND.states:
        this.#isChanged = false;
        say(COMMAND.states, this.#states());
        return;
      case COMMAND.batteryReport:
        say(COMMAND.batteryReport, batteryReportOf(this.battery));
        return;
      default:
        refuse(BAD_PARAMETER);
    }
  }

  #perform(
    central: Central,
    id: number,
    command: number,
    body: Uint8Array,
    say: (command: number, body: Uint8Array) => void,
    refuse: (code: number) => void,
  ): void {
    const complete = () => say(COMMAND.status, Uint8Array.of(0));
    const ended = (error: number | undefined) => (error === undefined ? complete() : refuse(error));
    switch (command) {
      case COMMAND.lockAction:
        this.#move(central, id, body[0] ?? 0, refuse);
        return;
      case COMMAND.requestConfig:
        say(COMMAND.config, this.#config());
        return;
      case COMMAND.updateTime: {
        const at = fromLockDate(body, 0);
        if (at !== undefined) this.#clockError = at - this.#clock.now();
        ended(at === undefined ? BAD_PARAMETER : undefined);
        return;
      }
      case COMMAND.removeAuthorization: {
        const gone = readU32(body, 0);
        // Said before it is forgotten: the answer is sealed with what goes.
        if (this.authorizations.has(gone)) complete();
        else refuse(INVALID_AUTHORIZATION);
        this.authorizations.delete(gone);
        return;
      }
      case COMMAND.verifyPin:
        complete();
        return;
      case COMMAND.requestLog:
        for (const payload of this.log.slice(body)) say(COMMAND.logEntry, payload);
        complete();
        return;
      case COMMAND.addCode: {
        if (this.faults.forgetCodes) {
          say(COMMAND.codeId, joinBytes(u16(99), lockDate(this.clock, 0, 'down')));
          return;
        }
        const added = this.keypad.add(body, this.clock);
        if (typeof added === 'number') refuse(added);
        else say(COMMAND.codeId, joinBytes(u16(added.id), lockDate(this.clock, 0, 'down')));
        return;
      }
      case COMMAND.updateCode:
        ended(this.faults.forgetCodes ? undefined : this.keypad.update(body));
        return;
      case COMMAND.removeCode:
        ended(this.faults.forgetCodes ? undefined : this.keypad.remove(readU16(body, 0)));
        return;
      case COMMAND.requestCodes: {
        const codes = [...this.keypad.codes.values()];
        const from = readU16(body, 0);
        say(COMMAND.codeCount, u16(codes.length));
        for (const code of codes.slice(from, from + readU16(body, 2))) {
          say(COMMAND.code, this.keypad.entry(code));
        }
        if (this.faults.finalStatus) complete();
        return;
      }
      default:
        refuse(BAD_PARAMETER);
    }
  }

  #move(central: Central, id: number, action: number, refuse: (code: number) => void): void {
    const say = (command: number, body: Uint8Array) => this.#say(central, id, command, body);
    const complete = () => {
      if (!this.faults.withholdCompletion) say(COMMAND.status, Uint8Array.of(0));
    };
    if (action !== ACTION.unlock && action !== ACTION.lock && action !== ACTION.unlatch) {
      refuse(BAD_PARAMETER);
      return;
    }
    if (this.motor.isThere(action)) {
      complete();
      return;
    }
    if (this.motor.isRunning) {
      refuse(BUSY);
      return;
    }
    say(COMMAND.status, Uint8Array.of(1));
    this.motor.run(action, ({ completion }) => {
      this.#done(action, 0, id, completion);
      say(COMMAND.states, this.#states());
      if (completion === 0) complete();
      else refuse(MOTOR_BLOCKED);
    });
    say(COMMAND.states, this.#states());
    if (this.faults.dropWhenMoving) central.disconnect(0x08);
  }

  #done(action: number, trigger: number, by: number, completion: number): void {
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

  #states(): Uint8Array {
    return statesOf({
      pairing: this.#isPairing(),
      state: this.motor.state,
      clock: this.clock,
      battery: this.battery,
      configCount: this.#configCount,
      last: this.#last,
      door: this.door,
    });
  }

  #config(): Uint8Array {
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
    this.#done(locks ? ACTION.lock : ACTION.unlock, 1, 0, 0);
  }

  moveDoor(open: boolean): void {
    this.door = open ? 'open' : 'closed';
    this.#log(0, 0x06, Uint8Array.of(open ? 0 : 1));
    this.#stateChanged();
  }

  moveClock(by: Millis): void {
    this.#clockError += by;
  }

  factoryReset(): void {
    this.authorizations.clear();
    this.keypad.codes.clear();
    this.#privateKey = this.#options.random.bytes(32);
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

/** Commands that end in their challenge; all others carry the security PIN after it. */
const WITHOUT_PIN: ReadonlySet<number> = new Set([COMMAND.lockAction, COMMAND.requestConfig]);

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
