/** How often Seam may be asked about one of its devices: more is refused there with 429 (vendor-apis.md 3.3). */
import type { Clock } from '../../../drivers/contract/time.ts';
import { RequestBudget } from '../request-budget.ts';
import { PER_MINUTE } from './device-limits.ts';

export class DeviceBudgets {
  readonly #clock: Clock;
  readonly #budgets = new Map<string, RequestBudget>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves when all of these devices may be asked. A grant counts as one code for each of its devices. */
  async take(
    what: 'create-code' | 'update-code' | 'delete-code',
    devices: readonly string[],
    signal: AbortSignal,
  ): Promise<void> {
    for (const device of devices) await this.#budget(what, device).take(signal);
  }

  #budget(what: keyof typeof PER_MINUTE, device: string): RequestBudget {
    const name = `${what}\0${device}`;
    const budget = this.#budgets.get(name) ?? new RequestBudget(this.#clock, PER_MINUTE[what]);
    this.#budgets.set(name, budget);
    return budget;
  }
}
