/** Debian's own packages for tests of ours: from where this machine gets its own, as it is set up now. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const RELEASE = 'bookworm';

/** Why the tests that need a Debian of their own cannot run here, or `false`. */
export function cannot(...tools: readonly string[]): string | false {
  if (process.env['LATCHKEY_LONG'] !== '1') return 'takes minutes: LATCHKEY_LONG=1';
  if (process.getuid?.() !== 0) return 'makes a root file system: run it as root';
  const missing = ['debootstrap', 'dpkg-deb', ...tools].filter(
    (tool) => spawnSync('sh', ['-c', `command -v ${tool}`]).status !== 0,
  );
  return missing.length > 0 ? `${missing.join(', ')} is missing` : false;
}

/** The first mirror of the release that apt knows. */
function mirror(): string {
  const format = ['indextargets', '--format', '$(REPO_URI)', `Codename: ${RELEASE}`];
  const [found = ''] = execFileSync('apt-get', format, { encoding: 'utf8' }).split('\n');
  if (found === '') throw new Error(`apt knows no mirror of ${RELEASE}`);
  return found.replace(/\/$/, '');
}

/** A root file system with nothing but what every Debian has, and `more`. */
export function freshRoot(directory: string, more: readonly string[]): void {
  const include = more.length === 0 ? [] : [`--include=${more.join(',')}`];
  execFileSync('debootstrap', ['--variant=minbase', ...include, RELEASE, directory, mirror()], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

/** Libraries of another machine, for programs that an emulator runs. */
export function foreignLibraries(
  architecture: string,
  packages: readonly string[],
  directory: string,
): void {
  const archives = join(directory, 'debootstrap');
  execFileSync(
    'debootstrap',
    [
      ...['--foreign', '--variant=minbase', `--arch=${architecture}`],
      ...[`--include=${packages.join(',')}`, RELEASE, archives, mirror()],
    ],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  const root = join(directory, 'root');
  mkdirSync(root);
  const folder = join(archives, 'var/cache/apt/archives');
  for (const file of readdirSync(folder)) {
    if (/^(lib|gcc-)/.test(file)) execFileSync('dpkg-deb', ['-x', join(folder, file), root]);
  }
}
