/** How commands find the daemon that runs beside them: a file in its store's directory, for its owner only. */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

const FILE = 'api.json';

const schema = z.object({
  v: z.literal(1),
  url: z.url(),
  /** Drawn at each start, with every scope. */
  token: z.string(),
  pid: z.int(),
});

export interface RunFile {
  readonly url: string;
  readonly token: string;
  readonly pid: number;
}

/** Gone when disposed: what it says holds only while the daemon runs. */
export function writeRunFile(directory: string, { url, token, pid }: RunFile): Disposable {
  const file = join(directory, FILE);
  writeFileSync(`${file}.new`, `${JSON.stringify({ v: 1, url, token, pid })}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
  return { [Symbol.dispose]: () => rmSync(file, { force: true }) };
}

/** Undefined: no daemon runs on this directory, or not one that we may talk to. */
export function readRunFile(directory: string): RunFile | undefined {
  let text: string;
  try {
    text = readFileSync(join(directory, FILE), 'utf8');
  } catch {
    return undefined; // missing, or another user's
  }
  const found = schema.safeParse(JSON.parse(text));
  return found.success ? found.data : undefined;
}
