/**
 * The daemon in a few files under `dist/daemon`, which start in half the time of the source (performance.md 8). Native modules stay outside; threads and the radio process are files of their own, beside the
 * chunks that start them; what is loaded late in the source is loaded late here too.
 */
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { build, type Metafile, type Plugin } from 'esbuild';
import { fuseCore } from './fused-core.ts';

const ROOT = resolve(import.meta.dirname, '../..');

/** With native code of their own, or looked for by path: copied as they are. */
export const OUTSIDE = [
  'better-sqlite3',
  '@serialport/bindings-cpp',
  '@stoprocent/noble',
  '@stoprocent/bluetooth-hci-socket',
  'node-ble',
  'koffi',
];

/** Of these only what is native stays outside: the first decision waits for them, and for each of their files. */
const NEAR = ['better-sqlite3', '@serialport/bindings-cpp'];
const FAR = OUTSIDE.filter((name) => !NEAR.includes(name));

/** Programs that share no file with one another: what a command needs is loaded by no daemon. */
const DAEMON = { main: 'daemon/main.ts' };
/** Answers at a door, and loads the rest after. */
const CORE = 'daemon/cli/daemon-process.ts';
/** With a door at the other end. */
const LINKS = ['daemon/platform/serial-link.ts', 'daemon/platform/tcp-link.ts'];
const COMMANDS = { commands: 'daemon/cli/program.ts' };
/** Started by their file's name; all lie in one folder. */
const STARTED = {
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
const CACHE_BANNER = `process.getBuiltinModule('node:module').enableCompileCache(process.env.CACHE_DIRECTORY);`;

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

/** The commands are a program of their own. */
const commandsApart: Plugin = {
  name: 'commands-apart',
  setup({ onResolve }) {
    onResolve({ filter: /\/cli\/program\.ts$/ }, ({ kind }) =>
      kind === 'dynamic-import' ? { path: './commands.mjs', external: true } : undefined,
    );
  },
};

/**
 * Text of a function: what is native in a package, from the nearest `node_modules`. Whoever looks through package.json,
 * libraries and names of builds for it spends milliseconds before the first decision. The Node that ships is of glibc.
 */
const NATIVE = `
const { existsSync } = require('node:fs');
const { join } = require('node:path');
const native = (name, file) => {
  const found = require.resolve
    .paths(name)
    .map((directory) => join(directory, name, 'prebuilds', file))
    .find((path) => existsSync(path));
  if (found === undefined) throw new Error(name + ' has no ' + file + ' here: what is packaged runs on 64-bit Linux');
  const module = { exports: {} };
  process.dlopen(module, found);
  return module.exports;
};`;

/** Instead of these files, which look for what is native beside themselves or load much that is not used here. */
const REPLACED: readonly (readonly [file: RegExp, contents: string])[] = [
  [
    /\/better-sqlite3\/lib\/binding\.js$/,
    `${NATIVE}
let loaded;
exports.getBinding = () => (loaded ??= native('better-sqlite3', 'linux-' + process.arch + '.node'));`,
  ],
  [
    /\/@serialport\/bindings-cpp\/dist\/serialport-bindings\.js$/,
    `${NATIVE}
const build = { x64: 'glibc', arm64: 'armv8.glibc' }[process.arch];
exports.binding = native(
  '@serialport/bindings-cpp',
  'linux-' + process.arch + '/@serialport+bindings-cpp.' + build + '.node',
);`,
  ],
  [
    /\/serialport\/dist\/index\.js$/,
    `exports.SerialPort = { binding: require('@serialport/bindings-cpp').LinuxBinding };`,
  ],
  // What is packaged runs on Linux.
  [
    /\/@serialport\/bindings-cpp\/dist\/index\.js$/,
    `exports.LinuxBinding = require('./linux').LinuxBinding;`,
  ],
  // Both load what speaks to other processes and to the network; nothing here lists ports.
  [
    /\/@serialport\/bindings-cpp\/dist\/linux-list\.js$/,
    `exports.linuxList = () => { throw new Error('ports are not listed'); };`,
  ],
  [
    /\/@serialport\/bindings-cpp\/node_modules\/debug\/src\/index\.js$/,
    `module.exports = () => () => {};`,
  ],
];

const nativeOutside: Plugin = {
  name: 'native-outside',
  setup({ onLoad }) {
    for (const [filter, contents] of REPLACED) onLoad({ filter }, () => ({ contents }));
  },
};

/**
 * A quarter of what a core without it is, and most grants name two moments and no schedule: in a file of its own, which
 * is read when a wall time is first asked for (3 ms of a start of 50).
 */
async function temporalApart(directory: string) {
  const { outputFiles, metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: { temporal: 'temporal-polyfill' },
    outdir: directory,
    entryNames: '[name]-[hash]',
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node24',
    outExtension: { '.js': '.cjs' },
    minifyWhitespace: true,
    minifySyntax: true,
    logLevel: 'warning',
    metafile: true,
    write: false,
  });
  const [file] = outputFiles;
  if (file === undefined) throw new Error('esbuild made nothing of temporal-polyfill');
  writeFileSync(file.path, file.contents);
  const contents = `
const all = () => require(['./${basename(file.path)}'].join()).Temporal;
export const Temporal = new Proxy({}, { get: (_, name) => all()[name] });`;
  const plugin: Plugin = {
    name: 'temporal-apart',
    setup({ onLoad }) {
      onLoad({ filter: /\/temporal-polyfill\/index\.js$/ }, () => ({ contents }));
    },
  };
  return { plugin, metafile };
}

