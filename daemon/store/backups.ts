/** Copies of both databases in `backups/`, whole and checked, the newest three of each kept (conventions 3.3). */
import { existsSync, mkdirSync, readdirSync, rmSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock, Instant } from '../../drivers/contract/time.ts';
import { storage } from './database.ts';
import { StorageError } from './ports.ts';

export const BACKUPS = 'backups';
const KEPT = 3;
/** On a disk fuller than this a backup would do more harm than good. */
const FULLEST = 0.9;

/** Their order by name is their order in time, as far as the clock was right. */
export function backupName(kind: 'journal' | 'grants', at: Instant, why = ''): string {
  const time = new Date(Math.max(0, at)).toISOString().replaceAll(':', '-').replace('.', '-');
  return `${kind}-${time}${why === '' ? '' : `-${why}`}.db`;
}

export function backupsOf(directory: string, kind: 'journal' | 'grants'): readonly string[] {
  const folder = join(directory, BACKUPS);
  if (!existsSync(folder)) return [];
  const name = new RegExp(`^${kind}-.*\\.db$`);
  return readdirSync(folder)
    .filter((each) => name.test(each))
    .sort();
}

/** Something that can copy itself while it is in use: an opened journal or store of grants. */
export interface Copied {
  backup(path: string): Promise<void>;
}

/**
 * One copy of each, then the oldest are removed. Nothing is removed when a copy fails.
 * @throws StorageError when a copy is not whole
 */
export async function makeBackups(
  directory: string,
  parts: { readonly journal: Copied; readonly grants?: Copied },
  at: Instant,
): Promise<
  | { readonly kind: 'made'; readonly files: readonly string[] }
  | { readonly kind: 'disk-too-full'; readonly used: number }
> {
  const { blocks, bavail } = statfsSync(directory);
  const used = 1 - bavail / Math.max(1, blocks);
  if (used > FULLEST) return { kind: 'disk-too-full', used };
  const folder = join(directory, BACKUPS);
  storage(() => mkdirSync(folder, { recursive: true, mode: 0o700 }));
  const files: string[] = [];
  for (const kind of ['grants', 'journal'] as const) {
    const part = parts[kind];
    if (part === undefined) continue;
    const path = join(folder, backupName(kind, at));
    await part.backup(path);
    files.push(path);
    for (const old of backupsOf(directory, kind).slice(0, -KEPT)) {
      rmSync(join(folder, old), { force: true });
    }
  }
  return { kind: 'made', files };
}

/**
 * One copy of each as they are now, and none that is older: somebody was erased. Answers which folders still hold
 * older files, put aside for having been damaged.
 * @throws StorageError when a copy is not whole, or there is no room for one; then the older ones stay.
 */
export async function renewBackups(
  directory: string,
  journal: Copied,
  grants: Copied,
  clock: Clock,
): Promise<readonly string[]> {
  if (directory === ':memory:') return [];
  const made = await makeBackups(directory, { journal, grants }, clock.now());
  if (made.kind !== 'made') throw new StorageError('full', 'there is no room for a new backup');
  const folder = join(directory, BACKUPS);
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (!made.files.includes(path)) rmSync(path, { force: true });
  }
  const aside = join(directory, 'quarantine');
  return existsSync(aside) ? readdirSync(aside).map((name) => join(aside, name)) : [];
}
