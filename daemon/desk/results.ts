/** How what was asked of devices ended, for whoever waits to hear it. */
import type { ActuationId, ActuationOutcome, DeviceEvent } from '../../drivers/contract/device.ts';
import { type Clock, type Millis, type Timer, uptime } from '../../drivers/contract/time.ts';
import type { ActionOutcome } from '../cloud/site-actions.ts';

/** An opening that has not ended by then is `unknown`: queue, pulse and confirming polls take less. */
const OUTCOME_WITHIN: Millis = 12_000;

export class Results {
  readonly #clock: Clock;
  readonly #waiting = new Map<string, (outcome: ActuationOutcome | undefined) => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Of an actuation that has one of these ids. */
  of(...ids: readonly ActuationId[]): Promise<ActionOutcome> {
    return new Promise((resolve) => {
      const timer: Timer = this.#clock.wakeAt(uptime(this.#clock.uptime() + OUTCOME_WITHIN), () =>
        settle(undefined),
      );
      const settle = (outcome: ActuationOutcome | undefined) => {
        timer.cancel();
        for (const id of ids) this.#waiting.delete(id);
        resolve(asAction(outcome));
      };
      for (const id of ids) this.#waiting.set(id, settle);
    });
  }

  hear(event: DeviceEvent): void {
    if (event.kind === 'actuation-result') this.#waiting.get(event.actuation)?.(event);
  }
}

function asAction(outcome: ActuationOutcome | undefined): ActionOutcome {
  if (outcome === undefined) return { result: 'unknown', reason: 'timeout' };
  const detail = outcome.detail === undefined ? {} : { data: { detail: outcome.detail } };
  return { result: outcome.result, ...detail };
}

/** Of several locks opened by one command: the outcome that a person must know about. */
export function worst(outcomes: readonly ActionOutcome[]): ActionOutcome {
  const order = ['unknown', 'failed', 'refused', 'done'] as const;
  for (const result of order) {
    const found = outcomes.find((each) => each.result === result);
    if (found !== undefined) return found;
  }
  return { result: 'done' };
}
