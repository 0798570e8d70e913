/** The packaged form finds everything that the source finds beside itself, and is the same wherever it is made. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { bundle } from '../../../daemon/packaging/bundle.ts';
import { grantOf, ZONE } from '../../bench/grants.ts';
import { configText, openHouse } from '../../bench/house.ts';
import { Home } from '../../bench/site.ts';

const ROOT = resolve(import.meta.dirname, '../../..');

const directory = join(ROOT, 'dist', `test-${process.pid}`);
before(() => bundle(directory));
after(() => rmSync(directory, { recursive: true, force: true }));

test('the bundle runs, and starts its threads by the names that they have in it', () => {
  const main = join(directory, 'main.mjs');
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const said = execFileSync(process.execPath, [main, '--version'], { encoding: 'utf8' });
  assert.equal(said.trim(), version);

  const files = readdirSync(directory);
  const chunks = files.filter((name) => /\.[cm]js$/.test(name));
  // What a door waits for is one file, which whoever only asks for a command does not load.
  const [core = '', late = '', ...more] = files.filter((name) => name.endsWith('.cjs')).sort();
  assert.match(late, /^temporal-\w+\.cjs$/);
  assert.deepEqual(more, []);
  const text = readFileSync(main, 'utf8');
  const imported = [...text.matchAll(/["']\.\/([^"']+)["']/g)].map(([, name]) => name);
  assert.deepEqual(imported, ['commands.mjs']);
  assert.doesNotMatch(text, /^import /m);
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

test('zone rules lie in a file that the packaged daemon reads where it needs them', async () => {
  using home = new Home();
  const store = join(home.path, 'store');
  {
    await using house = await openHouse(store);
    const window = {
      kind: 'floating',
      start: '2026-11-25T15:00',
      end: '2026-11-26T11:00',
    } as const;
    const grant = { ...grantOf(0, house.indexer), window };
    await house.grants.write({ source: 'local', changes: [{ kind: 'put', grant }] });
  }
  // The site has moved since: what was told in wall times is worked out anew.
  const config = join(home.path, 'config.yaml');
  const api = 'api: { listen: "127.0.0.1:0" }\n';
  writeFileSync(
    config,
    configText(home.path, api).replace(ZONE, `America/New_York, zoneBefore: ${ZONE}`),
  );
  const child = spawn(process.execPath, [join(directory, 'main.mjs'), 'run', '--config', config], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const gone = once(child, 'exit');
  for await (const line of createInterface(child.stdout)) if (line.includes('"started"')) break;
  child.kill();
  await gone;
  await using house = await openHouse(store, 'America/New_York');
  const [moved] = house.journal.read({ types: ['grant.zone_changed'], limit: 1 });
  assert.deepEqual(moved?.body, {
    grant: 'g-0000000',
    start: { before: Date.UTC(2026, 10, 25, 14), after: Date.UTC(2026, 10, 25, 20) },
    end: { before: Date.UTC(2026, 10, 26, 10), after: Date.UTC(2026, 10, 26, 16) },
  });
});

test('the same source gives the same bytes, in whatever folder', async (t) => {
  const above = join(ROOT, 'dist', `test-two-${process.pid}`);
  t.after(() => rmSync(above, { recursive: true, force: true }));
  const [one, other] = [directory, join(above, 'deep', 'other')];
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
