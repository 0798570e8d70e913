/** Where files go that cannot be trusted: database, log and shared memory together, the newest two kept. */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Instant } from '../../drivers/contract/time.ts';

const KEPT = 2;

/** Returns the folder, or `undefined` when there was nothing to move. */
export function quarantine(directory: string, name: string, at: Instant): string | undefined {
  const files = ['', '-wal', '-shm', '-journal']
    .map((end) => `${name}${end}`)
    .filter((each) => existsSync(join(directory, each)));
  if (files.length === 0) return undefined;
  const root = join(directory, 'quarantine');
  mkdirSync(root, { recursive: true, mode: 0o700 });
  const folder = freeFolder(root, at);
  mkdirSync(folder, { mode: 0o700 });
  for (const file of files) renameSync(join(directory, file), join(folder, file));
  const folders = readdirSync(root).sort();
  for (const old of folders.slice(0, Math.max(0, folders.length - KEPT))) {
    if (old !== basename(folder)) rmSync(join(root, old), { recursive: true, force: true });
  }
  return folder;
}

/** Named by time; the clock may stand still or be wrong, so a name that is taken is counted on. */
function freeFolder(root: string, at: Instant): string {
  const time = new Date(Math.max(0, at)).toISOString().replaceAll(':', '-').replace('.', '-');
  for (let count = 0; ; count++) {
    const folder = join(root, count === 0 ? time : `${time}-${String(count).padStart(3, '0')}`);
    if (!existsSync(folder)) return folder;
  }
}
