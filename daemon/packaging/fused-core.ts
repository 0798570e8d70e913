/**
 * Of the files that a first decision waits for, one: a file that Node imports costs it half a millisecond and turns of
 * the loop, and one that it requires neither. What is loaded after it still finds the same modules, under their old
 * names, in small files that hand on what the core holds.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { build, type Metafile, type Plugin, transform } from 'esbuild';

/** What each file of a bundle begins with; here `require` is there without it. */
const OWN_REQUIRE =
  /^import \{ createRequire as toRequire \} from 'node:module';\nconst require = toRequire\(import\.meta\.url\);$/m;

/** Its function is put into the program, see there. */
const LOADER = join(import.meta.dirname, 'warm-core.ts');

/** Of Node's own modules, those that a decision needs nothing of: loaded when something of them is asked for (2 ms). */
const AT_USE = ['node:fs/promises', 'node:worker_threads', 'node:v8'];

/** See `Body` there. */
const HEAD = `(function(exports,require,module,__filename,__dirname,later){'use strict';
const here=require('node:url').pathToFileURL(__filename).href;
const atUse=(name)=>new Proxy({},{get:(_,key)=>require(name)[key]});`;

export interface FuseOptions {
  /** Where the files lie that esbuild wrote, split. */
  readonly directory: string;
  readonly metafile: Metafile;
  /** The source whose file, with all that it imports at once, is the core. */
  readonly entryPoint: string;
  /** Sources that the core `import()`s before it can answer: they run when they are asked for, and lie in its file. */
  readonly late: readonly string[];
  /** Who loads it, in that folder. */
  readonly program: string;
  readonly external: readonly string[];
}

/** Replaces the core's files in `directory` by one, whose name changes with all that is loaded from it. */
export async function fuseCore(options: FuseOptions): Promise<void> {
  const { directory, metafile, entryPoint, late, program, external } = options;
  const files = new Map(
    Object.entries(metafile.outputs).map(([path, output]) => [basename(path), output]),
  );
  const fileOf = (source: string) => {
    const found = [...files].find(([, output]) => output.entryPoint === source);
    if (found === undefined) throw new Error(`no file was made of ${source}`);
    return found[0];
  };
  const entry = fileOf(entryPoint);
  const core = importedAtOnce(entry, files);
  const inside = new Set([
    ...core,
    ...late.flatMap((one) => [...importedAtOnce(fileOf(one), files)]),
  ]);
  const needed = [...files].find(
    ([name, { imports }]) =>
      !inside.has(name) &&
      imports.some(({ path }) => inside.has(basename(path)) && !core.has(basename(path))),
  );
  if (needed !== undefined) {
    throw new Error(
      `${needed[0]} loads what the core runs late, which has no names to hand on yet`,
    );
  }
  const lazy = [...core].find((name) =>
    /=__esm\w*\(/.test(readFileSync(join(directory, name), 'utf8')),
  );
  if (lazy !== undefined) {
    throw new Error(
      `${lazy} requires an ES module, whose names are not there when they are handed on`,
    );
  }
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
    banner: { js: HEAD },
    footer: { js: '})' },
    define: { 'import.meta.url': 'here', 'import.meta.dirname': '__dirname' },
    plugins: [within(inside)],
    logLevel: 'warning',
    write: false,
  });
  const [fused] = outputFiles;
  if (fused === undefined) throw new Error('esbuild made nothing of the core');
  const fusedName = basename(fused.path);
  for (const name of inside) rmSync(join(directory, name));
  writeFileSync(fused.path, lateIn(fused.text));
  for (const { name, exports } of handed) {
    if (exports.length === 0) continue;
    const list = exports.map(({ each, as }) => `${as}:${each}`).join();
    const text = `import{createRequire}from'node:module';\nexport const{${list}}=createRequire(import.meta.url)('./${fusedName}');\n`;
    writeFileSync(join(directory, name), text);
  }
  await straight(join(directory, program), { core, entry, fused: fusedName });
}

/** What is loaded late is asked of whoever loads the core, and of Node when it is used. */
function lateIn(text: string): string {
  return AT_USE.reduce(
    (all, name) => all.replaceAll(`=require("${name}")`, `=atUse("${name}")`),
    text.replaceAll('import("', 'later("'),
  );
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
function within(inside: ReadonlySet<string>): Plugin {
  return {
    name: 'within',
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^\.\/.*\.mjs$/ }, ({ path }) =>
        inside.has(basename(path)) ? undefined : { path, external: true },
      );
      onLoad({ filter: /\.mjs$/ }, ({ path }) => ({
        contents: readFileSync(path, 'utf8').replace(OWN_REQUIRE, ''),
      }));
    },
  };
}

/** The program has the core in the same turn, and nothing of it before. */
async function straight(program: string, { core, entry, fused }: StraightWay): Promise<void> {
  const text = readFileSync(program, 'utf8');
  // What it required was the core's; the import that makes it a `require` takes half a millisecond.
  const bare = /\brequire\(/.test(text) ? text : text.replace(OWN_REQUIRE, '');
  const late = bare.replace(/import"\.\/([^"]+)";/g, (all, name) => (core.has(name) ? '' : all));
  const short = late.replace(`await import("./${entry}")`, `warmCore("${fused}")`);
  if (short === late || [...core].some((name) => short.includes(name))) {
    throw new Error(`${program} does not load ${entry} late`);
  }
  const { code } = await transform(readFileSync(LOADER, 'utf8'), {
    loader: 'ts',
    target: 'node24',
    minifyWhitespace: true,
    minifySyntax: true,
  });
  writeFileSync(
    program,
    short.replace(/^(#!.*\n)?/, (line) => `${line}${code}`),
  );
}

interface StraightWay {
  readonly core: ReadonlySet<string>;
  readonly entry: string;
  readonly fused: string;
}
