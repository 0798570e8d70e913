/**
 * `npm run package`: `latchkey/cloud` in `dist/cloud`, the bundle in `dist/daemon`, and from it a Debian package for each machine in `dist/`, with a Node
 * of its own. Two runs on the same checkout give the same bytes.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, rmSync, statSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { ARCHITECTURES, type Architecture, isArchitecture } from './architecture.ts';
import { bundle } from './bundle.ts';
import { cloudPackage } from './cloud-package.ts';
import { buildDeb, type DebOptions } from './deb.ts';
import { loadedFiles } from './modules.ts';
import { runtimeFor } from './runtime.ts';
import { sbom } from './sbom.ts';
import { layOut } from './tree.ts';

const ROOT = resolve(import.meta.dirname, '../..');

export interface PackageOptions {
  readonly architectures: readonly Architecture[];
  /** Where the packages go. */
  readonly directory: string;
  /** Where the bundle goes, a folder of `dist/`; `dist/daemon` without it. */
  readonly bundle?: string;
  readonly compression?: DebOptions['compression'];
  /** Another version than that of package.json, for tries of an upgrade. */
  readonly version?: string;
  /** Changes a tree before it is packed. */
  readonly also?: (tree: string) => void;
  /** Told what is done now. */
  readonly tell?: (what: string) => void;
}

/** @returns the path of each package. */
export async function packages(options: PackageOptions): Promise<readonly string[]> {
  const { directory, compression = 'xz', tell = () => {} } = options;
  const version = options.version ?? versionHere();
  tell('bundle');
  const packed = options.bundle ?? join(ROOT, 'dist', 'daemon');
  const bundled = await bundle(packed);
  const loaded = await loadedFiles(ROOT);
  const parts = sbom();
  const at = secondsOfChangelog();
  const made: string[] = [];
  for (const architecture of options.architectures) {
    const tree = join(directory, `tree-${architecture}`);
    tell(`runtime for ${architecture}`);
    const runtime = runtimeFor(ARCHITECTURES[architecture], ROOT, join(ROOT, 'dist', 'runtime'));
    tell(`files for ${architecture}`);
    layOut({
      root: ROOT,
      tree,
      architecture,
      version,
      runtime,
      bundle: packed,
      bundled,
      loaded,
      sbom: parts,
    });
    options.also?.(tree);
    const file = join(directory, `latchkey_${version}_${architecture}.deb`);
    tell(`${relative(ROOT, file)}, compressed with ${compression}`);
    buildDeb({ tree, file, at, compression });
    rmSync(tree, { recursive: true });
    made.push(file);
  }
  return made;
}

export function versionHere(): string {
  return String(Object(JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))).version);
}

/** The day of the newest entry; a package that is made again next year is the same. */
function secondsOfChangelog(): number {
  const text = readFileSync(join(ROOT, 'systemd/debian/changelog'), 'utf8');
  const day = /^ -- .*> {2}(.*)$/m.exec(text)?.[1];
  const at = Date.parse(day ?? '');
  if (Number.isNaN(at)) throw new Error(`systemd/debian/changelog: ${day} is no date`);
  return at / 1000;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      arch: { type: 'string', multiple: true },
      'bundle-only': { type: 'boolean' },
      help: { type: 'boolean' },
    },
  });
  if (values.help) {
    process.stdout.write(
      'npm run package [-- --arch amd64|arm64] [--bundle-only]\n' +
        'Writes dist/daemon, dist/cloud (the package of latchkey/cloud) and dist/latchkey_VERSION_ARCH.deb; packages need dpkg-deb (Debian, Ubuntu).\n',
    );
    return;
  }
  const directory = join(ROOT, 'dist');
  await cloudPackage(join(directory, 'cloud'));
  process.stdout.write('dist/cloud\n');
  if (values['bundle-only'] || spawnSync('dpkg-deb', ['--version']).error !== undefined) {
    await bundle(join(directory, 'daemon'));
    process.stdout.write('dist/daemon\n');
    if (!values['bundle-only']) {
      process.stderr.write('no Debian package was made: dpkg-deb is missing (apt install dpkg)\n');
      process.exitCode = 1;
    }
    return;
  }
  const asked = values.arch ?? ['amd64', 'arm64'];
  const wrong = asked.find((name) => !isArchitecture(name));
  if (wrong !== undefined) {
    process.stderr.write(`--arch ${wrong}: amd64 or arm64\n`);
    process.exitCode = 2;
    return;
  }
  // What takes longest is the compressor's, in another process: which step it is, is all that can be told.
  const steps = 1 + 3 * asked.length;
  let step = 0;
  const made = await packages({
    architectures: asked.filter(isArchitecture),
    directory,
    tell: (what) => process.stderr.write(`${++step}/${steps}  ${what}\n`),
  });
  for (const file of made) {
    const sum = execFileSync('sha256sum', [file], { encoding: 'utf8' }).split(' ')[0];
    const megabytes = (statSync(file).size / 1e6).toFixed(1);
    process.stdout.write(`${relative(ROOT, file)}  ${megabytes} MB  ${sum}\n`);
  }
}

if (import.meta.main) await main();
