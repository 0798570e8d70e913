/** The machine's own clocks: the wall clock, which may be set at any time, and one that only counts. */
import {
  type Clock,
  instant,
  type Timer,
  type Uptime,
  uptime,
} from '../../drivers/contract/time.ts';

/** Longest wait that one timer of Node can hold; longer ones are waited for in parts. */
const LONGEST_WAIT_MS = 2 ** 31 - 1;

/**
 * Uptime is the monotonic clock of the machine (CLOCK_MONOTONIC, since it booted), so setting the wall clock moves no
 * timer, and what one process counted the next goes on with. A timer never fires before its moment, although Node's
 * own may be up to a millisecond early.
 */
export function realClock(): Clock {
  const now = () => {
    const [seconds, nanoseconds] = process.hrtime();
    return uptime(seconds * 1000 + nanoseconds / 1e6);
  };
  return {
    now: () => instant(Date.now()),
    uptime: now,
    wakeAt: (at, fire) => wait(now, at, fire),
  };
}

function wait(now: () => Uptime, at: Uptime, fire: () => void): Timer {
  let timer: NodeJS.Timeout;
  const arm = () => {
    const left = Math.min(Math.max(0, Math.ceil(at - now())), LONGEST_WAIT_MS);
    timer = setTimeout(() => (now() >= at ? fire() : arm()), left);
  };
  arm();
  return { cancel: () => clearTimeout(timer) };
}
