/** The file of a config, before anything of it is understood. */
import { readFileSync, statSync } from 'node:fs';
import { ConfigError, type Fault } from '../drivers/contract/errors.ts';

/** No site fills more; a larger file is some other file. */
const LARGEST_FILE = 1024 * 1024;

/** The text of a config file. @throws ConfigError */
export function readConfigText(file: string): string {
  let bytes: Uint8Array;
  try {
    const { size } = statSync(file);
    if (size > LARGEST_FILE)
      throw fault(file, `${size} bytes`, `a file of at most ${LARGEST_FILE}`);
    bytes = readFileSync(file);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    throw fault(file, UNREADABLE[code] ?? code, 'a file that can be read');
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw fault(file, 'bytes that are no UTF-8', 'a text file in UTF-8');
  }
}

const UNREADABLE: Readonly<Record<string, string>> = {
  ENOENT: 'no such file',
  EACCES: 'no permission to read it',
  EISDIR: 'a directory',
};

function fault(file: string, found: string, remedy: string): ConfigError {
  return new ConfigError([{ path: '', found, remedy } satisfies Fault], file);
}
