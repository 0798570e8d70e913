/**
 * A config as it was read, kept beside the code that was compiled once: while its text, this program and Node are the
 * same, a start needs neither YAML nor schemas (60 ms of a start of 160). The file itself is read at each start, as are
 * secrets and the modes of their files. Only a cache: torn, changed, another's, or gone, and the text is read again.
 */
import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../../config/schema.ts';

/** Where it is kept, and what it is for. */
export interface ConfigCopy {
  /** `undefined`: there is no place for it. */
  readonly directory: string | undefined;
  /** Another wherever another program may read the text in another way. */
  readonly program: string;
  readonly text: string;
}

const DIGEST = 32;

export function copyFile(directory: string): string {
  return join(directory, 'config.checked');
}

export function checkedBefore(copy: ConfigCopy): Config | undefined {
  if (copy.directory === undefined) return undefined;
  try {
    const bytes = ownFile(copyFile(copy.directory));
    const body = bytes.subarray(DIGEST);
    if (!digestOf(copy, body).equals(bytes.subarray(0, DIGEST))) return undefined;
    return unpackedConfig(body);
  } catch {
    return undefined; // none yet, or not ours to believe
  }
}

/** Of text, program and what is kept for them. */
export function digestOf({ program, text }: ConfigCopy, body: Uint8Array): Buffer {
  const { node, v8, tz } = process.versions;
  const what = JSON.stringify([program, node, v8, tz, text]);
  return createHash('sha256').update(what).update(body).digest();
}

/** What was checked before it was written, byte for byte; so it is believed. */
export function unpackedConfig(body: Uint8Array): Config {
  return JSON.parse(new TextDecoder().decode(body), (_name, value) => {
    if (typeof value !== 'object' || value === null) return value;
    for (const name of Object.keys(value)) if (isNothing(value[name])) value[name] = undefined;
    if (Array.isArray(value.$map)) return new Map(value.$map);
    return value.$number === 'Infinity' ? Number.POSITIVE_INFINITY : value;
  });
}

/** As JSON has it, with what a config has beyond: maps, endless numbers, and settings that are named and not there. */
export function packedConfig(config: unknown): Uint8Array {
  return new TextEncoder().encode(
    JSON.stringify(config, (_name, value) => {
      if (value === undefined) return { $nothing: true };
      if (value === Number.POSITIVE_INFINITY) return { $number: 'Infinity' };
      return value instanceof Map ? { $map: [...value] } : value;
    }),
  );
}

function isNothing(value: unknown): boolean {
  return typeof value === 'object' && value !== null && '$nothing' in value;
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
