/** What the simulated Seam has accepted and not yet done. */
import type { Clock, Millis } from '../../drivers/contract/time.ts';
import type { SimulatedCode } from './seam-things.ts';

interface Attempt {
  readonly action_attempt_id: string;
  readonly action_type: string;
  readonly doneAt: number;
  readonly fault: string | undefined;
}

export class SeamAttempts {
  readonly #clock: Clock;
  readonly #uuid: () => string;
  readonly #takes: Millis;
  readonly #all = new Map<string, Attempt>();
  #nextFault: string | undefined;

  constructor(clock: Clock, uuid: () => string, takes: Millis) {
    this.#clock = clock;
    this.#uuid = uuid;
    this.#takes = takes;
  }

  /** The next one ends with this error. */
  failNext(fault: string): void {
    this.#nextFault = fault;
  }

  get isFailing(): boolean {
    return this.#nextFault !== undefined;
  }

  begin(action_type: string, code?: SimulatedCode): object {
    const fault = this.#nextFault;
    this.#nextFault = undefined;
    if (code !== undefined && fault !== undefined) code.fault = fault;
    const action_attempt_id = this.#uuid();
    const doneAt = this.#clock.now() + this.#takes;
    this.#all.set(action_attempt_id, { action_attempt_id, action_type, doneAt, fault });
    return this.at(action_attempt_id) ?? {};
  }

  at(id: string): object | undefined {
    const found = this.#all.get(id);
    if (found === undefined) return undefined;
    const { action_attempt_id, action_type, doneAt, fault } = found;
    const common = { action_attempt_id, action_type };
    if (this.#clock.now() < doneAt)
      return { ...common, status: 'pending', result: null, error: null };
    return fault === undefined
      ? { ...common, status: 'success', result: {}, error: null }
      : { ...common, status: 'error', result: null, error: { type: fault, message: fault } };
  }
}
