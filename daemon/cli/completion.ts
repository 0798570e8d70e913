/** `latchkey completion` and `latchkey manual`: both are written from the commands themselves. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { Argument, type Command } from 'commander';
import { BUILT_AT } from './built-at.ts';
import { treeOf } from './command-tree.ts';
import { completionScript, SHELLS, type Shell } from './completion-scripts.ts';
import { manualPage } from './manual-page.ts';

/** @param all the program with every command; one that was loaded alone knows only itself. */
export function completionCommand(program: Command, all: () => Promise<Command>): void {
  program
    .command('completion')
    .description('print what a shell needs to complete commands and options')
    .addArgument(new Argument('<shell>', 'which one').choices(SHELLS))
    .addHelpText(
      'after',
      '\nThe Debian package brings it. By hand:\n  $ latchkey completion bash > ~/.local/share/bash-completion/completions/latchkey\n' +
        '  $ latchkey completion zsh > ~/.zfunc/_latchkey\n  $ latchkey completion fish > ~/.config/fish/completions/latchkey.fish',
    )
    .action(async (shell: Shell) => {
      process.stdout.write(completionScript(shell, treeOf(await all())));
    });
}

export function manualCommand(program: Command, all: () => Promise<Command>): void {
  program
    .command('manual')
    .description('print the manual page, latchkey(1), in man(7)')
    .addHelpText('after', '\nExample:\n  $ latchkey manual | man -l -')
    .action(async () => {
      const date = new Date(BUILT_AT).toISOString().slice(0, 10);
      const { version } = Object(
        JSON.parse(readFileSync(resolve(import.meta.dirname, '../../package.json'), 'utf8')),
      );
      process.stdout.write(manualPage(treeOf(await all()), String(version), date));
    });
}
