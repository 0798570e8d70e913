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

/**
 * Gone when disposed: what it says holds only while the daemon runs. Doors do not wait for a disk that is full or takes
 * no write: commands do not find the daemon then, which is `told`.
 */
export function writeRunFile(
  directory: string,
  { url, token, pid }: RunFile,
  told: (error: unknown) => void,
): Disposable {
  const file = join(directory, FILE);
  const trying = (act: () => void) => {
    try {
      act();
    } catch (error) {
      told(error);
    }
  };
  trying(() => {
    const text = `${JSON.stringify({ v: 1, url, token, pid })}\n`;
    writeFileSync(`${file}.new`, text, { mode: 0o600 });
    renameSync(`${file}.new`, file);
  });
  return { [Symbol.dispose]: () => trying(() => rmSync(file, { force: true })) };
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
