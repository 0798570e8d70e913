/**
 * `latchkey/cloud` as a package of its own, in `dist/cloud`: Node runs no TypeScript below `node_modules`, so a program of
 * the cloud gets JavaScript in one file, and declarations beside it. `zod` is inside, since declarations name it:
 * nothing is fetched when it is installed.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';
import { z } from 'zod';
import { REQUIRE_BANNER } from './bundle.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const SOURCE = 'daemon/cloud-client.ts';
const manifestSchema = z.looseObject({ version: z.string() });

/** @param directory is emptied, then filled; it lies in a folder of the checkout. */
export async function cloudPackage(directory: string): Promise<void> {
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  await build({
    absWorkingDir: ROOT,
    entryPoints: [SOURCE],
    outfile: join(directory, 'index.mjs'),
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    external: ['zod'],
    banner: { js: REQUIRE_BANNER },
    logLevel: 'warning',
  });
  declarations(directory);
  const entry = `./types/${SOURCE.replace(/\.ts$/, '.js')}`;
  writeFileSync(join(directory, 'index.d.ts'), `export * from '${entry}';\n`);
  cpSync(join(ROOT, 'node_modules/zod'), join(directory, 'node_modules/zod'), { recursive: true });
  cpSync(join(ROOT, 'LICENSE'), join(directory, 'LICENSE'));
  writeFileSync(join(directory, 'package.json'), `${JSON.stringify(manifest(), undefined, 2)}\n`);
}

function manifest() {
  return {
    name: 'latchkey',
    version: versionIn('package.json'),
    description: 'Client for the clouds of Latchkey sites',
    license: 'MIT',
    type: 'module',
    exports: {
      './cloud': { types: './index.d.ts', default: './index.mjs' },
      './package.json': './package.json',
    },
    engines: { node: '>=24' },
    dependencies: { zod: versionIn('node_modules/zod/package.json') },
    bundleDependencies: ['zod'],
  };
}

/** By the compiler, from a list of one file: what that needs comes with it. */
function declarations(directory: string): void {
  const types = join(directory, 'types');
  const config = join(directory, 'tsconfig.json');
  const compilerOptions = {
    noEmit: false,
    declaration: true,
    emitDeclarationOnly: true,
    rootDir: ROOT,
    outDir: types,
  };
  writeFileSync(
    config,
    JSON.stringify({
      extends: join(ROOT, 'tsconfig.json'),
      compilerOptions,
      files: [join(ROOT, SOURCE)],
      include: [],
    }),
  );
  const compiler = join(ROOT, 'node_modules/typescript/bin/tsc');
  execFileSync(process.execPath, [compiler, '-p', config], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  rmSync(config);
  for (const name of readdirSync(types, { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.d.ts')) continue;
    const text = readFileSync(join(types, name), 'utf8');
    writeFileSync(
      join(types, name),
      text.replace(/((?:from |import\()['"]\.[^'"]*)\.ts(?=['"])/g, '$1.js'),
    );
  }
}

function versionIn(file: string): string {
  return manifestSchema.parse(JSON.parse(readFileSync(join(ROOT, file), 'utf8'))).version;
}
