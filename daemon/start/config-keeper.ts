/** Writes the copy of a config that `checked-config.ts` reads, once the daemon runs on it. */
import { renameSync, writeFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import type { Config } from '../../config/schema.ts';
import {
  type ConfigCopy,
  copyFile,
  digestOf,
  packedConfig,
  unpackedConfig,
} from './checked-config.ts';

/** For the next start. A full disk, or none to write on, is no fault: that start takes longer. */
export function keepChecked(copy: ConfigCopy, config: Config): void {
  if (copy.directory === undefined) return;
  try {
    const body = packedConfig(config);
    if (!isDeepStrictEqual(unpackedConfig(body), config)) return;
    const file = copyFile(copy.directory);
    writeFileSync(`${file}.new`, Buffer.concat([digestOf(copy, body), body]), { mode: 0o600 });
    renameSync(`${file}.new`, file);
  } catch {
    // See above.
  }
}
