/** The commands on the pages that are to be typed beside `npm start` are typed, beside it. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { z } from 'zod';
import { until } from '../real-time.ts';
import { type Block, commandLines, pages, ROOT } from './pages.ts';

const readySchema = z.looseObject({
  api: z.url(),
  simulator: z.url(),
  token: z.string(),
  directory: z.string(),
  dialects: z.looseObject({
    keycafe: z.looseObject({ username: z.string(), password: z.string() }),
    seam: z.looseObject({ apiKey: z.string() }),
    intserv: z.looseObject({ apiKey: z.string() }),
  }),
});

/** A follower ends when somebody ends it. */
const ENDLESS = /--follow\b|^latchkey cloud follow\b/;

let site: ChildProcess;
let ready: z.infer<typeof readySchema>;
let bin: string;

before(async () => {
  bin = mkdtempSync(join(tmpdir(), 'latchkey-pages-'));
  const shim = join(bin, 'latchkey');
  writeFileSync(shim, `#!/bin/sh\nexec "${process.execPath}" "${ROOT}/daemon/main.ts" "$@"\n`);
  chmodSync(shim, 0o755);
  site = spawn(
    process.execPath,
    [join(ROOT, 'simulator/site/start.ts'), '--json', '--directory', join(bin, 'site')],
    { stdio: ['ignore', 'pipe', 'ignore'] },
  );
  assert.ok(site.stdout);
  for await (const line of createInterface(site.stdout)) {
    ready = readySchema.parse(JSON.parse(line));
    // A lock on the air takes a moment to be heard, and whoever types takes longer than this.
    await until(() => run('latchkey status').status === 0, 20_000);
    return;
  }
  assert.fail('the site did not come up');
});

after(async () => {
  if (site.exitCode === null) {
    const ended = new Promise((resolve) => site.once('exit', resolve));
    site.kill('SIGTERM');
    await ended;
  }
  rmSync(bin, { recursive: true, force: true });
});

test('npx finds the program in a clone', () => {
  const { stdout } = spawnSync('npx', ['latchkey', '--version'], { cwd: ROOT, encoding: 'utf8' });
  assert.match(stdout, /^\d+\.\d+\.\d+/);
});

for (const page of pages()) {
  const blocks = page.blocks.filter(({ place }) => place === 'demo');
  if (blocks.length === 0) continue;
  test(`what ${page.path} says to type beside \`npm start\` works`, () => {
    for (const block of blocks) type(block);
  });
}

function type(block: Block): void {
  const { api, simulator } = ready;
  const script = commandLines(block)
    // Finding the command takes npx longer than running it; that it is found, the first test says.
    .map((line) => line.replace(/^npx /, ''))
    .map((line) => (ENDLESS.test(line) ? ended(line) : line))
    .join('\n')
    .replaceAll('http://127.0.0.1:4180', api)
    .replaceAll('http://127.0.0.1:4100', simulator);
  const typed = run(script);
  assert.equal(
    typed.status,
    0,
    `${block.page}:${block.line}\n${script}\n${typed.stdout}${typed.stderr}`,
  );
}

function run(script: string) {
  const { api, token, directory, dialects } = ready;
  return spawnSync('bash', ['-euo', 'pipefail', '-c', script], {
    cwd: ROOT,
    encoding: 'utf8',
    env: {
      ...process.env,
      PATH: [bin, dirname(process.execPath), process.env['PATH']].join(delimiter),
      LATCHKEY_API: api,
      LATCHKEY_TOKEN: token,
      LATCHKEY_STORE: join(directory, 'store'),
      LATCHKEY_DEMO: directory,
      KEYCAFE_USER: `${dialects.keycafe.username}:${dialects.keycafe.password}`,
      SEAM_KEY: dialects.seam.apiKey,
      INTSERV_KEY: dialects.intserv.apiKey,
    },
  });
}

/** Left alone for two seconds; that it was still following then is what is looked at. */
function ended(line: string): string {
  return `timeout --preserve-status --signal=INT 2 ${line} || [ $? = 130 ]`;
}
