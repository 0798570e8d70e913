/**
 * Of the files that a first decision waits for, one: a file that Node imports costs it half a millisecond and turns of
 * the loop, and one that it requires neither. What is loaded after it still finds the same modules, under their old
 * names, in small files that hand on what the core holds.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { build, type Metafile, type Plugin } from 'esbuild';

/** What each file of a bundle begins with; here `require` is there without it. */
const OWN_REQUIRE =
  /^import \{ createRequire as toRequire \} from 'node:module';\nconst require = toRequire\(import\.meta\.url\);$/m;

export interface FuseOptions {
  /** Where the files lie that esbuild wrote, split. */
  readonly directory: string;
  readonly metafile: Metafile;
  /** The source whose file, with all that it imports at once, is the core. */
  readonly entryPoint: string;
  /** Who loads it, in that folder. */
  readonly program: string;
  readonly external: readonly string[];
}

/** Replaces the core's files in `directory` by one, whose name changes with all that is loaded from it. */
export async function fuseCore(options: FuseOptions): Promise<void> {
  const { directory, metafile, entryPoint, program, external } = options;
  const files = new Map(
    Object.entries(metafile.outputs).map(([path, output]) => [basename(path), output]),
  );
  const entry = [...files].find(([, output]) => output.entryPoint === entryPoint)?.[0];
  if (entry === undefined) throw new Error(`no file was made of ${entryPoint}`);
  const core = importedAtOnce(entry, files);
  /** In the core two files may each have something of the same name. */
  const handed = [...core].map((name, n) => ({
    name,
    exports: (files.get(name)?.exports ?? []).map((each) => ({
      each,
      as: name === entry ? each : `${each}_${n}`,
    })),
  }));

  const { outputFiles } = await build({
    absWorkingDir: directory, // which has no part in the name, then
    stdin: {
      contents: handed
        .map(({ name, exports }) => {
          const list = exports.map(({ each, as }) => `${each} as ${as}`).join();
          return `export {${list}} from './${name}';\n`;
        })
        .join(''),
      resolveDir: directory,
    },
    outdir: directory,
    entryNames: 'core-[hash]',
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node24',
    outExtension: { '.js': '.cjs' },
    external: [...external],
    minifyWhitespace: true,
    minifySyntax: true,
    banner: { js: "const here=require('node:url').pathToFileURL(__filename).href;" },
    define: { 'import.meta.url': 'here', 'import.meta.dirname': '__dirname' },
    plugins: [within(core)],
    logLevel: 'warning',
    write: false,
  });
  const [fused] = outputFiles;
  if (fused === undefined) throw new Error('esbuild made nothing of the core');
  if (/=__esm\w*\(/.test(fused.text)) {
    throw new Error(
      'the core requires an ES module, whose names are not there when they are handed on',
    );
  }
  const fusedName = basename(fused.path);
  for (const name of core) rmSync(join(directory, name));
  writeFileSync(fused.path, fused.contents);
  for (const { name, exports } of handed) {
    if (exports.length === 0) continue;
    const list = exports.map(({ each, as }) => `${as}:${each}`).join();
    const text = `import{createRequire}from'node:module';\nexport const{${list}}=createRequire(import.meta.url)('./${fusedName}');\n`;
    writeFileSync(join(directory, name), text);
  }
  straight(join(directory, program), { core, entry, fused: fusedName });
}

/** With `name`, in the order in which Node would find them. */
function importedAtOnce(name: string, files: ReadonlyMap<string, Output>): ReadonlySet<string> {
  const found = new Set<string>();
  const find = (each: string) => {
    const output = files.get(each);
    if (output === undefined || found.has(each)) return;
    found.add(each);
    for (const { path, kind } of output.imports) {
      if (kind === 'import-statement') find(basename(path));
    }
  };
  find(name);
  return found;
}

type Output = Metafile['outputs'][string];

/** What the core loads later stays where it is. */
function within(core: ReadonlySet<string>): Plugin {
  return {
    name: 'within',
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^\.\/.*\.mjs$/ }, ({ path }) =>
        core.has(basename(path)) ? undefined : { path, external: true },
      );
      onLoad({ filter: /\.mjs$/ }, ({ path }) => ({
        contents: readFileSync(path, 'utf8').replace(OWN_REQUIRE, ''),
      }));
    },
  };
}

/** The program has the core in the same turn, and nothing of it before: code that was compiled once is found by then. */
function straight(program: string, { core, entry, fused }: StraightWay): void {
  const text = readFileSync(program, 'utf8');
  const late = text.replace(/import"\.\/([^"]+)";/g, (all, name) => (core.has(name) ? '' : all));
  const short = late.replace(`await import("./${entry}")`, `require("./${fused}")`);
  if (short === late || [...core].some((name) => short.includes(name))) {
    throw new Error(`${program} does not load ${entry} late`);
  }
  writeFileSync(program, short);
}

interface StraightWay {
  readonly core: ReadonlySet<string>;
  readonly entry: string;
  readonly fused: string;
}
