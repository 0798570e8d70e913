/** What stands on the pages is true: links lead somewhere, commands and options exist. What runs, `commands.test.ts` runs. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { test } from 'node:test';
import type { Command } from 'commander';
import { program } from '../../daemon/cli/program.ts';
import { anchors, commandLines, links, mentions, PLACES, pages, ROOT } from './pages.ts';

const ALL = pages();

/** One page each (issue of the documentation); the first is what everybody reads. */
const PAGES = [
  'README.md',
  'SECURITY.md',
  'daemon/README.md',
  'daemon/access/custody.md',
  'daemon/access/grants-and-time.md',
  'daemon/cloud/README.md',
  'daemon/vendors/README.md',
  'drivers/README.md',
  'drivers/writing-a-driver.md',
  'systemd/README.md',
  'systemd/operating.md',
];

test('every page is there, and the README leads to each', () => {
  const paths = ALL.map(({ path }) => path);
  assert.deepEqual(
    PAGES.filter((path) => !paths.includes(path)),
    [],
  );
  const readme = ALL.find(({ path }) => path === 'README.md');
  assert.ok(readme);
  const reached = links(readme);
  assert.deepEqual(
    PAGES.filter((path) => path !== 'README.md' && !reached.includes(path)),
    [],
  );
});

test('every link on a page leads to a file, and to a heading of it', () => {
  const dead = ALL.flatMap((page) =>
    links(page)
      .filter((target) => !/^[a-z]+:/.test(target))
      .filter((target) => {
        const [file = '', anchor] = target.split('#');
        const path =
          file === '' ? resolve(ROOT, page.path) : resolve(ROOT, dirname(page.path), file);
        if (!existsSync(path)) return true;
        if (anchor === undefined || statSync(path).isDirectory()) return false;
        return !anchors(readFileSync(path, 'utf8')).includes(anchor);
      })
      .map((target) => `${page.path}: ${target}`),
  );
  assert.deepEqual(dead, []);
});

test('every block of commands says where it is typed', () => {
  const places: readonly string[] = PLACES;
  assert.deepEqual(
    ALL.flatMap(({ blocks }) => blocks)
      .filter(({ language }) => ['sh', 'bash', 'shell', 'console'].includes(language))
      .filter(({ language, place }) => language !== 'sh' || !places.includes(place ?? ''))
      .map(({ page, line }) => `${page}:${line}`),
    [],
  );
});

test('every `latchkey …` on a page is a command with options that it has', async () => {
  const latchkey = await program();
  const wrong = ALL.flatMap((page) =>
    mentions(page)
      .map((line) => ({ line, fault: faultOf(latchkey, line) }))
      .filter(({ fault }) => fault !== undefined)
      .map(({ line, fault }) => `${page.path}: ${line}: ${fault}`),
  );
  assert.deepEqual(wrong, []);
});

test('every npm script on a page is one', () => {
  const { scripts }: { scripts: Record<string, string> } = JSON.parse(
    readFileSync(resolve(ROOT, 'package.json'), 'utf8'),
  );
  const named = ALL.flatMap((page) =>
    [...page.text.matchAll(/\bnpm (?:run )?(?!ci\b|install\b|run\b|sbom\b|pack\b)([a-z]+)\b/g)].map(
      ([, script = '']) => ({ script, page: page.path }),
    ),
  ).filter(
    ({ script }) => !/^(and|or|itself|it|package|script|scripts|registry|test)$/.test(script),
  );
  assert.ok(named.length > 3);
  assert.deepEqual(
    named.filter(({ script }) => scripts[script] === undefined),
    [],
  );
});

test('what is typed in a clone is npm scripts, each of which is there', () => {
  const { scripts }: { scripts: Record<string, string> } = JSON.parse(
    readFileSync(resolve(ROOT, 'package.json'), 'utf8'),
  );
  const other = ALL.flatMap(({ blocks }) => blocks)
    .filter(({ place }) => place === 'checkout')
    .flatMap((block) => commandLines(block).map((line) => ({ line, page: block.page })))
    .filter(({ line }) => {
      const script = /^npm (?:run )?([a-z]+)/.exec(line)?.[1];
      return script === undefined || scripts[script] === undefined;
    });
  assert.deepEqual(other, []);
});

function faultOf(latchkey: Command, line: string): string | undefined {
  let at = latchkey;
  const words = line.replace(/ [<>|&].*$/, '').match(/"[^"]*"|'[^']*'|\S+/g) ?? [];
  let isPath = true;
  let isValue = false;
  for (const word of words.slice(1)) {
    if (isValue) {
      isValue = false;
      continue;
    }
    const name = /^(-{1,2}[a-zA-Z][\w-]*)/.exec(word)?.[1];
    if (name !== undefined) {
      if (name === '--help' || name === '-h') continue;
      const known = at.options.find(({ long, short }) => long === name || short === name);
      if (known === undefined) return `has no option ${name}`;
      isValue = known.required && !word.includes('=');
      continue;
    }
    if (!isPath) continue;
    const next = at.commands.find((each) => each.name() === word);
    if (next !== undefined) {
      at = next;
      continue;
    }
    isPath = false;
    if (at === latchkey && /^[a-z]/.test(word)) return `there is no command ${word}`;
    if (at.registeredArguments.length === 0 && !/[….)]/.test(word) && word !== 'command') {
      return `takes no argument, found ${word}`;
    }
  }
  return undefined;
}