/**
 * Writes `main.mjs` and what it needs into `directory`, which must lie in a folder of the checkout. What went into it is
 * returned, as paths from the root of the checkout.
 */
export async function bundle(directory: string): Promise<readonly string[]> {
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  const temporal = await temporalApart(directory);
  const daemon = await program(DAEMON, directory, {
    plugins: [commandsApart, temporal.plugin],
    banner: CACHE_BANNER,
  });
  await fuseCore({
    directory,
    metafile: daemon,
    entryPoint: CORE,
    late: LINKS,
    program: 'main.mjs',
    external: FAR,
  });
  const programs = [
    daemon,
    temporal.metafile,
    await program(COMMANDS, directory),
    await program(STARTED, directory),
  ];
  for (const [folder, name] of READ_BESIDE) {
    cpSync(join(ROOT, folder), join(directory, name), { recursive: true });
  }
  return [...new Set(programs.flatMap(({ inputs }) => Object.keys(inputs)))];
}

async function program(
  entryPoints: Readonly<Record<string, string>>,
  directory: string,
  more: { readonly plugins?: readonly Plugin[]; readonly banner?: string } = {},
): Promise<Metafile> {
  const { metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints,
    outdir: directory,
    bundle: true,
    splitting: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    outExtension: { '.js': '.mjs' },
    external: [...FAR],
    // Read at each start; names are kept for stack traces.
    minifyWhitespace: true,
    minifySyntax: true,
    banner: { js: [REQUIRE_BANNER, more.banner].join('\n') },
    plugins: [startedFiles, nativeOutside, ...(more.plugins ?? [])],
    logLevel: 'warning',
    metafile: true,
  });
  const nameless = namelessIn(metafile);
  if (nameless.length > 0) {
    throw new Error(
      `${nameless.join(', ')}: import() of CommonJS gives no names in a bundle; import it by name in a file of ours, and load that one late`,
    );
  }
  return metafile;
}

/** Packages that `import()` finds all names of in the source, and only `default` in the bundle. */
function namelessIn({ outputs }: Metafile): readonly string[] {
  return Object.values(outputs).flatMap(({ entryPoint = '', exports }) =>
    entryPoint.includes('node_modules/') && exports.join() === 'default' ? [entryPoint] : [],
  );
}

if (import.meta.main) await bundle(join(ROOT, 'dist', 'daemon'));
