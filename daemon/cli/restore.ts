/** `latchkey restore`: a backup in the place of a store that was lost; the daemon must be stopped. */
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { Command } from 'commander';
import { realClock } from '../platform/clock.ts';
import { realRandom } from '../platform/random.ts';
import { restoreJournal } from '../store/journal-recovery.ts';
import { StorageError } from '../store/ports.ts';
import { bytesOf, isSealedUnit, MAGIC_BYTES, openUnit } from '../store/sealed-box.ts';
import { placeStore, put } from '../store/unit-copy.ts';
import { type ApiOptions, directoriesOf, withDirectoryOptions } from './api-client.ts';
import { passphraseIn } from './backup.ts';
import { giveTo, keepOwner } from './commission-lock.ts';
import { CommandFailure, EXIT } from './failure.ts';
import { givenBytes, givenHead } from './given-file.ts';
import { printJson, printLine, styled } from './output.ts';
import { working } from './progress.ts';

interface RestoreOptions extends ApiOptions {
  readonly grants?: string;
  readonly passphraseFile?: string;
  readonly oldUnitIsDead?: boolean;
  readonly root: string;
  readonly json?: boolean;
}

export function restoreCommand(program: Command): void {
  withDirectoryOptions(program.command('restore'))
    .description(
      'put a backup of the journal in the place of the store; the daemon must be stopped',
    )
    .argument('<file>', 'of backups/, such as journal-2026-11-24T….db; or one of `latchkey backup`')
    .option('--grants <file>', 'the backup of the grants that was made with it')
    .option('--passphrase-file <file>', 'for a file of `latchkey backup`')
    .option(
      '--old-unit-is-dead',
      'the unit that made the file will never run again: I have seen to it',
    )
    .option('--root <path>', 'put config and secrets under this directory', '/')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
What is there goes to quarantine/, nothing is deleted. The next start begins a new epoch: counted grants refuse until
their source confirms the count, and keys are unknown until they are read again.

A file of \`latchkey backup\` makes this machine the unit that acts: store, keys, config and secrets go where they were.
Two units must never act: the old one has handed over, or you state that it is dead. If it runs all the same, it stops by
itself once it meets this one at the broker, and not before.

Example:
  $ systemctl stop latchkey
  $ latchkey restore /var/lib/latchkey/backups/journal-2026-11-24T02-00-00-000Z.db`,
    )
    .action((file: string, options: RestoreOptions) => restore(file, options));
}

async function restore(journal: string, options: RestoreOptions): Promise<void> {
  const [directory] = directoriesOf(options);
  if (directory === undefined) throw new CommandFailure('give --directory');
  if (isSealedUnit(givenHead(journal, MAGIC_BYTES)))
    return takeOver(directory, givenBytes(journal), options);
  const grants = options.grants === undefined ? undefined : resolve(options.grants);
  if (grants !== undefined) givenHead(grants, 1);
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

/** From a sealed file: nothing that is there is changed, and all or nothing can be seen before the first file is put. */
async function takeOver(
  directory: string,
  bytes: Uint8Array,
  { passphraseFile, oldUnitIsDead, root, json }: RestoreOptions,
): Promise<void> {
  if (passphraseFile === undefined)
    throw new CommandFailure('give --passphrase-file', EXIT.badInput);
  try {
    const content = await openUnit(bytes, passphraseIn(passphraseFile));
    const { site, generation, handedOver, missing } = content;
    if (!handedOver && oldUnitIsDead !== true) {
      throw new CommandFailure(
        `unit ${generation} of ${site} did not hand over and may be running: see to it that it never does, then say --old-unit-is-dead`,
        EXIT.badInput,
      );
    }
    const others = content.files
      .filter(({ place }) => place === 'path')
      .map((file) => ({ file, to: join(resolve(root), file.name) }));
    const taken = others.find(
      ({ file, to }) => existsSync(to) && !readFileSync(to).equals(bytesOf(file)),
    );
    if (taken !== undefined)
      throw new CommandFailure(`${taken.to} is there and another: move it away`, EXIT.badInput);
    await working('restoring', () => placeStore(directory, content, realClock(), realRandom()));
    keepOwner(directory);
    for (const { file, to } of others) {
      if (existsSync(to)) continue;
      mkdirSync(dirname(to), { recursive: true, mode: 0o755 });
      await put(to, bytesOf(file), file.mode);
      if (((file.mode ?? 0) & 0o004) === 0) giveTo(directory, to); // else the service could not read it
    }
    const unit = generation + 1;
    if (json === true) return printJson({ directory, site, unit, handedOver, missing });
    printLine(`${styled('green', 'taken over')}  ${site} as unit ${unit}, in ${directory}`);
    for (const reference of missing) printLine(styled('yellow', `bring by hand: ${reference}`));
  } catch (error) {
    if (error instanceof StorageError) throw new CommandFailure(error.message);
    throw error;
  }
}
