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

interface Telling {
  readonly environment?: Readonly<Record<string, string>>;
  readonly pace?: number;
  /** Steps that cannot happen as told there, and do not. */
  readonly impossible?: readonly string[];
}

/** Fails unless every other step happened as told. */
export async function assertToldBy(
  daemon: readonly string[],
  { environment = {}, pace = 1, impossible = [] }: Telling = {},
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
  const missed = story.steps.flatMap(({ name, fault }) => (fault === undefined ? [] : [name]));
  assert.deepEqual(missed, impossible, said);
  assert.equal(story.ok, impossible.length === 0, said);
  assert.ok(story.decisions >= 6);
}
