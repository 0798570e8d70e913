/** `latchkey restore`: a backup in the place of a store that was lost; the daemon must be stopped. */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { realClock } from '../platform/clock.ts';
import { restoreJournal } from '../store/journal-recovery.ts';
import { StorageError } from '../store/ports.ts';
import { type ApiOptions, directoriesOf, withDirectoryOptions } from './api-client.ts';
import { keepOwner } from './commission-lock.ts';
import { CommandFailure, printJson, printLine } from './output.ts';
import { working } from './progress.ts';

interface RestoreOptions extends ApiOptions {
  readonly grants?: string;
  readonly json?: boolean;
}

export function restoreCommand(program: Command): void {
  withDirectoryOptions(program.command('restore'))
    .description(
      'put a backup of the journal in the place of the store; the daemon must be stopped',
    )
    .argument('<journal>', 'a file of backups/, such as journal-2026-11-24T….db')
    .option('--grants <file>', 'the backup of the grants that was made with it')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
What is there goes to quarantine/, nothing is deleted. The next start begins a new epoch: counted grants refuse until
their source confirms the count, and keys are unknown until they are read again.

Example:
  $ systemctl stop latchkey
  $ latchkey restore /var/lib/latchkey/backups/journal-2026-11-24T02-00-00-000Z.db`,
    )
    .action((journal: string, options: RestoreOptions) => restore(journal, options));
}

async function restore(journal: string, options: RestoreOptions): Promise<void> {
  const [directory] = directoriesOf(options);
  if (directory === undefined) throw new CommandFailure('give --directory');
  const grants = options.grants === undefined ? undefined : resolve(options.grants);
  try {
    const { quarantine } = await working('restoring', () =>
      restoreJournal(directory, resolve(journal), realClock(), grants),
    );
    keepOwner(directory);
    if (options.json === true) printJson({ directory, quarantine: quarantine ?? null });
    else {
      printLine(`restored  ${directory}`);
      if (quarantine !== undefined) printLine(`kept      ${quarantine}: what was there`);
    }
  } catch (error) {
    if (error instanceof StorageError) throw new CommandFailure(error.message);
    if (error instanceof Error && 'code' in error) throw new CommandFailure(error.message);
    throw error;
  }
}
