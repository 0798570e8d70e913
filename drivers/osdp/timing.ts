/** The times of OSDP (SIA OSDP 2.2 clause 5.7), all in milliseconds. */
import type { BusFacts } from '../contract/machine.ts';
import type { Millis } from '../contract/time.ts';
import { wireMs } from '../wire/receive-buffer.ts';

/** A reader begins to answer within this time. */
const ANSWERS_WITHIN: Millis = 200;
/** For our own event loop and adapter; a reply a little late is better than one more on the wire. */
const SLACK: Millis = 50;
/** A usual long reply; a longer one extends its time by arriving. */
const REPLY_LENGTH = 64;
/** No byte for so long ends a frame. The design limit is 20; readers stretch it to 60. */
const GAP: Millis = 60;

/** Identical frames sent after the first before a reader counts as gone. */
export const RESENDS = 3;
/** Without a valid exchange for so long, a reader is offline and its session is dead. */
export const OFFLINE_AFTER: Millis = 8000;
/** Between two looks for a silent reader: doubling from the first to the last. */
export const BACK_OFF: readonly [Millis, Millis] = [1000, 30_000];
/** What a reader was shown longer ago than this nobody waits for any more. */
export const STALE_AFTER: Millis = 2000;
/** So long it may go on handing over what it kept. */
export const STALE_FOR: Millis = 2000;
/** A session that lasted so long was lost to the line, not to its handshake. */
export const HOLDS_AFTER: Millis = 1000;
/** Before a new handshake: at once after a session that held, then by how many in a row did not. */
export const REHANDSHAKE: readonly Millis[] = [0, 1000, 2000, 5000];
/** Losses are counted within this time. */
export const LOSSES_WITHIN: Millis = 30_000;
/** So many of them are told to the operator. */
export const LOSSES_TOLD = 3;
/** Before the next try with a reader that refuses the handshake. */
export const AFTER_REFUSAL: readonly Millis[] = [1000, 2000, 5000, 10_000, 30_000];
/** Before the same frame is sent again to a reader that said BUSY: doubling from the first to the last. */
export const AFTER_BUSY: readonly [Millis, Millis] = [100, 800];
/** A frame that was not confirmed as sent in this time never left. */
export const LEAVES_WITHIN: Millis = 6000;
/** Time that a reader takes to come up under its new address and speed. */
export const AFTER_COMSET: Millis = 250;

export interface Timing {
  /** From the end of our frame to the end of patience. */
  readonly reply: Millis;
  readonly gap: Millis;
  /** Idle line before we send: two characters. */
  readonly quiet: Millis;
}

export function timingOf(bus: Pick<BusFacts, 'latencyMs'>, baudRate: number): Timing {
  return {
    reply: ANSWERS_WITHIN + SLACK + bus.latencyMs + wireMs(REPLY_LENGTH, baudRate),
    gap: GAP + SLACK + bus.latencyMs,
    quiet: wireMs(2, baudRate),
  };
}

/** The n-th of a list of delays, and from its end on the last. */
export function nth(delays: readonly Millis[], n: number): Millis {
  return delays[Math.min(n, delays.length - 1)] ?? 0;
}

/** The delay after `previous` in a doubling row. */
export function doubled([first, last]: readonly [Millis, Millis], previous: Millis): Millis {
  return Math.min(last, Math.max(first, 2 * previous));
}
