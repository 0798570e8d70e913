/** `latchkey support-bundle`: what helps somebody else to help, without secrets and without people. */
import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import type { Command } from 'commander';
import { loadConfig } from '../../config/load.ts';
import { ConfigError } from '../../drivers/contract/errors.ts';
import { realClock } from '../platform/clock.ts';
import { collect } from '../support/collect.ts';
import { isAlive } from './commission-lock.ts';
import { CommandFailure } from './failure.ts';
import { givenHead } from './given-file.ts';
import { printJson, printLine } from './output.ts';
import { working } from './progress.ts';
import { readRunFile } from './run-file.ts';
import { variableOption } from './variables.ts';
import { wholeNumber } from './whole-number.ts';

interface BundleOptions {
  readonly config: string;
  readonly set: ReadonlyMap<string, string>;
  readonly out?: string;
  readonly entries: number;
  readonly json?: boolean;
}

export function supportBundleCommand(program: Command): void {
  program
    .command('support-bundle')
    .description('collect what helps others to help, without secrets and without people')
    .option('--config <file>', 'the site', '/etc/latchkey/config.yaml')
    .addOption(variableOption())
    .option('--out <file>', 'a .tar.gz; latchkey-support-TIME.tar.gz here without it')
    .option(
      '--entries <count>',
      'how many of the newest entries of the journal',
      wholeNumber(1, 1000),
      500,
    )
    .option('--json', 'print {"file", "parts"} as JSON')
    .addHelpText(
      'after',
      `
In it: versions, the config without names, notes, codes and fobs, health, devices, metrics, the newest entries of the
journal without holders, grants and keys, and the log of the service. Not in it: anything of grants.db, any secret.

Example:
  $ sudo latchkey support-bundle --out support.tar.gz && tar -tzf support.tar.gz`,
    )
    .action((options: BundleOptions, command: Command) => {
      // One that was mistyped; where there is none at all, the bundle says so.
      if (command.getOptionValueSource('config') === 'cli') givenHead(options.config, 1);
      return bundle(options, program.version() ?? '');
    });
}

async function bundle(options: BundleOptions, version: string): Promise<void> {
  const { config: configFile, set: variables, entries } = options;
  const directory = storeOf(configFile, variables);
  const running = directory === undefined ? undefined : readRunFile(directory);
  const access = running !== undefined && isAlive(running.pid) ? running : undefined;
  const stamp = new Date(realClock().now()).toISOString().replaceAll(/[:.]/g, '-');
  const name = `latchkey-support-${stamp}`;
  const file = resolve(options.out ?? `${name}.tar.gz`);
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-support-'));
  try {
    const files = await working('collecting', async () => {
      const found = await collect({
        configFile,
        variables,
        directory,
        access,
        versions: { latchkey: version, node: process.versions.node },
        entries,
      });
      mkdirSync(join(folder, name));
      for (const [part, text] of found) writeFileSync(join(folder, name, part), text);
      await promisify(execFile)('tar', ['-czf', file, '-C', folder, name]);
      return found;
    });
    chmodSync(file, 0o600);
    const parts = [...files.keys()];
    if (options.json) printJson({ file, parts });
    else {
      for (const part of parts) printLine(part);
      printLine(
        `\n${file}, ${Math.ceil(statSync(file).size / 1024)} KB. Look into it before you send it.`,
      );
    }
  } catch (error) {
    throw error instanceof Error && 'code' in error
      ? new CommandFailure(`${file}: ${error.message}`)
      : error;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** A config with faults is a reason to ask for help, too. */
function storeOf(file: string, variables: ReadonlyMap<string, string>): string | undefined {
  try {
    return loadConfig(file, { variables }).store.directory;
  } catch (error) {
    if (error instanceof ConfigError) return undefined;
    throw error;
  }
}
