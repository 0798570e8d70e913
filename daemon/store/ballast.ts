/**
 * Space kept for the day the disk is full: SQLite needs room even to delete, so a file is given up for it
 * (conventions 3.4, measured). Made again once there is room to spare.
 */
import { existsSync, rmSync } from 'node:fs';
import { open, rename, rm, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';

const BALLAST_BYTES = 8 * 1024 * 1024;
const FREE_BYTES_TO_MAKE = 64 * 1024 * 1024;

/** Whether there was one to drop. */
export function dropBallast(path: string | undefined): boolean {
  if (path === undefined || !existsSync(path)) return false;
  rmSync(path, { force: true });
  return true;
}

/** Whether it is there afterwards. Written in full, not sparse, so that its blocks are really taken. */
export async function makeBallast(path: string): Promise<boolean> {
  if (existsSync(path)) return true;
  const partial = `${path}.partial`;
  try {
    const { bavail, bsize } = await statfs(dirname(path));
    if (bavail * bsize <= FREE_BYTES_TO_MAKE) return false;
    const file = await open(partial, 'w', 0o600);
    try {
      const block = Buffer.alloc(1024 * 1024, 0xa5);
      for (let bytes = 0; bytes < BALLAST_BYTES; bytes += block.length) await file.write(block);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(partial, path);
    return true;
  } catch {
    // No ballast is no failure of its own; the disk's state shows at the next commit.
    await rm(partial, { force: true }).catch(() => undefined);
    return false;
  }
}
