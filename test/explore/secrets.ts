/** Looks for PINs and fob numbers in clear (P10). */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { VENDOR_SECRET } from '../site.ts';
import { PINS } from './managers.ts';
import { KEYS } from './parts.ts';

const FOBS = [...KEYS.map(({ fob }) => fob), '1F00644BB6', '1F00000001'];
/** Of the token that the vendors are shown. */
const TOKEN = VENDOR_SECRET.split(':')[1];

export class Secrets {
  readonly #plain: RegExp;
  /** Where the first one was found. */
  found: string | undefined;

  /** `codes`: what vendors gave, and clients of theirs. */
  constructor(codes: readonly string[]) {
    const all = [...PINS, ...FOBS, ...codes, TOKEN].join('|');
    // Not within a longer number or word, nor as a number of JSON (how often a reader was heard): that would be chance.
    this.#plain = new RegExp(`(?<![0-9A-Za-z.]|":)(${all})(?![0-9A-Za-z])`, 'i');
  }

  look(where: string, text: string): void {
    const secret = this.#plain.exec(text)?.[0];
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
