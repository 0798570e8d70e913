/** `latchkey verify`: is the store what was written, and can each of its backups be put in its place? */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { BACKUPS, backupsOf } from '../store/backups.ts';
import { verifyJournalFile } from '../store/journal-verify.ts';
import { checkFile } from '../store/maintenance.ts';
import { StorageError } from '../store/ports.ts';
import { openUnit } from '../store/sealed-box.ts';
import { type ApiOptions, directoriesOf, withDirectoryOptions } from './api-client.ts';
import { passphraseIn } from './backup.ts';
import { CommandFailure, EXIT } from './failure.ts';
import { givenBytes } from './given-file.ts';
import { printJson, printLine, styled } from './output.ts';
import { type Bar, working } from './progress.ts';

interface VerifyOptions extends ApiOptions {
  readonly passphraseFile?: string;
  readonly json?: boolean;
}

interface Looked {
  readonly file: string;
  readonly fault: string | null;
}

export function verifyCommand(program: Command): void {
  withDirectoryOptions(program.command('verify'))
    .description('prove the store and every backup of it, or one file of `latchkey backup`')
    .argument('[file]', 'a file of `latchkey backup`')
    .option('--passphrase-file <file>', 'for that file')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nWorks beside a running daemon and without one.\n\nExit status: 0 all of it is whole, 1 something is not.',
    )
    .action((file: string | undefined, options: VerifyOptions) => verify(file, options));
}

async function verify(file: string | undefined, options: VerifyOptions): Promise<void> {
  const looked =
    file === undefined
      ? await working('verifying', (bar) => inStore(storeOf(options), bar))
      : [await sealed(file, options)];
  if (looked.some(({ fault }) => fault !== null)) process.exitCode = EXIT.failed;
  if (options.json === true) return printJson({ files: looked });
  for (const { file: name, fault } of looked) {
    printLine(
      fault === null ? `${styled('green', 'whole')}  ${name}` : `${styled('red', fault)}  ${name}`,
    );
  }
}

function storeOf(options: ApiOptions): string {
  const directories = directoriesOf(options);
  const directory = directories.find((each) => existsSync(join(each, 'journal.db')));
  if (directory !== undefined) return directory;
  throw new CommandFailure(
    `there is no journal in ${directories.join(' or ')}: give --directory`,
    EXIT.badInput,
  );
}

/** The store in `directory` and each of its backups, one after the other; the bar goes over all of them. */
export function inStore(directory: string, bar: Bar): readonly Looked[] {
  const folder = join(directory, BACKUPS);
  const backups = (store: 'journal' | 'grants') =>
    backupsOf(directory, store).map((name) => join(folder, name));
  const journals = [join(directory, 'journal.db'), ...backups('journal')];
  const grants = backups('grants');
  const count = journals.length + grants.length;
  const looked: Looked[] = [];
  const look = (file: string, faultsOf: (within: Bar['at']) => readonly string[]) => {
    const before = looked.length;
    const faults = faultsOf((done, of) => bar.at(before + (of > 0 ? done / of : 0), count));
    looked.push({ file, fault: faults[0] ?? null });
    bar.at(looked.length, count);
  };
  for (const file of journals) look(file, (within) => verifyJournalFile(file, within).faults);
  for (const file of grants) look(file, () => checkFile(file, true));
  return looked;
}

async function sealed(file: string, { passphraseFile }: VerifyOptions): Promise<Looked> {
  if (passphraseFile === undefined)
    throw new CommandFailure('give --passphrase-file', EXIT.badInput);
  try {
    const bytes = givenBytes(file);
    const passphrase = passphraseIn(passphraseFile);
    await working('verifying', () => openUnit(bytes, passphrase));
    return { file, fault: null };
  } catch (error) {
    if (error instanceof StorageError) return { file, fault: error.message };
    throw error;
  }
}
