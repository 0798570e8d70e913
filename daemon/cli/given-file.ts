/** A file that somebody names on the command line: its content, or one line that says why there is none. */
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { CommandFailure, EXIT } from './failure.ts';

const WHY: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'no permission to read it',
  EISDIR: 'a directory, and a file is wanted',
};

/** `-` is what comes in on stdin. @throws CommandFailure with the file and what is the matter with it. */
export function givenText(file: string): string {
  if (file === '-') return orWhy('stdin', () => readFileSync(0, 'utf8'));
  return givenBytes(file).toString('utf8');
}

/** @throws CommandFailure with the file and what is the matter with it. */
export function givenBytes(file: string): Buffer {
  return orWhy(file, () => readFileSync(file));
}

/** Its first bytes, at most `length`: a journal may be larger than the memory. @throws CommandFailure as above. */
export function givenHead(file: string, length: number): Uint8Array {
  return orWhy(file, () => {
    const descriptor = openSync(file, 'r');
    try {
      const head = new Uint8Array(length);
      return head.subarray(0, readSync(descriptor, head, 0, length, null));
    } finally {
      closeSync(descriptor);
    }
  });
}

function orWhy<T>(name: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
    throw new CommandFailure(`${name}: ${WHY[String(error.code)] ?? error.message}`, EXIT.badInput);
  }
}
