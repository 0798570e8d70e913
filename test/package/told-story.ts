/** The story of `npm start`, played by a daemon from somewhere else than this checkout. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { z } from 'zod';

const START = resolve(import.meta.dirname, '../../simulator/site/start.ts');

const storySchema = z.object({
  ok: z.boolean(),
  steps: z.array(z.object({ name: z.string(), fault: z.string().optional() })),
  decisions: z.int(),
});

/** Program and first arguments that run the package unpacked in `tree`. */
export function daemonIn(tree: string, emulator: readonly string[] = []): readonly string[] {
  const home = join(tree, 'usr/lib/latchkey');
  return [...emulator, join(home, 'bin/node'), join(home, 'dist/daemon/main.mjs')];
}

/** Fails unless every step happened as told. */
export async function assertToldBy(
  daemon: readonly string[],
  environment: Readonly<Record<string, string>> = {},
  pace = 1,
): Promise<void> {
  const child = spawn(
    process.execPath,
    [START, '--once', '--json', '--pace', String(pace), '--daemon', daemon.join(' ')],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...environment },
    },
  );
  const [said, complained] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ]);
  const last = said.trimEnd().split('\n').at(-1) ?? '';
  assert.match(last, /^\{/, `${said}${complained}`);
  const story = storySchema.parse(JSON.parse(last));
  assert.deepEqual(
    story.steps.filter(({ fault }) => fault !== undefined),
    [],
    said,
  );
  assert.equal(story.ok, true, said);
  assert.ok(story.decisions >= 6);
}
