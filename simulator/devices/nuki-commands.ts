/**
 * What whoever holds a key asks of a Nuki lock: readings, motor, clock, codes and log. Each command but a reading
 * carries the challenge it was given last, and what changes the lock's settings its security PIN (ble.md 3).
 */
import type { Random } from '../../drivers/contract/time.ts';
import { COMMAND, type Message, readU16, readU32, u16 } from '../../drivers/nuki/frame.ts';
import { fromLockDate, lockDate } from '../../drivers/nuki/lock-date.ts';
import { ACTION } from '../../drivers/nuki/states.ts';
import { joinBytes } from '../../drivers/wire/hex.ts';
import type { NukiKeypad } from './nuki-keypad.ts';
import type { NukiLog } from './nuki-log.ts';
import type { NukiMotor } from './nuki-motor.ts';
import { batteryReportOf } from './nuki-pictures.ts';

export interface Authorization {
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

/** The lock as its commands find it. */
export interface NukiInside {
  readonly motor: NukiMotor;
  readonly keypad: NukiKeypad;
  readonly log: NukiLog;
  readonly authorizations: Map<number, Authorization>;
  readonly faults: NukiFaults;
  readonly random: Random;
  readonly pin: number;
  readonly battery: number;
  /** Its own clock, UTC, with its error. */
  readonly clock: number;
  setClock(at: number): void;
  states(): Uint8Array;
  /** The states are told to somebody: nothing is new any more. */
  seen(): void;
  config(): Uint8Array;
  /** For the states and the log. */
  moved(action: number, trigger: number, by: number, completion: number): void;
}

/** Who asks, and how it is answered. */
export interface NukiAsker {
  readonly id: number;
  say(command: number, body: Uint8Array): void;
  hangUp(): void;
}

const PIN_TRIES = 5;
const BAD_PIN = 0x21;
const BAD_NONCE = 0x22;
const BAD_PARAMETER = 0x23;
const INVALID_AUTHORIZATION = 0x24;
const PIN_LOCKED = 0x28;
const MOTOR_BLOCKED = 0x42;
const BUSY = 0x45;

/** Commands that end in their challenge; all others carry the security PIN after it. */
const WITHOUT_PIN: ReadonlySet<number> = new Set([COMMAND.lockAction, COMMAND.requestConfig]);

/** One command's answers. */
interface Answers {
  say(command: number, body: Uint8Array): void;
  refuse(code: number): void;
  complete(): void;
}

export class NukiCommands {
  readonly #lock: NukiInside;
  #pinFailures = 0;

  constructor(lock: NukiInside) {
    this.#lock = lock;
  }

  /** A command that opened with the key of `authorization`, and everything that is said to it. */
  hear(asker: NukiAsker, authorization: Authorization, { command, payload }: Message): void {
    const say = (answer: number, body: Uint8Array) => asker.say(answer, body);
    const answers: Answers = {
      say,
      refuse: (code) => say(COMMAND.errorReport, joinBytes(Uint8Array.of(code), u16(command))),
      complete: () => say(COMMAND.status, Uint8Array.of(0)),
    };
    if (command === COMMAND.requestData) {
      this.#request(authorization, readU16(payload, 0), answers);
      return;
    }
    const tail = WITHOUT_PIN.has(command) ? 32 : 34;
    const body = payload.subarray(0, payload.length - tail);
    const nonce = payload.subarray(payload.length - tail, payload.length - tail + 32);
    const refused =
      this.#wrongChallenge(authorization, nonce) ??
      (tail === 34 ? this.#wrongPin(readU16(payload, payload.length - 2)) : undefined) ??
      this.#lock.faults.refuseWith;
    if (refused === undefined) this.#perform(asker, command, body, answers);
    else answers.refuse(refused);
  }

  /** Good once, right or wrong. */
  #wrongChallenge(authorization: Authorization, nonce: Uint8Array): number | undefined {
    const expected = authorization.challenge;
    authorization.challenge = undefined;
    const isRight = expected !== undefined && Buffer.compare(expected, nonce) === 0;
    return isRight ? undefined : BAD_NONCE;
  }

  #wrongPin(pin: number): number | undefined {
    if (this.#pinFailures >= PIN_TRIES) return PIN_LOCKED;
    const isRight = pin === this.#lock.pin;
    this.#pinFailures = isRight ? 0 : this.#pinFailures + 1;
    return isRight ? undefined : BAD_PIN;
  }

