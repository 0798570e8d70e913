/**
 * What people see while something takes longer than a second. On stderr, so that results can be piped, and only where
 * that is a terminal. Not clack's: its bar takes the keyboard, and stands still while SQLite has the thread.
 */
import type { Writable } from 'node:stream';
import { type Clock, type Timer, type Uptime, uptime } from '../../drivers/contract/time.ts';
import { realClock } from '../platform/clock.ts';

export interface Bar {
  /** Called as often as one likes, also from a loop that never yields. */
  at(done: number, of: number): void;
}

export interface Screen {
  readonly output: Writable & { readonly isTTY?: boolean };
  readonly clock: Clock;
}

const SHOWN_AFTER = 1000;
const DRAWN_EVERY = 100;
const LOOK_EVERY = 500;
const WIDTH = 24;
const CLEAR = '\r\x1b[2K';

/** Runs `work` with a bar that is gone when it ends, however it ends. */
export async function working<T>(
  what: string,
  work: (bar: Bar) => T | Promise<T>,
  { output, clock }: Screen = { output: process.stderr, clock: realClock() },
): Promise<T> {
  if (output.isTTY !== true) return await work({ at: () => {} });
  const begun = clock.uptime();
  let drawn: Uptime | undefined;
  const draw = (done: string) => {
    const now = clock.uptime();
    if (now - begun < SHOWN_AFTER) return;
    if (drawn !== undefined && now - drawn < DRAWN_EVERY) return;
    drawn = now;
    output.write(`${CLEAR}${what} ${done}  ${Math.floor((now - begun) / 1000)} s`);
  };
  let waiting: Timer;
  const look = () => {
    draw('…');
    waiting = clock.wakeAt(uptime(clock.uptime() + LOOK_EVERY), look);
  };
  waiting = clock.wakeAt(uptime(begun + SHOWN_AFTER), look);
  try {
    return await work({
      at: (done, of) => {
        const part = of <= 0 ? 1 : Math.min(1, done / of);
        const filled = Math.round(part * WIDTH);
        draw(`[${'#'.repeat(filled)}${'.'.repeat(WIDTH - filled)}] ${Math.floor(part * 100)} %`);
      },
    });
  } finally {
    waiting.cancel();
    if (drawn !== undefined) output.write(CLEAR);
  }
}
