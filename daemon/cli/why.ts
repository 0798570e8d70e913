/** `latchkey why`: a decision replayed on what it knew. `latchkey what-if`: one that nobody asked for yet. */
import type { Command } from 'commander';
import { ApiClient, type ApiOptions, withApiOptions } from './api-client.ts';
import { EXIT } from './failure.ts';
import { printJson, printLine, styled } from './output.ts';
import { reply } from './status.ts';
import { wholeNumber } from './whole-number.ts';

interface WhyReply {
  readonly sentence: string;
  readonly explained: boolean;
  readonly same: boolean | null;
  readonly differences: readonly string[];
}

interface WhatIfReply {
  readonly sentence: string;
  readonly reader: string;
  readonly at: string;
}

const entryNumber = wholeNumber(
  1,
  Number.MAX_SAFE_INTEGER,
  'a number, as `latchkey journal` has it',
);

export function whyCommand(program: Command): void {
  withApiOptions(program.command('why'))
    .description('why a decision was what it was: replayed on what it knew')
    .argument('<seq>', 'number of its entry in the journal', entryNumber)
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExample:\n  $ latchkey why 4711\n\nExit status: 1 when the replay decides otherwise.',
    )
    .action(async (seq: number, options: ApiOptions & { readonly json?: boolean }) => {
      const path = `/api/v1/why/${seq}`;
      const told = await ApiClient.find(options).get(path, reply<WhyReply>());
      if (told.same === false) process.exitCode = EXIT.failed;
      if (options.json) return printJson(told);
      printLine(told.sentence);
      for (const difference of told.differences) printLine(styled('red', difference));
      if (told.same === true) printLine(styled('green', 'Replayed with the same result.'));
    });
}

interface WhatIfOptions extends ApiOptions {
  readonly reader?: string;
  readonly credential?: string;
  readonly at?: string;
  readonly pin?: string;
  readonly json?: boolean;
}

export function whatIfCommand(program: Command): void {
  withApiOptions(program.command('what-if'))
    .description(
      'what would be decided if the credential of a grant, or a PIN, were shown; leaves no trace',
    )
    .argument('[access-point]', 'may be left out where the site has one')
    .argument('[grant]', 'whose credential is shown')
    .option('--pin <digits>', 'these digits instead of a grant')
    .option(
      '--at <time>',
      'as a clock at the site shows it, or ISO 8601 with offset; now, if missing',
    )
    .option('--reader <device>', 'where it is shown; the first that will do, if missing')
    .option('--credential <id>', 'which one of the grant; its first, if missing')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  $ latchkey what-if lobby g-3f2 --at 2026-03-29T16:00:00+02:00\n  $ latchkey what-if --at 2027-03-28T02:30 --pin 482913',
    )
    .action(
      async (place: string | undefined, grant: string | undefined, options: WhatIfOptions) => {
        const { reader, credential, at, pin } = options;
        const api = ApiClient.find(options);
        const body = { accessPoint: place, grant, pin, reader, credential, at };
        const told = await api.send('POST', '/api/v1/what-if', body, reply<WhatIfReply>());
        if (options.json) printJson(told);
        else printLine(told.sentence);
      },
    );
}
