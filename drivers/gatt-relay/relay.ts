/** What is known of one relay board, and what is under way with it. */
import {
  type Actuation,
  type DeviceEvent,
  type DeviceStatistics,
  NO_STATISTICS,
} from '../contract/device.ts';
import type { Send } from '../contract/machine.ts';
import type { Uptime } from '../contract/time.ts';
import { NOTHING_HELD } from '../wire/receive-buffer.ts';
import type { Dialect } from './dialect.ts';

/** What is asked of the board. */
export type Talk = 'login' | 'identity' | 'on' | 'state' | 'off';

export interface Asking {
  readonly talk: Talk;
  /** The write has left. */
  readonly hasLeft: boolean;
  readonly answerBy: Uptime;
}

export interface Relay {
  phase: 'idle' | 'opening' | 'open' | 'closing';
  isConnected: boolean;
  isLoggedIn: boolean;
  isIdentified: boolean;
  asking: Asking | undefined;
  heard: Uint8Array;
  waiting: readonly Actuation[];
  /** The unlock or lock whose bytes were sent. */
  current: Actuation | undefined;
  acknowledged: boolean;
  /** When the unlock under way was sent. */
  onAt: Uptime | undefined;
  /** When the output has to be switched off by us; `undefined` where it is off. */
  offAt: Uptime | undefined;
  isStillOnTold: boolean;
  retryAt: Uptime;
  closeAt: Uptime | undefined;
  pollAt: Uptime;
  wantsLook: boolean;
  failures: number;
  isOnline: boolean | undefined;
  statistics: DeviceStatistics;
}

export type RelayState = Readonly<Relay>;

/** One step: what it says and sends besides the new state. */
export interface Turn {
  readonly now: Uptime;
  readonly events: DeviceEvent[];
  readonly send: Send[];
}

export function newRelay(dialect: Dialect, now: Uptime): Relay {
  return {
    phase: 'idle',
    isConnected: false,
    isLoggedIn: false,
    isIdentified: false,
    asking: undefined,
    heard: NOTHING_HELD,
    waiting: [],
    current: undefined,
    acknowledged: false,
    onAt: undefined,
    // Nobody knows what the last run left on; an end twice is no second opening.
    offAt: dialect.isTimed ? undefined : now,
    isStillOnTold: false,
    retryAt: now,
    closeAt: undefined,
    pollAt: now,
    wantsLook: false,
    failures: 0,
    isOnline: undefined,
    statistics: NO_STATISTICS,
  };
}
