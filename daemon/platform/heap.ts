/** How memory is kept: in short pauses, where somebody at a door waits for each, and little of it after a year of uptime. */
import { setFlagsFromString } from 'node:v8';

const FLAGS = [
  // What outlived a few collections is else made in the old space from the start, and holds what it names alive until
  // the next full one: while a picture of all grants came in, a scavenge took 20 ms instead of 1.
  '--no-allocation-site-pretenuring',
  // A young space that grew to 32 MB has the small old one beside it marked and swept every two seconds, 7 ms each.
  '--semi-space-growth-factor=1',
];

/**
 * Small buffers share a slab, and whoever keeps one of four bytes keeps the slab. `mqtt-packet` keeps one for each
 * length of a packet that it ever wrote, up to 16,383: at Node's 64 KiB, 65 MB after a thousand lengths.
 */
const SLAB_BYTES = 4096;

/** For the whole process with its threads, from now on. */
export function keepPausesShort(): void {
  for (const flag of FLAGS) setFlagsFromString(flag);
}

/** For this thread, from now on. */
export function keepSlabsSmall(): void {
  Buffer.poolSize = SLAB_BYTES;
}
