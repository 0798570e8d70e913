/** The bolt and latch of a simulated Nuki lock: what the motor does takes time, and may jam. */
import { type Clock, type Millis, type Timer, uptime } from '../../drivers/contract/time.ts';
import { ACTION, LOCK_STATE } from '../../drivers/nuki/states.ts';

export interface MotorResult {
  /** 00 done, 01 motor blocked. */
  readonly completion: number;
}

export class NukiMotor {
  state: number = LOCK_STATE.locked;
  /** One run of the bolt. */
  runMs: Millis = 1200;
  /** How long the latch is held. */
  latchMs: Millis = 3000;
  isJammed = false;
  /** Runs that the motor began, by action. */
  readonly runs = { unlock: 0, lock: 0, unlatch: 0 };
  readonly #clock: Clock;
  readonly #changed: () => void;
  #timer: Timer | undefined;
  #isRunning = false;

  constructor(clock: Clock, changed: () => void) {
    this.#clock = clock;
    this.#changed = changed;
  }

  get isRunning(): boolean {
    return this.#isRunning;
  }

  /** By hand, at once. */
  turn(state: number): void {
    this.#timer?.cancel();
    this.#isRunning = false;
    this.#become(state);
  }

  isThere(action: number): boolean {
    if (action === ACTION.lock) return this.state === LOCK_STATE.locked;
    return action === ACTION.unlock && this.state === LOCK_STATE.unlocked;
  }

  /** `false` where it is running already. */
  run(action: number, ended: (result: MotorResult) => void): boolean {
    if (this.#isRunning) return false;
    this.#isRunning = true;
    if (action === ACTION.lock) {
      this.runs.lock += 1;
      this.#go(LOCK_STATE.locking, LOCK_STATE.locked, ended);
    } else if (action === ACTION.unlatch) {
      this.runs.unlatch += 1;
      this.#go(LOCK_STATE.unlatching, LOCK_STATE.unlatched, (result) => {
        ended(result);
        if (result.completion !== 0) return;
        this.#after(this.latchMs, () => {
          if (this.state === LOCK_STATE.unlatched) this.#become(LOCK_STATE.unlocked);
        });
      });
    } else {
      this.runs.unlock += 1;
      this.#go(LOCK_STATE.unlocking, LOCK_STATE.unlocked, ended);
    }
    return true;
  }

  #go(during: number, after: number, ended: (result: MotorResult) => void): void {
    this.#become(during);
    this.#after(this.runMs, () => {
      this.#isRunning = false;
      this.#become(this.isJammed ? LOCK_STATE.motorBlocked : after);
      ended({ completion: this.isJammed ? 1 : 0 });
    });
  }

  #after(length: Millis, act: () => void): void {
    this.#timer?.cancel();
    this.#timer = this.#clock.wakeAt(uptime(this.#clock.uptime() + length), act);
  }

  #become(state: number): void {
    if (this.state === state) return;
    this.state = state;
    this.#changed();
  }
}
