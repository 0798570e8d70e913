/** A directory -> a `.deb`. The same directory gives the same bytes: times are fixed, and everything is root's. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, lstatSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';

export interface DebOptions {
  /** The tree with its `DEBIAN/` directory; `md5sums` and `Installed-Size` are added. */
  readonly tree: string;
  readonly file: string;
  /** Seconds since 1970 that every file shows: those of the changelog. */
  readonly at: number;
  readonly compression: 'xz' | 'gzip' | 'none';
}

export function buildDeb({ tree, file, at, compression }: DebOptions): void {
  const files = filesIn(tree);
  let bytes = 0;
  const sums = files
    .filter((path) => !path.startsWith('DEBIAN/'))
    .map((path) => {
      const content = readFileSync(join(tree, path));
      bytes += Math.ceil(content.length / 1024);
      return `${createHash('md5').update(content).digest('hex')}  ${path}\n`;
    });
  writeFileSync(join(tree, 'DEBIAN/md5sums'), sums.join(''));
  const control = join(tree, 'DEBIAN/control');
  writeFileSync(
    control,
    readFileSync(control, 'utf8').replace(
      /^Description:/m,
      `Installed-Size: ${bytes}\nDescription:`,
    ),
  );
  setModes(tree);
  execFileSync('dpkg-deb', ['--root-owner-group', `-Z${compression}`, '--build', tree, file], {
    env: { ...process.env, SOURCE_DATE_EPOCH: String(at) },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

/** Whatever the umask and the file system said: what is run is 0755, the rest 0644, directories 0755. */
function setModes(tree: string): void {
  const walk = (path: string) => {
    const isFolder = lstatSync(path).isDirectory();
    const isRun = (lstatSync(path).mode & 0o100) !== 0 && !path.endsWith('.node');
    chmodSync(path, isFolder || isRun ? 0o755 : 0o644);
    if (isFolder) for (const name of readdirSync(path)) walk(join(path, name));
  };
  walk(tree);
}

function filesIn(tree: string): readonly string[] {
  return readdirSync(tree, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(tree, join(entry.parentPath, entry.name)))
    .sort();
}
