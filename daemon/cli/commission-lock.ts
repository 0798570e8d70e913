/** While an installer opens slots, no daemon does: both would talk on the same wires. */
import { lchownSync, lstatSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { lockDirectory } from '../store/lock.ts';
import { StorageError } from '../store/ports.ts';
import { CommandFailure, EXIT } from './failure.ts';
import { readRunFile } from './run-file.ts';

export function mustNotRun(directory: string): void {
  const running = readRunFile(directory);
  if (running === undefined || !isAlive(running.pid)) return;
  throw new CommandFailure(
    `the daemon runs (process ${running.pid}) and has these ports: stop it first, such as by systemctl stop latchkey`,
    EXIT.badInput,
  );
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    return code === 'EPERM';
  }
}

/** No daemon starts on this store meanwhile. */
export function locked(directory: string): Disposable {
  try {
    return lockDirectory(directory);
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    throw new CommandFailure(`${error.message}: stop it first`, EXIT.badInput);
  }
}

/** What root made in the store of the service belongs to the service, folders for what comes later among it. */
export function keepOwner(directory: string): void {
  if (process.getuid?.() !== 0) return;
  for (const name of readdirSync(directory, { encoding: 'utf8', recursive: true })) {
    const path = join(directory, name);
    if (lstatSync(path).uid === 0) giveTo(directory, path);
  }
}

/** To whoever has the store: no other user of the machine is the service. */
export function giveTo(directory: string, path: string): void {
  if (process.getuid?.() !== 0) return;
  const { uid, gid } = statSync(directory);
  lchownSync(path, uid, gid);
}
