/** One file of what a first decision waits for: whoever loads after it finds the same modules, each with its names. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { build } from 'esbuild';
import { REQUIRE_BANNER } from '../../../daemon/packaging/bundle.ts';
import { fuseCore } from '../../../daemon/packaging/fused-core.ts';

const MAIN = `if (process.argv[2] === 'core') { const { runDaemonAlone } = await import('./core.ts'); await runDaemonAlone({}); }`;

/** Writes sources and fuses them; how to run the program, and what its core says. */
async function fused(
  t: TestContext,
  sources: Readonly<Record<string, string>>,
): Promise<{ readonly cache: string; run(...argv: string[]): string }> {
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
  const cache = mkdtempSync(join(directory, 'cache-'));
  const env = { ...process.env, CACHE_DIRECTORY: cache };
  const run = (...argv: string[]) =>
    execFileSync(process.execPath, [join(out, 'main.mjs'), 'core', ...argv], {
      encoding: 'utf8',
      env,
    });
  return { cache, run };
}

test('what the core runs late lies in its file, and runs when it is asked for', async (t) => {
  const { run } = await fused(t, {
    'main.ts': MAIN,
    'core.ts': `import { shared } from './shared.ts'; console.log('core', shared.n);
      export async function runDaemonAlone() { const { link } = await import('./link.ts'); link(); (await import('./rest.ts')).rest(); }`,
    'link.ts': `import { shared } from './shared.ts'; console.log('late'); export const link = () => console.log('link', ++shared.n);`,
    'rest.ts': `import { shared } from './shared.ts'; export const rest = () => console.log('rest', shared.n);`,
    'shared.ts': 'export const shared = { n: 1 };',
  });
  assert.equal(run(), 'core 1\nlate\nlink 2\nrest 2\n');
});

test('nothing else may load what the core runs late', async (t) => {
  const sources = {
    'main.ts': MAIN,
    'core.ts': `export async function runDaemonAlone() { (await import('./link.ts')).link(); (await import('./rest.ts')).rest(); }`,
    'link.ts': 'export const link = () => console.log(1);',
    'rest.ts': `import { link } from './link.ts'; export const rest = link;`,
  };
  await assert.rejects(fused(t, sources), /rest-\w+\.mjs loads what the core runs late/);
});

test('an ES module that the core requires has no names to hand on', async (t) => {
  const sources = {
    'main.ts': MAIN,
    'core.ts': `import old from './old.cjs'; import { name } from './names.ts';
      export async function runDaemonAlone() { console.log(old(), name); (await import('./rest.ts')).rest(); }`,
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

/** Its core says whether somebody was answered as its caller wants it. */
const ANSWERING = {
  'main.ts': MAIN,
  'core.ts': `export async function runDaemonAlone({ begun }) {
    const { link } = await import('./link.ts');
    begun(process.argv[3] === 'answers');
    console.log(link());
  }`,
  'link.ts': `export const link = () => 'said';`,
};

test('compiled code is kept after a start, then after an answer, and then it stays as it is', async (t) => {
  const { cache, run } = await fused(t, ANSWERING);
  const other = join(cache, 'core-OLDER.cjs.answer');
  writeFileSync(other, '');
  const kept = () => readdirSync(cache).map((name) => name.replace(/^core-\w+/, 'core'));
  assert.equal(run(), 'said\n');
  assert.deepEqual(kept(), ['core.cjs.start']); // and of an older version nothing
  assert.equal(run('answers'), 'said\n');
  assert.deepEqual(kept(), ['core.cjs.answer']);
  const [name = ''] = readdirSync(cache);
  const before = statSync(join(cache, name));
  assert.equal(before.mode & 0o777, 0o600);
  assert.equal(run('answers'), 'said\n');
  assert.equal(run(), 'said\n');
  const after = statSync(join(cache, name));
  assert.equal(after.ino, before.ino); // V8 took it: else it were written anew
});

test('kept code that is torn, or that others can write, is not believed', async (t) => {
  const { cache, run } = await fused(t, ANSWERING);
  run('answers');
  const [name = ''] = readdirSync(cache);
  const file = join(cache, name);
  const whole = readFileSync(file);
  for (const cut of [0, 20, 32, whole.length >> 1, whole.length - 1]) {
    writeFileSync(file, whole.subarray(0, cut));
    assert.equal(run('answers'), 'said\n');
    assert.ok(readFileSync(file).length > whole.length / 2, `${cut} bytes`);
  }
  const changed = readFileSync(file);
  changed.writeUInt8(changed.readUInt8(whole.length >> 1) ^ 1, whole.length >> 1);
  writeFileSync(file, changed);
  assert.equal(run('answers'), 'said\n');
  assert.ok(!readFileSync(file).equals(changed));
  chmodSync(file, 0o666);
  assert.equal(run('answers'), 'said\n');
  assert.equal(statSync(file).mode & 0o777, 0o600);
});

test('where nothing can be kept, the core runs all the same', async (t) => {
  const { cache, run } = await fused(t, ANSWERING);
  rmSync(cache, { recursive: true });
  assert.equal(run('answers'), 'said\n');
});
