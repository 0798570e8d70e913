/**
 * A config as it was read, kept beside the code that was compiled once: while its text, this program and Node are the
 * same, a start needs neither YAML nor schemas (60 ms of a start of 160). The file itself is read at each start, as are
 * secrets and the modes of their files. Only a cache: torn, changed, another's, or gone, and the text is read again.
 */
import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { deserialize, serialize } from 'node:v8';
import type { Config } from '../config/schema.ts';

const FILE = 'config.checked';
const DIGEST = 32;

/** @param directory `undefined`: there is no place for it. */
export function checkedBefore(text: string, directory: string | undefined): Config | undefined {
  if (directory === undefined) return undefined;
  try {
    const bytes = ownFile(join(directory, FILE));
    const body = bytes.subarray(DIGEST);
    if (!digestOf(text, body).equals(bytes.subarray(0, DIGEST))) return undefined;
    // What was checked before it was written, byte for byte; maps and endless numbers are more than JSON has.
    const config: Config = deserialize(body);
    return config;
  } catch {
    return undefined; // none yet, or not ours to believe
  }
}

/** For the next start. A full disk, or none to write on, is no fault: that start takes longer. */
export function keepChecked(text: string, config: Config, directory: string | undefined): void {
  if (directory === undefined) return;
  try {
    const body = serialize(config);
    if (!isDeepStrictEqual(deserialize(body), config)) return;
    const file = join(directory, FILE);
    writeFileSync(`${file}.new`, Buffer.concat([digestOf(text, body), body]), { mode: 0o600 });
    renameSync(`${file}.new`, file);
  } catch {
    // See above.
  }
}

/** @throws where anybody else could have written it. */
function ownFile(path: string): Buffer {
  const file = openSync(path, 'r');
  try {
    const { uid, mode } = fstatSync(file);
    if (uid !== process.getuid?.() || (mode & 0o077) !== 0) throw new Error(`${path} is not ours`);
    return readFileSync(file);
  } finally {
    closeSync(file);
  }
}

/** In the bundle the name of this file changes with all that it is built from. */
function digestOf(text: string, body: Uint8Array): Buffer {
  const { node, v8, tz } = process.versions;
  const program = JSON.stringify([import.meta.url, node, v8, tz, text]);
  return createHash('sha256').update(program).update(body).digest();
}
