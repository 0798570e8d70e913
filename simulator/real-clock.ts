/** The simulator's own way to real time, for when it stands in for hardware beside a daemon of another process. */
import { performance } from 'node:perf_hooks';
import { type Clock, instant, uptime } from '../drivers/contract/time.ts';

/** Waits of more than 24 days, which no simulated device has, would fire at once. */
export function realClock(): Clock {
  const now = () => uptime(performance.now());
  return {
    now: () => instant(Date.now()),
    uptime: now,
    wakeAt(at, fire) {
      const wait = () => setTimeout(() => (now() >= at ? fire() : again()), left(at - now()));
      let timer = wait();
      const again = () => {
        timer = wait();
      };
      return { cancel: () => clearTimeout(timer) };
    },
  };
}

/** Node's timers may be up to a millisecond early, so what is left is rounded up. */
function left(ms: number): number {
  return Math.max(0, Math.ceil(ms));
}