  #request(authorization: Authorization, wanted: number, { say, refuse }: Answers): void {
    const lock = this.#lock;
    switch (wanted) {
      case COMMAND.challenge:
        authorization.challenge = lock.random.bytes(32);
        say(COMMAND.challenge, authorization.challenge);
        return;
      case COMMAND.states:
        lock.seen();
        say(COMMAND.states, lock.states());
        return;
      case COMMAND.batteryReport:
        say(COMMAND.batteryReport, batteryReportOf(lock.battery));
        return;
      default:
        refuse(BAD_PARAMETER);
    }
  }

  #perform(asker: NukiAsker, command: number, body: Uint8Array, answers: Answers): void {
    const { say, refuse, complete } = answers;
    const lock = this.#lock;
    const ended = (error: number | undefined) => (error === undefined ? complete() : refuse(error));
    switch (command) {
      case COMMAND.lockAction:
        this.#move(asker, body[0] ?? 0, answers);
        return;
      case COMMAND.requestConfig:
        say(COMMAND.config, lock.config());
        return;
      case COMMAND.updateTime: {
        const at = fromLockDate(body, 0);
        if (at !== undefined) lock.setClock(at);
        ended(at === undefined ? BAD_PARAMETER : undefined);
        return;
      }
      case COMMAND.removeAuthorization: {
        const gone = readU32(body, 0);
        // Said before it is forgotten: the answer is sealed with what goes.
        ended(lock.authorizations.has(gone) ? undefined : INVALID_AUTHORIZATION);
        lock.authorizations.delete(gone);
        return;
      }
      case COMMAND.verifyPin:
        complete();
        return;
      case COMMAND.requestLog:
        for (const payload of lock.log.slice(body)) say(COMMAND.logEntry, payload);
        complete();
        return;
      default:
        this.#codes(command, body, answers);
    }
  }

  /** The code memory of its keypad. */
  #codes(command: number, body: Uint8Array, { say, refuse, complete }: Answers): void {
    const { faults, keypad, clock } = this.#lock;
    const ended = (error: number | undefined) => (error === undefined ? complete() : refuse(error));
    const added = (id: number) =>
      say(COMMAND.codeId, joinBytes(u16(id), lockDate(clock, 0, 'down')));
    switch (command) {
      case COMMAND.addCode: {
        const code = faults.forgetCodes ? { id: 99 } : keypad.add(body, clock);
        if (typeof code === 'number') refuse(code);
        else added(code.id);
        return;
      }
      case COMMAND.updateCode:
        ended(faults.forgetCodes ? undefined : keypad.update(body));
        return;
      case COMMAND.removeCode:
        ended(faults.forgetCodes ? undefined : keypad.remove(readU16(body, 0)));
        return;
      case COMMAND.requestCodes: {
        const codes = [...keypad.codes.values()];
        const from = readU16(body, 0);
        say(COMMAND.codeCount, u16(codes.length));
        for (const code of codes.slice(from, from + readU16(body, 2))) {
          say(COMMAND.code, keypad.entry(code));
        }
        if (faults.finalStatus) complete();
        return;
      }
      default:
        refuse(BAD_PARAMETER);
    }
  }

  #move(asker: NukiAsker, action: number, { say, refuse, complete }: Answers): void {
    const lock = this.#lock;
    const done = () => {
      if (!lock.faults.withholdCompletion) complete();
    };
    if (action !== ACTION.unlock && action !== ACTION.lock && action !== ACTION.unlatch) {
      refuse(BAD_PARAMETER);
      return;
    }
    if (lock.motor.isThere(action)) {
      done();
      return;
    }
    if (lock.motor.isRunning) {
      refuse(BUSY);
      return;
    }
    say(COMMAND.status, Uint8Array.of(1));
    lock.motor.run(action, ({ completion }) => {
      lock.moved(action, 0, asker.id, completion);
      say(COMMAND.states, lock.states());
      if (completion === 0) done();
      else refuse(MOTOR_BLOCKED);
    });
    say(COMMAND.states, lock.states());
    if (lock.faults.dropWhenMoving) asker.hangUp();
  }
}
