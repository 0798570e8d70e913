/** `latchkey clock`: what time it is, said by a person where the box does not know or does not believe its server. */
import type { Command } from 'commander';
import { ApiClient, type ApiOptions, withApiOptions } from './api-client.ts';
import { givenMoment } from './moment.ts';
import { printJson, printLine } from './output.ts';
import { reply } from './status.ts';

interface Stated {
  readonly state: string;
  readonly at: string;
}

interface ClockOptions extends ApiOptions {
  readonly json?: boolean;
}

export function clockCommand(program: Command): void {
  withApiOptions(program.command('clock'))
    .description('say what time it is, where `latchkey status` shows the clock as floor or broken')
    .argument(
      '<time>',
      'ISO 8601 with offset, read off another clock; right to a minute',
      givenMoment,
    )
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  $ latchkey clock 2026-11-24T22:10+01:00')
    .action((time: string, options: ClockOptions) => clock(time, options));
}

async function clock(at: string, options: ClockOptions): Promise<void> {
  const answer = await ApiClient.find(options).send(
    'POST',
    '/api/v1/clock',
    { at },
    reply<Stated>(),
  );
  if (options.json === true) printJson(answer);
  else printLine(`clock ${answer.state}, ${answer.at}`);
}
