import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadConfig } from '../../config/load.ts';
import { ConfigError, type Fault } from '../../drivers/contract/errors.ts';

const FOLDER = join(import.meta.dirname, 'broken');

/** The first lines of a file say which faults it has: `# faults: path~words | path~words`, and `# never: text`. */
function expected(text: string) {
  const [, list = ''] = /^# faults: (.*)$/m.exec(text) ?? [];
  const [, never] = /^# never: (.*)$/m.exec(text) ?? [];
  const faults = list.split(' | ').map((each) => {
    const [path = '', words = ''] = each.split('~');
    return { path: path === '(file)' ? '' : path, words };
  });
  return { faults, never };
}

function faultsIn(file: string): readonly Fault[] {
  try {
    loadConfig(file);
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
  return [];
}

const files = readdirSync(FOLDER).sort();

test('there are twenty broken files and more', () => {
  assert.ok(files.length >= 20);
});

for (const file of files) {
  test(`${file} is told with the place, what was found, and what would do`, () => {
    const path = join(FOLDER, file);
    const { faults, never } = expected(readFileSync(path, 'utf8'));
    const found = faultsIn(path);
    const told = found.map((fault) => `${fault.path}: found ${fault.found}; ${fault.remedy}`);
    assert.deepEqual(
      found.map((fault) => fault.path).toSorted(),
      faults.map((f) => f.path).toSorted(),
      told.join('\n'),
    );
    for (const { path: at, words } of faults) {
      const line = told.find((each) => each.startsWith(`${at}: `)) ?? '';
      assert.ok(line.includes(words), `"${line}" says nothing of "${words}"`);
    }
    assert.ok(
      found.every(({ line }) => line !== undefined && line > 0),
      'each has its line',
    );
    if (never !== undefined)
      assert.ok(!told.join('\n').includes(never), 'the secret is not repeated');
  });
}
