/** The port of a connector, and the one loop that all of them run in: a round, then a pause that a call can end. */
import {
  type Clock,
  type Instant,
  type Millis,
  pause,
  type Random,
} from '../../drivers/contract/time.ts';
import type { Vendor } from '../access/model.ts';
import { StorageError } from '../store/ports.ts';
import type { VendorLog } from './desk.ts';
import { differencesOf, driftOf } from './difference.ts';
import { VendorError } from './http.ts';
import { FAULT_DETAIL } from './vendor-run.ts';
import type { VendorSync } from './vendor-sync.ts';

export interface ConnectorStatus {
  readonly vendor: Vendor;
  /** The last call was answered. */
  readonly online: boolean;
  /** Of the last complete reading; kept over restarts. */
  readonly syncedAt?: Instant;
  /** Why it is not online, or what waits. */
  readonly detail: string;
  /** Differences that a person should look at. */
  readonly drift: number;
  /** Changes made here that the vendor does not know yet. */
  readonly pending: number;
}

export interface Connector {
  readonly status: ConnectorStatus;
  /** Until the signal; never rejects for what the vendor does. */
  run(signal: AbortSignal): Promise<void>;
  /** Something changed (here, or by webhook): begin the next round now, or once this one is over. */
  wake(): void;
}

/** Of a vendor that only its dialect stands for. */
export function dialectOnly(sync: VendorSync): ConnectorStatus {
  const drift = driftOf(differencesOf(sync));
  return { vendor: sync.vendor, online: true, detail: 'dialect only', drift, pending: 0 };
}

/** Writes down when a vendor comes on or goes off. */
export function vendorTurned(
  { desk, vendor }: VendorSync,
  log: VendorLog,
): (online: boolean, detail: string) => void {
  return (online, detail) => {
    const type = online ? 'system.vendor_online' : 'system.vendor_offline';
    const body = { vendor, ...(detail === '' ? {} : { detail }) };
    desk.journal
      .append({ stamp: desk.stamp(), entries: [{ type, body }] })
      .committed.catch((error: unknown) => log('storage-failed', { message: String(error) }));
  };
}

export interface RoundsParts {
  readonly clock: Clock;
  readonly random: Random;
  /** Between the end of one round and the next. */
  readonly poll: Millis;
  readonly round: (signal: AbortSignal) => Promise<void>;
  /** Told when it comes on or goes off, once each. */
  readonly changed: (online: boolean, detail: string) => void;
  /** Told what is no fault of the vendor's nor of the disk's: once, until a round has come to its end again. */
  readonly broken: (error: unknown) => void;
  readonly log: VendorLog;
}

const FIRST_WAIT: Millis = 5000;
const LONGEST_WAIT: Millis = 5 * 60_000;

export class Rounds {
  readonly #parts: RoundsParts;
  #online = false;
  #detail = 'not yet asked';
  #isWoken = false;
  #waking = new AbortController();
  #failures = 0;
  #isBroken = false;

  constructor(parts: RoundsParts) {
    this.#parts = parts;
  }

  get online(): boolean {
    return this.#online;
  }

  get detail(): string {
    return this.#detail;
  }

  wake(): void {
    this.#isWoken = true;
    this.#waking.abort();
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#isWoken = false;
      const wait = await this.#round(signal);
      if (signal.aborted) break;
      if (this.#isWoken && this.#online) continue;
      this.#waking = new AbortController();
      await pause(this.#parts.clock, wait, AbortSignal.any([signal, this.#waking.signal]));
    }
  }

  /** Answers how long to wait. What the vendor does is told; a fault of ours ends this round and nothing else (P11). */
  async #round(signal: AbortSignal): Promise<Millis> {
    const { poll, round, random } = this.#parts;
    try {
      await round(signal);
      this.#failures = 0;
      this.#isBroken = false;
      this.#note(true, '');
      return poll;
    } catch (error) {
      if (signal.aborted) return 0;
      const length = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** this.#failures);
      this.#failures = Math.min(this.#failures + 1, 10);
      this.#note(false, this.#detailOf(error), causeOf(error));
      const told = error instanceof VendorError ? (error.retryAfter ?? 0) : 0;
      return Math.max(told, length * (0.5 + random.fraction() / 2));
    }
  }

  #detailOf(error: unknown): string {
    // A full or broken disk is told by the store's own alarms; here it is waited out like a vendor that is away.
    if (error instanceof VendorError || error instanceof StorageError) return error.message;
    if (!this.#isBroken) this.#parts.broken(error);
    this.#isBroken = true;
    return FAULT_DETAIL;
  }

  #note(online: boolean, detail: string, cause?: string): void {
    const isNews = online !== this.#online || (!online && detail !== this.#detail);
    const turned = online !== this.#online || this.#detail === 'not yet asked';
    this.#online = online;
    this.#detail = detail;
    const told = { detail, ...(cause === undefined ? {} : { cause }) };
    if (isNews) this.#parts.log(online ? 'vendor-online' : 'vendor-offline', told);
    if (turned) this.#parts.changed(online, detail);
  }
}

/** More than the journal is told: what the operator's own files are called. */
function causeOf(error: unknown): string | undefined {
  const cause = error instanceof VendorError ? error.cause : undefined;
  return cause instanceof Error ? cause.message : undefined;
}
