/** Starts that did not end in good order: too many in short time, and the next does without what is not needed at a door. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Instant, instant, type Millis } from '../../drivers/contract/time.ts';

const FILE = 'starts.json';
const TOO_MANY = 5;
const WITHIN: Millis = 10 * 60_000;

/** Counts this start; `true`: the last ones ended badly, and it should begin in safe mode (conventions 3.5). */
export function countStart(directory: string, now: Instant): boolean {
  const path = join(directory, FILE);
  // A clock that was set meanwhile makes no crash loop: what lies in the future is forgotten.
  const recent = startsIn(path).filter((at) => at <= now && now - at < WITHIN);
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    writeFileSync(path, JSON.stringify([...recent, now].slice(-TOO_MANY)), { mode: 0o600 });
  } catch {
    // A full or broken disk is told of by the store; it is no reason not to start.
  }
  return recent.length >= TOO_MANY;
}

/** It ended in good order. */
export function forgetStarts(directory: string): void {
  try {
    rmSync(join(directory, FILE), { force: true });
  } catch {
    // As above: a disk that takes no write is no bad end.
  }
}

function startsIn(path: string): readonly Instant[] {
  try {
    const found: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (!Array.isArray(found)) return [];
    return found.filter((at) => typeof at === 'number').map(instant);
  } catch {
    return []; // none yet, or cut short by the power
  }
}
