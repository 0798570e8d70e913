/** Looks for PINs and fob numbers in clear (P10). */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PINS } from './managers.ts';
import { KEYS } from './parts.ts';

const FOBS = [...KEYS.map(({ fob }) => fob), '1F00644BB6', '1F00000001'];
/** Not within a longer number or word, where it would be chance. */
const PLAIN = new RegExp(`(?<![0-9A-Za-z.])(${[...PINS, ...FOBS].join('|')})(?![0-9A-Za-z])`, 'i');

export class Secrets {
  /** Where the first one was found. */
  found: string | undefined;

  look(where: string, text: string): void {
    const secret = PLAIN.exec(text)?.[0];
    if (secret !== undefined) this.found ??= `${secret} stands in ${where}`;
  }

  /** In every file below. */
  lookIn(directory: string): void {
    for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || entry.name === 'ballast') continue;
      this.look(entry.name, readFileSync(join(entry.parentPath, entry.name), 'latin1'));
    }
  }
}
