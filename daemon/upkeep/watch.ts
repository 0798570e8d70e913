/** Proof of life: what the service manager's watchdog is told hangs on what really works (conventions 2.8). */
import { type Clock, type Millis, pause } from '../../drivers/contract/time.ts';
import type { HealthCheck } from '../local-api/desk.ts';

const LOOK_EVERY: Millis = 1000;
/** The event loop may lag this much behind a timer. */
const LAG_MOST: Millis = 2000;
/** The store must have taken a write within this time. */
const STORE_WITHIN: Millis = 20_000;
/** A driver that polls and says that its device is there must have had an answer from it within this time. */
const DRIVER_WITHIN: Millis = 120_000;

export interface WatchParts {
  readonly clock: Clock;
  /** Writes what changes nothing; `false` where the disk is not well. */
  readonly probe: () => Promise<boolean>;
  /** The store's thread is gone, and only a new start brings it back. */
  readonly isStoreDead?: () => boolean;
  /** How long each driver that polls has had no answer although it calls its device online. */
  readonly beats?: () => readonly { readonly name: string; readonly silent: Millis }[];
  /** Tells the service manager; how often at least, or `undefined` where nobody watches. */
  readonly alive: () => void;
  readonly every: Millis | undefined;
  /** Why life is not told any more. */
  readonly alarm: (why: string) => void;
}

/**
 * A full disk is no reason to be restarted: the daemon lives with it. A store that does not answer at all is, and so
 * is a loop that lags, or a driver that hangs: one that knows its device to be gone does not. The broker, a vendor or a reader being gone is none.
 */
export class Watch {
  readonly #parts: WatchParts;
  #lag: Millis = 0;
  #storeAnswered: number;
  #told = 0;

  constructor(parts: WatchParts) {
    this.#parts = parts;
    this.#storeAnswered = parts.clock.uptime();
  }

  checks(): readonly HealthCheck[] {
    const silent = Math.round(this.#parts.clock.uptime() - this.#storeAnswered);
    return [
      {
        name: 'event-loop',
        ok: this.#lag < LAG_MOST,
        detail: `${Math.round(this.#lag)} ms behind`,
      },
      this.#parts.isStoreDead?.() === true
        ? { name: 'store-writer', ok: false, detail: 'its thread has ended' }
        : { name: 'store-writer', ok: silent < STORE_WITHIN, detail: `answered ${silent} ms ago` },
      ...(this.#parts.beats?.() ?? [])
        .filter((beat) => beat.silent >= DRIVER_WITHIN)
        .map((beat) => ({
          name: `driver ${beat.name}`,
          ok: false,
          detail: `hangs for ${Math.round(beat.silent)} ms`,
        })),
    ];
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts;
    let probing = false;
    while (!signal.aborted) {
      const due = clock.uptime() + LOOK_EVERY;
      await pause(clock, LOOK_EVERY, signal);
      if (signal.aborted) return;
      this.#lag = Math.max(0, clock.uptime() - due);
      if (!probing && clock.uptime() - this.#storeAnswered >= STORE_WITHIN / 4) {
        probing = true;
        void this.#parts.probe().then(() => {
          probing = false;
          this.#storeAnswered = clock.uptime();
        });
      }
      this.#tell();
    }
  }

  #tell(): void {
    const { clock, every, alive, alarm } = this.#parts;
    if (every === undefined || clock.uptime() - this.#told < every / 3) return;
    const ill = this.checks().find(({ ok }) => !ok);
    if (ill !== undefined) {
      alarm(`${ill.name}: ${ill.detail}`);
      return;
    }
    this.#told = clock.uptime();
    alive();
  }
}
