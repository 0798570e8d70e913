/** How often one device may be asked for something in a minute (vendor-apis.md 3.3). */
import type { Clock, Millis, Uptime } from '../../../drivers/contract/time.ts';
import { SeamError } from './seam-error.ts';

export const PER_MINUTE = {
  'create-code': 10,
  'update-code': 10,
  'delete-code': 20,
  lock: 15,
  unlock: 15,
} as const;

const MINUTE: Millis = 60_000;

export class DeviceLimits {
  readonly #clock: Clock;
  readonly #asked = new Map<string, Uptime[]>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @throws SeamError 429, which counts for nothing */
  take(what: keyof typeof PER_MINUTE, device: string): void {
    const now = this.#clock.uptime();
    const name = `${what}\0${device}`;
    const recent = (this.#asked.get(name) ?? []).filter((at) => at > now - MINUTE);
    const [oldest] = recent;
    if (recent.length >= PER_MINUTE[what] && oldest !== undefined) {
      const retryAfter = Math.max(1, Math.ceil((oldest + MINUTE - now) / 1000));
      throw new SeamError(429, 'rate_limit_exceeded', 'this device was asked too often', {
        retryAfter,
      });
    }
    for (const [other, times] of this.#asked) {
      if ((times.at(-1) ?? 0) <= now - MINUTE) this.#asked.delete(other);
    }
    this.#asked.set(name, [...recent, now]);
  }
}
