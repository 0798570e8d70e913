/** What passes on OSDP buses during a run, in a file for the support of whoever made the reader. */
import { closeSync, openSync, writeSync } from 'node:fs';
import type { Clock } from '../../drivers/contract/time.ts';
import { traced } from '../../drivers/osdp/trace.ts';
import type { BusOpener } from '../devices/supervisor.ts';

export interface OsdpTrace extends Disposable {
  /** The same bus, written down as it is used; a radio or a keyboard as it is. */
  of(opener: BusOpener): BusOpener;
}

/**
 * Adds lines to `file`, which it makes for its owner alone. A line that cannot be written ends the trace, not the
 * run; `told` is given why. Throws the error of the system where the file cannot be opened.
 */
export function openOsdpTrace(file: string, clock: Clock, told: (why: string) => void): OsdpTrace {
  const descriptor = openSync(file, 'a', 0o600);
  let isEnded = false;
  const write = (line: string) => {
    if (isEnded) return;
    try {
      writeSync(descriptor, `${line}\n`);
    } catch (error) {
      isEnded = true;
      told(`${file} ends here: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  return {
    of: (opener) =>
      opener.kind === 'serial' || opener.kind === 'tcp' ? traced(opener, clock, write) : opener,
    [Symbol.dispose]: () => {
      isEnded = true;
      closeSync(descriptor);
    },
  };
}
