/** Long work that nobody waits for at a door leaves the processor to what somebody waits for. */
import { readlinkSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { basename } from 'node:path';

/**
 * The thread that calls this, alone of its process, is given what the others leave over, from now on. Linux counts
 * threads like processes; elsewhere, and where it is forbidden, all stays as it is.
 */
export function giveWay(): void {
  try {
    setPriority(
      Number(basename(readlinkSync('/proc/thread-self'))),
      constants.priority.PRIORITY_LOW,
    );
  } catch {
    // Only who waits beside it is served a little later.
  }
}
