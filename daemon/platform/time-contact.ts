/** When the system's clock last agreed with a time server, as systemd-timesyncd leaves it behind. */
import { statSync } from 'node:fs';
import { type Instant, instant } from '../../drivers/contract/time.ts';

/** Touched at each contact; under /run, so that one of an earlier start of the machine is gone. */
const FLAG = '/run/systemd/timesync/synchronized';

/** Milliseconds since 1970; `undefined` where there was no contact since the machine started. */
export function lastTimeContact(flag = FLAG): Instant | undefined {
  const found = statSync(flag, { throwIfNoEntry: false });
  return found === undefined ? undefined : instant(found.mtimeMs);
}
