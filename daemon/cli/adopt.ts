/** `latchkey adopt`: another adapter came under the name of the old one, and somebody looked at it. */
import type { Command } from 'commander';
import { ApiClient, type ApiOptions, withApiOptions } from './api-client.ts';
import { printJson, printLine } from './output.ts';
import { reply } from './status.ts';

interface Adopted {
  readonly device: string;
  readonly link: string;
}

interface AdoptOptions extends ApiOptions {
  readonly json?: boolean;
}

export function adoptCommand(program: Command): void {
  withApiOptions(program.command('adopt'))
    .description('accept the other adapter that was found on the wire of a device')
    .argument('<device>', 'as `latchkey status` names it, with link other-device')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  $ latchkey adopt keypad')
    .action((device: string, options: AdoptOptions) => adopt(device, options));
}

async function adopt(device: string, options: AdoptOptions): Promise<void> {
  const path = `/api/v1/devices/${encodeURIComponent(device)}/adopt`;
  const answer = await ApiClient.find(options).send('POST', path, {}, reply<Adopted>());
  if (options.json === true) printJson(answer);
  else printLine(`${answer.device}: adopted`);
}
