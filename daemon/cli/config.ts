/** `latchkey config schema`: the JSON Schema by which editors complete and check a config. */
import type { Command } from 'commander';
import { configJsonSchema } from '../../config/json-schema.ts';
import { printLine } from './output.ts';

export function configCommand(program: Command): void {
  program
    .command('config')
    .description('about the config file')
    .command('schema')
    .description('print the JSON Schema of the config, for editors')
    .addHelpText(
      'after',
      '\nExample:\n  $ latchkey config schema > latchkey.schema.json\n' +
        '  then, as first line of the config:  # yaml-language-server: $schema=latchkey.schema.json',
    )
    .action(() => printLine(JSON.stringify(configJsonSchema(), undefined, 2)));
}
