/** Manual page and completions say what the commands say: both are held against the tree, and run by their own programs. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { treeOf, walk } from '../../../daemon/cli/command-tree.ts';
import { completionScript } from '../../../daemon/cli/completion-scripts.ts';
import { manualPage } from '../../../daemon/cli/manual-page.ts';
import { program } from '../../../daemon/cli/program.ts';
import { latchkey } from './process.ts';

const tree = treeOf(await program());
const page = manualPage(tree, '0.1.0', '2026-11-24');

/** False, and the test is skipped, where the program is missing. */
function has(t: TestContext, tool: string): boolean {
  if (spawnSync('sh', ['-c', `command -v ${tool}`]).status === 0) return true;
  if (process.env['LATCHKEY_REQUIRE_ALL'] === '1') assert.fail(`${tool} is missing`);
  t.skip(`${tool} is missing`);
  return false;
}

function run(tool: string, args: readonly string[], input?: string): string {
  const { status, stdout, stderr } = spawnSync(tool, args, { encoding: 'utf8', input });
  assert.equal(status, 0, stderr);
  return `${stdout}${stderr}`;
}

test('every command and every option stands in the manual page', () => {
  const plain = page.replaceAll('\\-', '-');
  for (const { path, options } of walk(tree)) {
    if (path.length > 1)
      assert.ok(plain.includes(`\n.SS ${path.slice(1).join(' ')}`), path.join(' '));
    for (const { flags, long } of options) {
      if (long !== '--help') assert.ok(plain.includes(`.B ${flags}`), `${path.join(' ')} ${flags}`);
    }
  }
});

test('every argument and every option says what it is', () => {
  for (const { path, options, arguments: given } of walk(tree)) {
    for (const { name, description } of given)
      assert.ok(description, `${path.join(' ')} <${name}>`);
    for (const { flags, description } of options)
      assert.ok(description, `${path.join(' ')} ${flags}`);
  }
});

test('the manual page is without fault to mandoc and to man', (t) => {
  if (!has(t, 'mandoc') || !has(t, 'man')) return;
  assert.equal(run('mandoc', ['-Tlint', '-Wwarning'], page), '');
  const { stderr } = spawnSync('man', ['--warnings', '-E', 'UTF-8', '-l', '-Tutf8', '-Z', '-'], {
    input: page,
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C.UTF-8', MANROFFSEQ: '', MANWIDTH: '80' },
  });
  assert.equal(stderr, '');
});

test('`latchkey manual` prints that page, whatever command was loaded alone', async () => {
  const { status, stdout } = await latchkey(['manual']);
  assert.equal(status, 0);
  assert.equal(stdout.split('\n').slice(1).join('\n'), page.split('\n').slice(1).join('\n'));
});

test('bash completes commands, those below them, options, and choices', (t) => {
  if (!has(t, 'bash')) return;
  const script = completionScript('bash', tree);
  const complete = (...words: readonly string[]) =>
    run('bash', [
      '-c',
      `compopt() { :; }\n${script}\nCOMP_WORDS=(latchkey ${words.map((word) => `'${word}'`).join(' ')})
COMP_CWORD=${words.length}\n_latchkey\nprintf '%s\\n' "\${COMPREPLY[@]}"`,
    ]).trim();
  assert.equal(complete('jour'), 'journal');
  assert.equal(complete('journal', 'ver'), 'verify');
  assert.equal(complete('journal', '--fol'), '--follow');
  assert.equal(complete('journal', 'verify', '--js'), '--json');
  assert.equal(complete('completion', 'z'), 'zsh');
  assert.equal(complete('init', '--site', ''), '', 'what only a person knows');
});

test('fish completes the same', (t) => {
  if (!has(t, 'fish')) return;
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-fish-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const file = join(directory, 'latchkey.fish');
  writeFileSync(file, completionScript('fish', tree));
  const complete = (line: string) =>
    run('fish', ['--no-config', '-c', `source ${file}; complete -C '${line}'`])
      .trim()
      .split('\n')
      .map((found) => found.split('\t')[0]);
  assert.deepEqual(complete('latchkey jour'), ['journal']);
  assert.deepEqual(complete('latchkey journal ver'), ['verify']);
  assert.deepEqual(complete('latchkey journal --fol'), ['--follow']);
  assert.deepEqual(complete('latchkey completion z'), ['zsh']);
});

test('zsh takes the script, and finds the function of every command', (t) => {
  if (!has(t, 'zsh')) return;
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-zsh-'));
  t.after(() => rmSync(directory, { recursive: true }));
  writeFileSync(join(directory, '_latchkey'), completionScript('zsh', tree));
  const names = [...walk(tree)].map(({ path }) => `_${path.join('_').replaceAll('-', '_')}`);
  const found = run('zsh', [
    '-f',
    '-c',
    `fpath=(${directory} $fpath); autoload -Uz compinit; compinit -D -u
source ${directory}/_latchkey; print -l ${names.map((name) => `\${+functions[${name}]}`).join(' ')}`,
  ]);
  assert.deepEqual(
    found.trim().split('\n'),
    names.map(() => '1'),
  );
});
