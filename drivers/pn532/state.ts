/** What is known of a PN532 between two steps. */
import { type Actuation, type DeviceStatistics, NO_STATISTICS } from '../contract/device.ts';
import type { Uptime } from '../contract/time.ts';
import { NOTHING_HELD } from '../wire/receive-buffer.ts';
import { FEW_RETRIES, FIRMWARE, SAM_CONFIGURATION } from './frame.ts';

/** What it is told after each waking, in this order. */
export const SETUP = [SAM_CONFIGURATION, FIRMWARE, FEW_RETRIES] as const;

export interface Pn532State {
  readonly isUp: boolean;
  readonly isOnline: boolean;
  readonly wasOffline: boolean;
  /** Next of `SETUP`; past its end the chip is ready. */
  readonly setupAt: number;
  readonly inFlight:
    | {
        readonly command: Uint8Array;
        readonly deadline: Uptime | undefined;
        readonly isAcked: boolean;
      }
    | undefined;
  /** A card was found, or may have been, and is not found again until it is let go. */
  readonly mustRelease: boolean;
  readonly nextAt: Uptime;
  readonly misses: number;
  readonly held: Uint8Array;
  readonly seen: ReadonlyMap<string, Uptime>;
  readonly firmware: string;
  readonly rereading: readonly { readonly actuation: Actuation; readonly until: Uptime }[];
  readonly statistics: DeviceStatistics;
}

export function asleep(now: Uptime): Pn532State {
  return {
    isUp: false,
    isOnline: false,
    wasOffline: false,
    setupAt: 0,
    inFlight: undefined,
    mustRelease: false,
    nextAt: now,
    misses: 0,
    held: NOTHING_HELD,
    seen: new Map(),
    firmware: '',
    rereading: [],
    statistics: NO_STATISTICS,
  };
}
