/** One daemon a directory: an exclusive lock that the operating system drops when the process ends, however it ends. */
import { join } from 'node:path';
import { openScratch, storage, storageError } from './database.ts';
import { StorageError } from './ports.ts';

/** @throws StorageError `locked` when another process has it. */
export function lockDirectory(directory: string): Disposable {
  try {
    const db = openScratch(join(directory, 'lock.db'), { busyMs: 0 });
    try {
      // A transaction that never ends and writes nothing: SQLite holds the file's lock for it.
      storage(() => db.exec('BEGIN EXCLUSIVE'));
    } catch (error) {
      db.close();
      throw error;
    }
    return { [Symbol.dispose]: () => db.close() };
  } catch (error) {
    if (storageError(error).code !== 'locked') throw error;
    throw new StorageError('locked', `${directory} is in use by another daemon`, { cause: error });
  }
}
