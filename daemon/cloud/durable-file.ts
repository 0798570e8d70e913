/** Files that are whole whenever they are read, written seldom and waited for. */
import { closeSync, fsyncSync, openSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { StorageError } from '../store/ports.ts';

/** All of it or nothing of it, also after a power cut: a new file, flushed, then renamed over the old. */
export function writeDurably(path: string, text: string): void {
  const fresh = `${path}.new`;
  const file = openSync(fresh, 'w', 0o600);
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(fresh, path);
  const folder = openSync(dirname(path), 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

/**
 * As `writeDurably`, where a command asks for it: a disk that takes nothing is an answer, and no end of the daemon.
 * @throws StorageError
 */
export function storeDurably(path: string, text: string): void {
  try {
    writeDurably(path, text);
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
    if (code === undefined) throw cause;
    const isFull = code === 'ENOSPC' || code === 'EDQUOT';
    throw new StorageError(isFull ? 'full' : 'broken', `${path}: ${code}`, { cause });
  }
}
