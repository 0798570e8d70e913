/** `latchkey holder`: what is kept of a person, told to them, or erased. */
import type { Command } from 'commander';
import { ApiClient, type ApiOptions, withApiOptions } from './api-client.ts';
import { printJson, printLine, styled } from './output.ts';
import { reply } from './status.ts';

interface Erased {
  readonly grants: number;
  readonly entries: number;
  readonly left: readonly string[];
}

interface EraseOptions extends ApiOptions {
  readonly revoke?: boolean;
  readonly json?: boolean;
}

export function holderCommand(program: Command): void {
  const holder = program.command('holder').description('what is kept of a person');
  withApiOptions(holder.command('export'))
    .description('all that is kept of them, one JSON object a line')
    .argument('<holder>', 'their id')
    .addHelpText('after', '\nExample:\n  $ latchkey holder export p_8c1d > p_8c1d.ndjson')
    .action(async (who: string, options: ApiOptions) => {
      for await (const text of ApiClient.find(options).text(`${pathOf(who)}/export`))
        process.stdout.write(text);
    });
  withApiOptions(holder.command('erase'))
    .description('erase them for good; the journal keeps empty places, and its chain stays whole')
    .argument('<holder>', 'their id')
    .option('--revoke', 'revoke the grants that they still have')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  $ latchkey holder erase p_8c1d --revoke')
    .action((who: string, options: EraseOptions) => erase(who, options));
}

function pathOf(holder: string): string {
  return `/api/v1/holders/${encodeURIComponent(holder)}`;
}

async function erase(holder: string, options: EraseOptions): Promise<void> {
  const body = { revoke: options.revoke === true };
  const path = `${pathOf(holder)}/erase`;
  const done = await ApiClient.find(options).send('POST', path, body, reply<Erased>());
  if (options.json === true) return printJson(done);
  printLine(
    done.entries + done.grants === 0
      ? `${styled('yellow', 'nothing')} was kept of ${holder}: is that their id? Backups made anew all the same`
      : `${styled('green', 'erased')}  ${done.entries} entries, ${done.grants} grants; backups made anew`,
  );
  for (const folder of done.left) printLine(`look into ${folder}: damaged files put aside`);
}
