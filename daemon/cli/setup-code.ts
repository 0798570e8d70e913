/** `latchkey setup-code`: with what the first account of the panel is made. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { type ApiOptions, directoriesOf, withDirectoryOptions } from './api-client.ts';
import { CommandFailure } from './failure.ts';
import { printLine } from './output.ts';

export function setupCodeCommand(program: Command): void {
  withDirectoryOptions(program.command('setup-code'))
    .description('show the code with which the first account of the panel is made; it is good once')
    .addHelpText('after', '\nExample:\n  $ sudo -u latchkey latchkey setup-code')
    .action((options: ApiOptions) => {
      const directories = directoriesOf(options);
      const file = directories
        .map((each) => join(each, 'setup-code'))
        .find((each) => existsSync(each));
      if (file === undefined) {
        throw new CommandFailure(
          `there is none in ${directories.join(' or ')}: it was used, or no daemon ran yet`,
        );
      }
      printLine(
        readFileSync(file, 'utf8')
          .trim()
          .replace(/(.{4})(?!$)/g, '$1-'),
      );
    });
}
