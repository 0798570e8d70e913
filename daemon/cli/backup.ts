/** `latchkey backup`: this unit in one encrypted file, off the box; or handed over to a spare, once and for all. */
import { existsSync, readFileSync, rmSync, statSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { loadConfig } from '../../config/load.ts';
import type { Config } from '../../config/schema.ts';
import { secretReferences } from '../../config/secrets.ts';
import { realClock } from '../platform/clock.ts';
import { realRandom } from '../platform/random.ts';
import { lockDirectory } from '../store/lock.ts';
import { StorageError } from '../store/ports.ts';
import { drawPassphrase, sealUnit, type UnitFile, unitFile } from '../store/sealed-box.ts';
import { newUnit, readUnit, type Unit, writeUnit } from '../store/unit.ts';
import { copyStore, put } from '../store/unit-copy.ts';
import { keepOwner } from './commission-lock.ts';
import { CommandFailure, EXIT } from './failure.ts';
import { givenText } from './given-file.ts';
import { printJson, printLine, styled } from './output.ts';
import { working } from './progress.ts';
import { variableOption } from './variables.ts';

interface BackupOptions {
  readonly config: string;
  readonly set: ReadonlyMap<string, string>;
  readonly forSpare?: boolean;
  readonly passphraseFile?: string;
  readonly json?: boolean;
}

/** Keys and certificates that a config names by their path; nothing of them is larger. */
const LARGEST = 1024 * 1024;

export function backupCommand(program: Command): void {
  program
    .command('backup')
    .description('put this unit into one encrypted file: store, keys, config and its secrets')
    .argument('<file>', 'where it goes; must not be there yet')
    .requiredOption('--config <file>', 'the config that this unit runs with')
    .addOption(variableOption())
    .option('--for-spare', 'hand this unit over: it never acts again. The daemon must be stopped')
    .option('--passphrase-file <file>', 'first line of it; without, one is drawn and printed once')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Whoever has file and passphrase has the site: keep them apart. Without --for-spare the daemon may run, and a spare takes
over from the file only if somebody states that this unit is dead (latchkey restore --old-unit-is-dead).

Example:
  $ systemctl stop latchkey
  $ latchkey backup /media/usb/harbour-12.unit --for-spare --config /etc/latchkey/config.yaml`,
    )
    .action((file: string, options: BackupOptions) => backup(resolve(file), options));
}

async function backup(file: string, options: BackupOptions): Promise<void> {
  if (existsSync(file)) throw new CommandFailure(`${file} is there already`, EXIT.badInput);
  const config = loadConfig(options.config, { variables: options.set });
  const { directory } = config.store;
  const given = options.passphraseFile;
  const passphrase = given === undefined ? drawPassphrase() : passphraseIn(given);
  const isHandOver = options.forSpare === true;
  try {
    using _lock = isHandOver ? lockDirectory(directory) : undefined;
    const unit = readUnit(directory) ?? newUnit(1, realRandom());
    if (unit.fenced !== undefined && !(isHandOver && unit.fenced.why === 'handed-over'))
      throw new CommandFailure('another unit of the site acts now, not this one', EXIT.fenced);
    const { files, missing } = around(options.config, config);
    const copied = await working('copying', (bar) => copyStore(directory, bar.at));
    const content = {
      v: 1 as const,
      site: config.site.id,
      bridge: config.cloud?.mqtt?.bridgeId ?? null,
      made: new Date(realClock().now()).toISOString(),
      generation: unit.generation,
      handedOver: isHandOver,
      missing: [...missing],
      files: [...copied, ...files],
    };
    const partial = `${file}.partial`;
    rmSync(partial, { force: true });
    await put(partial, await working('sealing', () => sealUnit(content, passphrase)));
    // Fenced before the file can be used: in between, neither acts.
    if (isHandOver) await writeUnit(directory, handedOver(unit));
    keepOwner(directory);
    await rename(partial, file);
    if (options.json === true)
      printJson({ file, generation: unit.generation, handedOver: isHandOver, missing });
    else tell(file, isHandOver, missing);
    if (given === undefined) process.stderr.write(`passphrase: ${passphrase}\n`);
  } catch (error) {
    if (error instanceof StorageError) throw new CommandFailure(error.message);
    if (error instanceof Error && 'code' in error) throw new CommandFailure(error.message);
    throw error;
  }
}

function handedOver(unit: Unit): Unit {
  return { ...unit, fenced: { why: 'handed-over', generation: unit.generation + 1 } };
}

function tell(file: string, isHandOver: boolean, missing: readonly string[]): void {
  printLine(`${styled('green', isHandOver ? 'handed over' : 'written')}  ${file}`);
  if (isHandOver) printLine('this unit does not act any more; start the spare from the file');
  for (const reference of missing)
    printLine(styled('yellow', `not in it: ${reference}, which the service manager holds`));
}

/** The config, and what it names: secrets, keys and certificates. */
function around(
  file: string,
  config: Config,
): { readonly files: readonly UnitFile[]; readonly missing: readonly string[] } {
  const references = secretReferences(config, 'config').map(({ reference }) => reference);
  const credentials = process.env['CREDENTIALS_DIRECTORY'];
  const missing = references.filter(
    (each) => each.startsWith('credential:') && credentials === undefined,
  );
  const named = references
    .filter((each) => each.startsWith('file:'))
    .map((each) => each.slice('file:'.length));
  const held = references
    .filter((each) => each.startsWith('credential:') && credentials !== undefined)
    .map((each) => join(credentials ?? '', each.slice('credential:'.length)));
  const paths = new Set([resolve(file), ...named, ...held, ...plainFiles(config)]);
  const files = [...paths]
    .filter((path) => !path.startsWith(`${config.store.directory}/`))
    .map((path) => ({
      ...unitFile('path', path, readFileSync(path)),
      mode: statSync(path).mode & 0o777,
    }));
  return { files, missing };
}

/** Absolute paths of small files anywhere in the config: trust store, certificates. */
function plainFiles(value: unknown): readonly string[] {
  if (typeof value === 'string') {
    const found = value.startsWith('/') ? statSync(value, { throwIfNoEntry: false }) : undefined;
    return found?.isFile() === true && found.size <= LARGEST ? [value] : [];
  }
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap((each) => plainFiles(each));
}

export function passphraseIn(file: string): string {
  const [line = ''] = givenText(file).split(/\r?\n/);
  if (line.length >= 12) return line;
  throw new CommandFailure(`${file}: a passphrase has 12 characters or more`, EXIT.badInput);
}
