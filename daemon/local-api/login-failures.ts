/** Calls without a right token: each is refused, and some are told to the journal, never more than one a minute. */
import { type Uptime, uptime } from '../../drivers/contract/time.ts';
import type { SiteDesk } from './desk.ts';

const TELL_EVERY_MS = 60_000;

export class LoginFailures {
  readonly #desk: SiteDesk;
  #untold = 0;
  #tellAt: Uptime = uptime(0);

  constructor(desk: SiteDesk) {
    this.#desk = desk;
  }

  failed(remote: string): void {
    this.#untold += 1;
    const { clock, journal } = this.#desk;
    if (clock.uptime() < this.#tellAt) return;
    this.#tellAt = uptime(clock.uptime() + TELL_EVERY_MS);
    const failures = this.#untold;
    this.#untold = 0;
    journal
      .append({
        stamp: this.#desk.stamp(),
        entries: [
          { type: 'security.login_failed', body: { where: 'local-api', remote, failures } },
        ],
        keep: true,
      })
      .committed.catch(() => undefined); // `storage()` tells; who is refused need not wait for the disk
  }
}
