/** One file of what a first decision waits for: whoever loads after it finds the same modules, each with its names. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { build } from 'esbuild';
import { REQUIRE_BANNER } from '../../../daemon/bundle.ts';
import { fuseCore } from '../../../daemon/packaging/fused-core.ts';

const MAIN = `if (process.argv[2] === 'core') { const { run } = await import('./core.ts'); await run(); }`;

/** Writes sources and fuses them; what the program says when it runs its core. */
async function fused(t: TestContext, sources: Readonly<Record<string, string>>): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-fused-'));
  t.after(() => rmSync(directory, { recursive: true }));
  for (const [name, text] of Object.entries(sources)) writeFileSync(join(directory, name), text);
  const out = join(directory, 'out');
  const { metafile } = await build({
    absWorkingDir: directory,
    entryPoints: { main: 'main.ts' },
    outdir: out,
    bundle: true,
    splitting: true,
    platform: 'node',
    format: 'esm',
    outExtension: { '.js': '.mjs' },
    minifyWhitespace: true,
    minifySyntax: true,
    banner: { js: REQUIRE_BANNER },
    metafile: true,
  });
  await fuseCore({
    directory: out,
    metafile,
    entryPoint: 'core.ts',
    late: ['link.ts'],
    program: 'main.mjs',
    external: [],
  });
  return execFileSync(process.execPath, [join(out, 'main.mjs'), 'core'], { encoding: 'utf8' });
}

test('what the core runs late lies in its file, and runs when it is asked for', async (t) => {
  const said = await fused(t, {
    'main.ts': MAIN,
    'core.ts': `import { shared } from './shared.ts'; console.log('core', shared.n);
      export async function run() { const { link } = await import('./link.ts'); link(); (await import('./rest.ts')).rest(); }`,
    'link.ts': `import { shared } from './shared.ts'; console.log('late'); export const link = () => console.log('link', ++shared.n);`,
    'rest.ts': `import { shared } from './shared.ts'; export const rest = () => console.log('rest', shared.n);`,
    'shared.ts': 'export const shared = { n: 1 };',
  });
  assert.equal(said, 'core 1\nlate\nlink 2\nrest 2\n');
});

test('nothing else may load what the core runs late', async (t) => {
  const sources = {
    'main.ts': MAIN,
    'core.ts': `export async function run() { (await import('./link.ts')).link(); (await import('./rest.ts')).rest(); }`,
    'link.ts': 'export const link = () => console.log(1);',
    'rest.ts': `import { link } from './link.ts'; export const rest = link;`,
  };
  await assert.rejects(fused(t, sources), /rest-\w+\.mjs loads what the core runs late/);
});

test('an ES module that the core requires has no names to hand on', async (t) => {
  const sources = {
    'main.ts': MAIN,
    'core.ts': `import old from './old.cjs'; import { name } from './names.ts';
      export async function run() { console.log(old(), name); (await import('./rest.ts')).rest(); }`,
    'link.ts': 'export const link = 1;',
    'old.cjs': `module.exports = () => require('./names.ts').name;`,
    'names.ts': `export const name = 'n';`,
    'rest.ts': `import { name } from './names.ts'; export const rest = () => console.log(name);`,
  };
  const asked = {
    ...sources,
    'core.ts': `${sources['core.ts']}; if (process.argv[3] === 'never') import('./link.ts');`,
  };
  await assert.rejects(fused(t, asked), /requires an ES module, whose names are not there/);
});
