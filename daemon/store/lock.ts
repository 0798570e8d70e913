/** One daemon a directory: an exclusive lock that the operating system drops when the process ends, however it ends. */
import { statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { openScratch, storage, storageError } from './database.ts';
import { StorageError } from './ports.ts';

const LOCK_FILE = 'lock.db';

/** @throws StorageError `locked` when another process has it. */
export function lockDirectory(directory: string, isLastTry = false): Disposable {
  const path = join(directory, LOCK_FILE);
  try {
    const db = openScratch(path, { busyMs: 0 });
    try {
      // SQLite begins to write what is empty, which takes room: a full disk is no reason not to start.
      const isEmpty = statSync(path).size === 0;
      // A transaction that never ends and writes nothing: SQLite holds the file's lock for it.
      storage(() => db.exec(`${isEmpty ? 'PRAGMA user_version = 1;' : ''} BEGIN EXCLUSIVE`));
    } catch (error) {
      db.close();
      throw error;
    }
    return { [Symbol.dispose]: () => db.close() };
  } catch (error) {
    const { code } = storageError(error);
    if (code === 'locked') {
      const why = `${directory} is in use by another daemon`;
      throw new StorageError('locked', why, { cause: error });
    }
    if (code !== 'corrupt' || isLastTry) throw error;
    // There is nothing in it that could be lost, and whoever has it locked has this very file.
    truncateSync(path);
    return lockDirectory(directory, true);
  }
}
