/** All subcommands of `latchkey`, one file each. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { Command, CommanderError } from 'commander';
import { ConfigError } from '../../drivers/contract/errors.ts';
import { checkConfigCommand } from './check-config.ts';
import { cloudCommand } from './cloud.ts';
import { configCommand } from './config.ts';
import { driversCommand } from './drivers.ts';
import { grantsCommand } from './grants.ts';
import { journalCommand } from './journal.ts';
import { keysCommand } from './keys.ts';
import { CommandFailure, EXIT } from './output.ts';
import { runCommand } from './run.ts';
import { statusCommand } from './status.ts';
import { tokenCommand } from './token.ts';
import { whatIfCommand, whyCommand } from './why.ts';

export function program(): Command {
  const latchkey = new Command('latchkey')
    .description('the daemon between key boxes, locks and the clouds that decide who may use them')
    .version(ownVersion())
    .exitOverride()
    .showHelpAfterError('(--help says more)')
    .addHelpText(
      'after',
      '\nExamples:\n  $ latchkey check-config /etc/latchkey/config.yaml\n  $ latchkey run --config /etc/latchkey/config.yaml\n' +
        '  $ latchkey status\n  $ latchkey journal --follow\n\nExit status: 0 done, 1 failed, 2 what was given is wrong.',
    );
  for (const add of COMMANDS) add(latchkey);
  return latchkey;
}

const COMMANDS: readonly ((to: Command) => void)[] = [
  runCommand,
  checkConfigCommand,
  configCommand,
  statusCommand,
  journalCommand,
  whyCommand,
  whatIfCommand,
  keysCommand,
  grantsCommand,
  tokenCommand,
  driversCommand,
  cloudCommand,
];

/** Runs what `argv` asks for; sets the exit status, and tells what is expected of people in one line each. */
export async function execute(argv: readonly string[]): Promise<void> {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // Whoever read us has seen enough (`| head`).
    if (error.code === 'EPIPE') process.exit();
    throw error;
  });
  try {
    await program().parseAsync([...argv]);
  } catch (error) {
    if (error instanceof CommanderError) {
      // It has told what is wrong by itself; help and version are no failure.
      if (error.exitCode !== 0) process.exitCode = EXIT.badInput;
    } else if (error instanceof ConfigError) {
      process.stderr.write(`${error.message}\n`);
      process.exitCode = EXIT.badInput;
    } else if (error instanceof CommandFailure) {
      process.stderr.write(`${error.message}\n`);
      process.exitCode = error.exitCode;
    } else {
      throw error;
    }
  }
}

function ownVersion(): string {
  const text = readFileSync(resolve(import.meta.dirname, '../../package.json'), 'utf8');
  const { version } = Object(JSON.parse(text));
  return String(version);
}
