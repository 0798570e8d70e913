/** The table of bounds names each field that holds many of something, and none that is gone. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';

const ROOT = resolve(import.meta.dirname, '../..');
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
