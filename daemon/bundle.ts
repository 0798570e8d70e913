/**
 * The daemon in a few files under `dist/daemon`, which start in half the time of the source (performance.md 8). Native modules stay outside; threads and the radio process are files of their own, beside the
 * chunks that start them; what is loaded late in the source is loaded late here too.
 */
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { build, type Metafile, type Plugin } from 'esbuild';

const ROOT = resolve(import.meta.dirname, '..');

/** With native code of their own, or looked for by path. */
export const OUTSIDE = [
  'better-sqlite3',
  '@serialport/bindings-cpp',
  '@stoprocent/noble',
  '@stoprocent/bluetooth-hci-socket',
  'node-ble',
  'koffi',
];

/** Started by their file's name: each is an entry, and all lie in one folder. */
const STARTED = {
  latchkey: 'daemon/main.ts',
  'journal-worker': 'daemon/store/journal-worker.ts',
  'grants-worker': 'daemon/store/grants-worker.ts',
  'maintenance-worker': 'daemon/store/maintenance-worker.ts',
  'search-worker': 'daemon/store/search-worker.ts',
  child: 'daemon/platform/radio/child.ts',
} as const;

/** Read as files, by name, from the folder of whoever reads them. */
const READ_BESIDE = [
  ['daemon/store/migrations', 'migrations'],
  ['daemon/local-api/panel', 'panel'],
] as const;

/** What is CommonJS inside asks for `require`. */
export const REQUIRE_BANNER = `import { createRequire as toRequire } from 'node:module';
const require = toRequire(import.meta.url);`;

/** Code that was compiled once is read back; where nothing can be written it is compiled again. */
const ENTRY = `#!/usr/bin/env node
import { enableCompileCache } from 'node:module';
enableCompileCache(process.env.CACHE_DIRECTORY);
await import('./latchkey.mjs');
`;

const startedFiles: Plugin = {
  name: 'started-files',
  setup({ onLoad }) {
    onLoad({ filter: /\/(store|radio)\/[a-z-]+\.ts$/ }, ({ path }) => ({
      contents: readFileSync(path, 'utf8').replace(
        /new URL\('\.\/([a-z-]+)\.ts', import\.meta\.url\)/g,
        "new URL('./$1.mjs', import.meta.url)",
      ),
      loader: 'ts',
    }));
  },
};

/**
 * Writes `main.mjs` and what it needs into `directory`, which must lie in a folder of the checkout. What went into it is
 * returned, as paths from the root of the checkout.
 */
export async function bundle(directory: string): Promise<readonly string[]> {
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  const { metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: STARTED,
    outdir: directory,
    bundle: true,
    splitting: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    outExtension: { '.js': '.mjs' },
    external: OUTSIDE,
    // Read at each start; names are kept for stack traces.
    minifyWhitespace: true,
    minifySyntax: true,
    banner: { js: REQUIRE_BANNER },
    plugins: [startedFiles],
    logLevel: 'warning',
    metafile: true,
  });
  const nameless = namelessIn(metafile);
  if (nameless.length > 0) {
    throw new Error(
      `${nameless.join(', ')}: import() of CommonJS gives no names in a bundle; import it by name in a file of ours, and load that one late`,
    );
  }
  for (const [folder, name] of READ_BESIDE) {
    cpSync(join(ROOT, folder), join(directory, name), { recursive: true });
  }
  writeFileSync(join(directory, 'main.mjs'), ENTRY, { mode: 0o755 });
  return Object.keys(metafile.inputs);
}

/** Packages that `import()` finds all names of in the source, and only `default` in the bundle. */
function namelessIn({ outputs }: Metafile): readonly string[] {
  return Object.values(outputs).flatMap(({ entryPoint = '', exports }) =>
    entryPoint.includes('node_modules/') && exports.join() === 'default' ? [entryPoint] : [],
  );
}

if (import.meta.main) await bundle(join(ROOT, 'dist', 'daemon'));
