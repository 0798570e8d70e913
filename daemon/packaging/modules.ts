/** Packages that stay outside the bundle: the files that are really loaded, and the native parts of one machine. */
import { cpSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import type { Cpu } from './architecture.ts';
import { OUTSIDE } from './bundle.ts';

/** Served to browsers from `node_modules`, as `local-api/panel-routes.ts` resolves them. */
const SERVED = ['preact', 'preact/hooks', 'htm', 'htm/preact'];
/** Asked for and done without: a socket with file descriptors for D-Bus, and what belongs to other systems. */
const ABSENT = ['usocket', 'patch-package', 'x11'];

/** Packages, by their directory from the root of the checkout, and which of their files are loaded. */
export async function loadedFiles(root: string): Promise<ReadonlyMap<string, readonly string[]>> {
  const names = [...OUTSIDE, ...SERVED];
  const { metafile } = await build({
    absWorkingDir: root,
    stdin: { contents: names.map((name) => `import '${name}';`).join('\n'), resolveDir: root },
    bundle: true,
    write: false,
    outdir: 'dist',
    platform: 'node',
    format: 'esm',
    // Only what lies in JavaScript is followed here; which native part fits is known by its name.
    loader: { '.node': 'empty' },
    external: ABSENT,
    treeShaking: false,
    metafile: true,
    logLevel: 'error',
  });
  const found = new Map<string, string[]>();
  for (const path of Object.keys(metafile.inputs)) {
    const directory = packageOf(path);
    if (directory === undefined || path.endsWith('.node')) continue;
    found.set(directory, [...(found.get(directory) ?? []), path]);
  }
  return found;
}

/** `node_modules/a/node_modules/b` of a path in it. */
export function packageOf(path: string): string | undefined {
  return /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(path)?.[0];
}

/** Copies them from the checkout to where the daemon of a machine finds them. */
export function copyModules(
  root: string,
  loaded: ReadonlyMap<string, readonly string[]>,
  to: string,
  cpu: Cpu,
): void {
  for (const [directory, files] of loaded) {
    for (const path of [`${directory}/package.json`, ...files, ...native(root, directory, cpu)]) {
      cpSync(join(root, path), join(to, path));
    }
  }
}

/** Debian has glibc. */
function native(root: string, directory: string, cpu: Cpu): readonly string[] {
  const prebuilds = `${directory}/prebuilds`;
  if (!existsSync(join(root, prebuilds))) return [];
  const names = readdirSync(join(root, prebuilds), { recursive: true, encoding: 'utf8' });
  return names
    .filter((name) => name === `linux-${cpu}.node` || name.startsWith(`linux-${cpu}/`))
    .filter((name) => name.endsWith('.node') && !name.includes('musl'))
    .map((name) => `${prebuilds}/${name}`);
}

export interface PackageFacts {
  readonly name: string;
  readonly version: string;
  /** As the package says it. */
  readonly licence: string;
  /** Its whole text, where the package brings it. */
  readonly text: string | undefined;
}

export function factsOf(root: string, directory: string): PackageFacts {
  const manifest = Object(JSON.parse(readFileSync(join(root, directory, 'package.json'), 'utf8')));
  const file = readdirSync(join(root, directory)).find((name) =>
    /^(licen[cs]e|copying)/i.test(name),
  );
  const { name, version, license, licenses } = manifest;
  return {
    name: String(name),
    version: String(version),
    licence: typeof license === 'string' ? license : JSON.stringify(license ?? licenses ?? 'none'),
    text: file === undefined ? undefined : readFileSync(join(root, directory, file), 'utf8'),
  };
}
