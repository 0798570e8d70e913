/**
 * A clock of the machine that runs on a battery: whether it may say what time it is at a start. Time servers prove it
 * (conventions 3.1), and twice: it agreed with one, and what it said at an earlier start, after the machine was off, was
 * right too. The kernel copies time into it while a server is reached, so that agreeing alone proves no battery; and
 * what it says is no better than those servers, so that it is believed no farther ahead than they would be.
 */
import type { Instant, Millis, Uptime } from '../../drivers/contract/time.ts';

/** It tells whole seconds, and is set within one. */
const RTC_ERROR: Millis = 2_000;
/** Not better than any other crystal that nobody has measured. */
const RTC_DRIFT = 100e-6;
/** Off for so long at least, or the machine may have been on all the time. */
const OFF_AT_LEAST: Millis = 10 * 60_000;
/** The system's clock is set from it when the machine starts; where they differ, somebody has set one of them. */
const APART_MOST: Millis = 2 * 60_000;

export interface RtcReading {
  /** Which one it is, and of which machine: a spare's is not this one's. */
  readonly name: string;
  readonly at: Instant;
}

/** What is known of it, durably. */
export interface RtcProof {
  readonly name: string;
  /** When it last agreed with a time server. */
  readonly agreed: Instant;
  /** What it said at a start, after the machine was off, was right. */
  readonly kept: boolean;
}

/** What it said at this start, until a time server says what was right. */
export interface RtcAtStart extends RtcReading {
  readonly uptime: Uptime;
  readonly wasOff: boolean;
}

export function rtcAtStart(
  reading: RtcReading | undefined,
  lastMark: Instant | undefined,
  uptime: Uptime,
): RtcAtStart | undefined {
  if (reading === undefined || lastMark === undefined) return undefined;
  return { ...reading, uptime, wasOff: reading.at - lastMark >= OFF_AT_LEAST };
}

/**
 * How far off it can be where it is believed; `undefined`: it is not.
 * @param lo what has certainly passed. @param aheadMost how far ahead of that a time server would be believed.
 */
export function rtcError(
  reading: RtcReading | undefined,
  proof: RtcProof | undefined,
  { lo, wall, aheadMost }: { lo: Instant; wall: Instant; aheadMost: Millis },
): Millis | undefined {
  if (reading === undefined || proof?.name !== reading.name || !proof.kept) return undefined;
  const ahead = reading.at - lo;
  if (ahead < -APART_MOST || ahead > aheadMost) return undefined;
  if (Math.abs(wall - reading.at) > APART_MOST) return undefined;
  return errorSince(proof, reading.at);
}

/** After a time server said that it is `wall` now. */
export function provenBy(
  proof: RtcProof | undefined,
  atStart: RtcAtStart | undefined,
  reading: RtcReading | undefined,
  wall: Instant,
  now: Uptime,
): RtcProof | undefined {
  const started = atStart === undefined ? proof : judged(proof, atStart, wall, now);
  if (reading === undefined) return started;
  const known = started?.name === reading.name ? started : undefined;
  const off = Math.abs(reading.at - wall);
  if (off <= RTC_ERROR) {
    return { name: reading.name, agreed: wall, kept: known?.kept ?? false };
  }
  return known !== undefined && off <= errorSince(known, wall) ? known : undefined;
}

function judged(
  proof: RtcProof | undefined,
  atStart: RtcAtStart,
  wall: Instant,
  now: Uptime,
): RtcProof | undefined {
  if (proof?.name !== atStart.name) return undefined; // nobody knows when it was last set
  const off = Math.abs(atStart.at + (now - atStart.uptime) - wall);
  if (off > errorSince(proof, wall)) return undefined;
  return atStart.wasOff ? { ...proof, kept: true } : proof;
}

function errorSince({ agreed }: RtcProof, at: Instant): Millis {
  return RTC_ERROR + RTC_DRIFT * Math.max(0, at - agreed);
}
