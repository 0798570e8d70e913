/** All subcommands of `latchkey`, one file each. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { Command, CommanderError } from 'commander';
import { EXIT, orTell } from './failure.ts';

/** `all` makes the program again, with every command. */
type Add = (to: Command, all: () => Promise<Command>) => void;

/** Each is loaded when it is asked for: `status` need not wait for a serial library. */
const COMMANDS: Readonly<Record<string, () => Promise<Add>>> = {
  init: async () => (await import('./init.ts')).initCommand,
  run: async () => (await import('./run.ts')).runCommand,
  'check-config': async () => (await import('./check-config.ts')).checkConfigCommand,
  config: async () => (await import('./config.ts')).configCommand,
  doctor: async () => (await import('./doctor.ts')).doctorCommand,
  'support-bundle': async () => (await import('./support-bundle.ts')).supportBundleCommand,
  status: async () => (await import('./status.ts')).statusCommand,
  journal: async () => (await import('./journal.ts')).journalCommand,
  why: async () => (await import('./why.ts')).whyCommand,
  'what-if': async () => (await import('./why.ts')).whatIfCommand,
  keys: async () => (await import('./keys.ts')).keysCommand,
  open: async () => (await import('./open.ts')).openCommand,
  adopt: async () => (await import('./adopt.ts')).adoptCommand,
  lockdown: async () => (await import('./open.ts')).lockdownCommand,
  grants: async () => (await import('./grants.ts')).grantsCommand,
  holder: async () => (await import('./holder.ts')).holderCommand,
  backup: async () => (await import('./backup.ts')).backupCommand,
  restore: async () => (await import('./restore.ts')).restoreCommand,
  verify: async () => (await import('./verify.ts')).verifyCommand,
  token: async () => (await import('./token.ts')).tokenCommand,
  clock: async () => (await import('./clock.ts')).clockCommand,
  'setup-code': async () => (await import('./setup-code.ts')).setupCodeCommand,
  drivers: async () => (await import('./drivers.ts')).driversCommand,
  ble: async () => (await import('./ble.ts')).bleCommand,
  vendors: async () => (await import('./vendors.ts')).vendorsCommand,
  cloud: async () => (await import('./cloud.ts')).cloudCommand,
  commission: async () => (await import('./commission.ts')).commissionCommand,
  completion: async () => (await import('./completion.ts')).completionCommand,
  manual: async () => (await import('./completion.ts')).manualCommand,
};

/** With the command of that name only, or with all where there is none of it (help, a slip of the pen). */
export async function program(only?: string): Promise<Command> {
  const latchkey = new Command('latchkey')
    .description('the daemon between key boxes, locks and the clouds that decide who may use them')
    .version(ownVersion())
    .exitOverride()
    .showHelpAfterError('(--help says more)')
    .addHelpText('after', EXAMPLES);
  const one = only !== undefined && Object.hasOwn(COMMANDS, only) ? COMMANDS[only] : undefined;
  const load = one === undefined ? Object.values(COMMANDS) : [one];
  for (const each of load) (await each())(latchkey, () => program());
  return latchkey;
}

const EXAMPLES = `
Examples:
  $ latchkey check-config /etc/latchkey/config.yaml
  $ latchkey run --config /etc/latchkey/config.yaml
  $ latchkey status
  $ latchkey journal --follow

Exit status: 0 done, 1 failed, 2 what was given is wrong.`;

/** Runs what `argv` asks for; sets the exit status, and tells what is expected of people in one line each. */
export async function execute(argv: readonly string[]): Promise<void> {
  await orTell(async () => {
    try {
      const latchkey = await program(argv[2]);
      await latchkey.parseAsync([...argv]);
    } catch (error) {
      if (!(error instanceof CommanderError)) throw error;
      // It has told what is wrong by itself; help and version are no failure.
      if (error.exitCode !== 0) process.exitCode = EXIT.badInput;
    }
  });
}

function ownVersion(): string {
  const text = readFileSync(resolve(import.meta.dirname, '../../package.json'), 'utf8');
  const { version } = Object(JSON.parse(text));
  return String(version);
}
