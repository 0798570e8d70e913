/** What SECURITY.md says is proven, is proven where it says; and what ships is what was looked at. */
import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { z } from 'zod';

const ROOT = resolve(import.meta.dirname, '../..');
const text = (path: string) => readFileSync(join(ROOT, path), 'utf8');
const testsIn = (cell: string) =>
  [...cell.matchAll(/`(test\/[^`]+)`/g)].map(([, path = '']) => path);

test('each threat is proven by tests that are there', () => {
  const rows = [...text('SECURITY.md').matchAll(/^\| (T\d+) \|(.+)\|$/gm)];
  assert.deepEqual(
    rows.map(([, name]) => name),
    Array.from({ length: rows.length }, (_, n) => `T${n + 1}`),
  );
  assert.ok(rows.length >= 15);
  for (const [, name, cells = ''] of rows) {
    const [, , proven = ''] = cells.split('|');
    const paths = testsIn(proven);
    assert.ok(paths.length > 0, `${name} names no test`);
    for (const path of paths) {
      const tests = path.endsWith('/') ? globSync(`${path}**/*.test.ts`, { cwd: ROOT }) : [path];
      assert.ok(tests.length > 0, `${name}: ${path} holds no test`);
      for (const each of tests) {
        assert.ok(existsSync(join(ROOT, each)), `${name}: ${each} is not there`);
        assert.match(text(each), /\btest\(|Contract\(/, `${name}: ${each} tests nothing`);
      }
    }
  }
});

test('no page names a test that is gone', () => {
  const pages = globSync('{*.md,{config,daemon,drivers,simulator,systemd,test}/**/*.md}', {
    cwd: ROOT,
  });
  assert.ok(pages.length > 8);
  for (const page of pages)
    for (const path of testsIn(text(page)).filter((each) => !each.includes('NAME')))
      assert.ok(existsSync(join(ROOT, path)), `${page}: ${path} is not there`);
});

const lockSchema = z.object({
  packages: z.record(
    z.string(),
    z.looseObject({ integrity: z.string().optional(), hasInstallScript: z.boolean().optional() }),
  ),
});
const packageSchema = z.object({ allowScripts: z.record(z.string(), z.boolean()) });

test('each package is locked by its hash, and none but the one that brings Node runs a script at install (T8)', () => {
  const { packages } = lockSchema.parse(JSON.parse(text('package-lock.json')));
  const { allowScripts } = packageSchema.parse(JSON.parse(text('package.json')));
  const allowed = Object.entries(allowScripts).filter(([, may]) => may);
  assert.deepEqual(allowed, [['node', true]]);
  let seen = 0;
  for (const [path, { integrity, hasInstallScript }] of Object.entries(packages)) {
    if (path === '') continue;
    seen += 1;
    assert.match(integrity ?? '', /^sha512-/, `${path} has no hash`);
    const name = path.split('node_modules/').at(-1) ?? '';
    if (hasInstallScript === true) assert.ok(name in allowScripts, `${name} would run a script`);
  }
  assert.ok(seen > 100);
});
