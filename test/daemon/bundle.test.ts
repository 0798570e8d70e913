/** The packaged form finds everything that the source finds beside itself, and is the same wherever it is made. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { test } from 'node:test';
import { bundle } from '../../daemon/bundle.ts';

const ROOT = resolve(import.meta.dirname, '../..');

test('the bundle runs, and starts its threads by the names that they have in it', async (t) => {
  const directory = join(ROOT, 'dist', `test-${process.pid}`);
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  await bundle(directory);
  const main = join(directory, 'main.mjs');
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const said = execFileSync(process.execPath, [main, '--version'], { encoding: 'utf8' });
  assert.equal(said.trim(), version);

  const files = readdirSync(directory);
  const chunks = files.filter((name) => /\.[cm]js$/.test(name));
  // What a door waits for is one file, which whoever only asks for a command does not load.
  const [core, ...more] = files.filter((name) => name.endsWith('.cjs'));
  assert.deepEqual(more, []);
  const text = readFileSync(main, 'utf8');
  const imported = [...text.matchAll(/["']\.\/([^"']+)["']/g)].map(([, name]) => name);
  assert.deepEqual(imported, ['commands.mjs']);
  assert.ok(text.includes(`warmCore("${core}")`));
  const started = chunks.flatMap((name) => {
    const text = readFileSync(join(directory, name), 'utf8');
    return [...text.matchAll(/new URL\(["']\.\/([a-z-]+\.m?[jt]s)["']/g)].map(([, file]) => file);
  });
  assert.deepEqual([...new Set(started)].sort(), [
    'child.mjs',
    'grants-worker.mjs',
    'journal-worker.mjs',
    'maintenance-worker.mjs',
    'search-worker.mjs',
  ]);
  for (const name of [...started, 'migrations', 'panel']) {
    assert.ok(name !== undefined && files.includes(name), `${name} is in the bundle`);
  }
});

test('the same source gives the same bytes, in whatever folder', async (t) => {
  const above = join(ROOT, 'dist', `test-two-${process.pid}`);
  t.after(() => rmSync(above, { recursive: true, force: true }));
  const [one, other] = [join(above, 'one'), join(above, 'deep', 'other')];
  await bundle(one);
  await bundle(other);
  const files = readdirSync(one, { recursive: true, withFileTypes: true }).filter((file) =>
    file.isFile(),
  );
  assert.ok(files.length > 100);
  for (const { name, parentPath } of files) {
    const within = relative(one, join(parentPath, name));
    assert.ok(readFileSync(join(one, within)).equals(readFileSync(join(other, within))), within);
  }
  assert.equal(
    readdirSync(other, { recursive: true }).length,
    readdirSync(one, { recursive: true }).length,
  );
});
