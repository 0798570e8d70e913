/**
 * A vendor's part stands alone (P11): whatever goes wrong in its code ends its own loops only. It is told with an
 * alarm, and the part begins anew after a pause that grows.
 */
import { type Clock, type Millis, pause, type Random } from '../../drivers/contract/time.ts';
import type { Vendor } from '../access/model.ts';
import type { VendorDesk, VendorLog } from './desk.ts';

type Loop = (signal: AbortSignal) => Promise<void> | undefined;

const FIRST_WAIT: Millis = 5000;
const LONGEST_WAIT: Millis = 15 * 60_000;
/** Having run so long, the next fault counts as the first. */
const RUNS_WELL: Millis = 3_600_000;

/** All of them until the signal; the first that fails stops the others, and all have ended when it rejects. */
export async function together(signal: AbortSignal, loops: readonly Loop[]): Promise<void> {
  const failed = new AbortController();
  const inner = AbortSignal.any([signal, failed.signal]);
  const running = loops.map(async (loop) => {
    try {
      await loop(inner);
    } catch (error) {
      failed.abort();
      throw error;
    }
  });
  const ends = await Promise.allSettled(running);
  const first = ends.find((end) => end.status === 'rejected');
  if (first !== undefined) throw first.reason;
}

export interface RunAlone {
  readonly clock: Clock;
  readonly random: Random;
  readonly run: (signal: AbortSignal) => Promise<void>;
  readonly broken: (error: unknown) => void;
}

/** Until the signal; never rejects. */
export async function runAlone(
  { clock, random, run, broken }: RunAlone,
  signal: AbortSignal,
): Promise<void> {
  let failures = 0;
  while (!signal.aborted) {
    const began = clock.uptime();
    try {
      await run(signal);
      return;
    } catch (error) {
      if (signal.aborted) return;
      broken(error);
    }
    failures = clock.uptime() - began > RUNS_WELL ? 1 : failures + 1;
    const length = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** Math.min(failures - 1, 10));
    await pause(clock, length * (0.5 + random.fraction() / 2), signal);
  }
}

/** A fault of ours, not the vendor's: a line for whoever mends it, an entry with an alarm for whoever runs the site. */
export function tellingFaults(
  vendor: Vendor,
  desk: Pick<VendorDesk, 'journal' | 'stamp'>,
  log: VendorLog,
): (error: unknown) => void {
  return (error) => {
    const { message, stack } = error instanceof Error ? error : new Error(String(error));
    log('vendor-fault', { vendor, message, ...(stack === undefined ? {} : { stack }) });
    const body = { vendor, detail: FAULT_DETAIL, alarm: true };
    desk.journal
      .append({ stamp: desk.stamp(), entries: [{ type: 'system.vendor_offline', body }] })
      .committed.catch((failure: unknown) => log('storage-failed', { message: String(failure) }));
  };
}

export const FAULT_DETAIL = 'a fault in this program; the log tells more (vendor-fault)';
