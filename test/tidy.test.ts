import assert from 'node:assert/strict';
import { globSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { test } from 'node:test';

const ROOT = resolve(import.meta.dirname, '..');
const TOP = ['daemon', 'drivers', 'simulator', 'config', 'test'];

/**
 * The arrows of the floor plan: a place, and what its files may import besides the place itself and
 * `drivers/contract`. The first place that fits a file counts, so the narrower stand first. `*` is one name.
 */
const ARROWS: readonly (readonly [place: string, mayImport: readonly string[]])[] = [
  ['drivers/contract/', []],
  ['drivers/wire/', []],
  ['drivers/*/', ['drivers/wire/']],
  ['drivers/', ['drivers/']],
  ['config/', ['drivers/']],
  ['daemon/access/', []],
  ['daemon/store/', ['daemon/access/']],
  ['daemon/cloud/', ['daemon/store/', 'daemon/access/']],
  ['daemon/vendors/*/', ['daemon/vendors/', 'daemon/store/', 'daemon/access/']],
  ['daemon/vendors/', ['daemon/store/', 'daemon/access/']],
  ['daemon/devices/', ['drivers/']],
  ['daemon/local-api/', ['daemon/vendors/', 'daemon/store/', 'daemon/access/']],
  ['daemon/platform/', ['daemon/cloud/broker.ts']],
  ['daemon/', ['daemon/', 'config/', 'drivers/']],
  ['simulator/site/', ['simulator/', 'daemon/', 'config/', 'drivers/']],
  ['simulator/', ['drivers/', 'daemon/vendors/*/wire.ts']],
  ['test/', ['']],
];

/** Packages with effects; each has one importer, so that what it does to the outside is read in one file. */
const ONE_IMPORTER = [
  'serialport',
  '@stoprocent/noble',
  'node-ble',
  'mqtt',
  'aedes',
  'better-sqlite3',
  'pino',
  'fastify',
  'undici',
  'koffi',
  'yaml',
  'jose',
  'prom-client',
  '@lydell/node-pty',
  '@clack/prompts',
  'temporal-polyfill',
];

interface Source {
  readonly path: string;
  readonly text: string;
  /** What it imports: paths from the root for our own files, names for packages. */
  readonly imports: readonly string[];
}

function sources(folder: string): Source[] {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(ts|mjs)$/.test(entry.name))
    .map((entry) => {
      const file = join(entry.parentPath, entry.name);
      const text = readFileSync(file, 'utf8');
      const imports = [
        ...text.matchAll(/^\s*(?:import|export)\s[^'"]*?from\s*['"]([^'"]+)['"]/gm),
        ...text.matchAll(/^\s*import\s*['"]([^'"]+)['"]/gm),
        ...text.matchAll(/\bimport\(\s*['"]([^'"]+)['"]/g),
      ].map(([, name = '']) =>
        name.startsWith('.') ? relative(ROOT, join(dirname(file), name)) : name,
      );
      return { path: relative(ROOT, file), text, imports };
    });
}

function pattern(place: string): RegExp {
  return new RegExp(`^${place.replaceAll('.', '\\.').replaceAll('*', '[^/]+')}`);
}

const all = TOP.flatMap(sources);
const own = (name: string) => TOP.some((top) => name.startsWith(`${top}/`));

test('imports follow the arrows of the floor plan', () => {
  const wrong: string[] = [];
  for (const { path, imports } of all) {
    const arrow = ARROWS.find(([place]) => pattern(place).test(path));
    assert.ok(arrow, `${path} has no place in the floor plan`);
    const home = pattern(arrow[0]).exec(path)?.[0] ?? arrow[0];
    for (const name of imports.filter(own)) {
      const allowed = [home, 'drivers/contract/', ...arrow[1]].some((place) =>
        pattern(place).test(name),
      );
      if (!allowed) wrong.push(`${path} imports ${name}`);
    }
  }
  assert.deepEqual(wrong, []);
});

test('a package with effects has one importer', () => {
  const importers = new Map<string, string[]>();
  for (const { path, imports } of all.filter((source) => !source.path.startsWith('test/'))) {
    for (const name of new Set(imports.filter((each) => !own(each)))) {
      const effect = ONE_IMPORTER.find((each) => name === each || name.startsWith(`${each}/`));
      if (effect !== undefined) importers.set(effect, [...(importers.get(effect) ?? []), path]);
    }
  }
  const several = [...importers].filter(([, paths]) => paths.length > 1);
  assert.deepEqual(several, []);
});

test('rules, drivers and simulator load no native code', () => {
  const native = ['serialport', '@stoprocent/noble', 'better-sqlite3', 'koffi'];
  const wrong = all
    .filter(({ path }) => /^(daemon\/access|drivers|simulator\/(?!pty\.ts|site\/))/.test(path))
    .filter(({ imports }) => imports.some((name) => native.includes(name)))
    .map(({ path }) => path);
  assert.deepEqual(wrong, []);
});

test('nothing is exported by default, and nothing is only passed on', () => {
  const wrong = all
    .filter(({ text }) => /^export default|^export \* from|^export \{[^}]*\} from/m.test(text))
    .map(({ path }) => path);
  assert.deepEqual(wrong, []);
});

test('the clock and chance are handed in', () => {
  const wrong = all
    .filter(({ path }) =>
      /^(drivers|daemon\/(access|store|cloud|vendors|devices|local-api|configured|start|site|desk|upkeep|secrets|lock-codes|remote)|daemon\/[^/]+\.ts)/.test(
        path,
      ),
    )
    .filter(({ path }) => !path.startsWith('daemon/local-api/panel/')) // runs in a browser
    .filter(({ text }) =>
      /\bDate\.now\(|\bnew Date\(\)|\bMath\.random\(|(?<![.\w])setTimeout\(|(?<![.\w])setInterval\(/.test(
        text,
      ),
    )
    .map(({ path }) => path);
  assert.deepEqual(wrong, []);
});

test('nothing lies about that a tool left behind', () => {
  const left = [ROOT, ...TOP.map((top) => join(ROOT, top))].flatMap((folder) =>
    readdirSync(folder).filter((name) =>
      /\.(cpuprofile|heapprofile|heapsnapshot|orig|rej|patch)$/.test(name),
    ),
  );
  assert.deepEqual(left, []);
});

test('files are named as nouns in kebab case', () => {
  const wrong = all
    .map(({ path }) => path)
    .filter((path) => !/^([a-z0-9-]+\/)*[a-z0-9-]+(\.test)?\.(ts|mjs)$/.test(path));
  assert.deepEqual(wrong, []);
});

const TABLE = 'daemon/bounds.md';
/** A field that begins as a collection, or that is made anew as one. */
const FIELD =
  /^ {2}(?:readonly )?(#\w+)(?:: [^=\n]+)? = (?:new (?:Map|Set|WeakMap|WeakSet|PQueue)\b|\[\])/gm;
const ROW = /^\| `((?:daemon|drivers)\/[^`]+\.ts)` ((?:`#\w+` ?)+)\|(.+)\|(.+)\|(.+)\|$/gm;

function fields(): readonly string[] {
  return globSync('{daemon,drivers}/**/*.ts', { cwd: ROOT }).flatMap((path) =>
    [...readFileSync(join(ROOT, path), 'utf8').matchAll(FIELD)].map(
      ([, name]) => `${path} ${name}`,
    ),
  );
}

function rows(): readonly {
  readonly fields: readonly string[];
  readonly cells: readonly string[];
}[] {
  return [...readFileSync(join(ROOT, TABLE), 'utf8').matchAll(ROW)].map(
    ([, path, names = '', ...cells]) => ({
      fields: names
        .split(' ')
        .flatMap((name) => (name === '' ? [] : [`${path} ${name.slice(1, -1)}`])),
      cells: cells.map((cell) => cell.trim()),
    }),
  );
}

test('whatever could grow has its bound in the table', () => {
  const told = rows().flatMap((row) => row.fields);
  const found = fields();
  assert.ok(found.length > 100, 'the pattern finds what it did');
  const missing = found.filter((each) => !told.includes(each));
  assert.deepEqual(
    missing,
    [],
    `${TABLE} lacks ${missing.join(', ')}: add a row with who can make it grow, its bound, and what happens at the bound`,
  );
});

test('the table names nothing that is gone, and says of each who, how far and what then', () => {
  const found = fields();
  for (const { fields: names, cells } of rows()) {
    for (const name of names)
      assert.ok(found.includes(name), `${name} is gone: take it out of ${TABLE}`);
    for (const cell of cells) assert.notEqual(cell, '', `${names.join(', ')}: a cell is empty`);
  }
});
