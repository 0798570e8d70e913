/** What is built without a sync goes to the disk as it grows. */
import { open } from 'node:fs/promises';
import { type Clock, type Millis, pause } from '../../drivers/contract/time.ts';
import { storageError } from './database.ts';

/** A commit of the journal waits behind no more than this, some 4 ms; a whole file of a million grants were 120. */
const PIECE_BYTES = 1024 * 1024;
const LOOK_EVERY: Millis = 10;

/**
 * Until the signal ends it, and then the rest. Closing the file takes every lock of this process away from it: it is
 * over before anybody but its builder opens it. @throws StorageError
 */
export async function flushAsItGrows(
  path: string,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  try {
    await using file = await open(path, 'r');
    let flushed = 0;
    while (!signal.aborted) {
      const { size } = await file.stat();
      if (size - flushed >= PIECE_BYTES) {
        await file.datasync();
        flushed = size;
      }
      await pause(clock, LOOK_EVERY, signal);
    }
    await file.datasync();
  } catch (error) {
    throw storageError(error);
  }
}
