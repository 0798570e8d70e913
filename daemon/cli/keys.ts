/** `latchkey keys`: where every key is, and a manager's word on that. */
import { type Command, InvalidArgumentError } from 'commander';
import type { KeyReply } from '../local-api/keys.ts';
import { ApiClient, type ApiOptions, alsoOf, withApiOptions } from './api-client.ts';
import { CommandFailure, EXIT } from './failure.ts';
import { givenMoment } from './moment.ts';
import { printJson, printLine, printTable, styled } from './output.ts';
import { reply } from './status.ts';

type Json = { readonly json?: boolean };

interface PlaceOptions extends ApiOptions, Json {
  readonly slot?: { readonly accessPoint: string; readonly slot: number };
  readonly holder?: string;
  readonly due?: string;
  readonly unknown?: boolean;
  readonly lost?: boolean;
  readonly why?: string;
}

export function keysCommand(program: Command): void {
  const keys = withApiOptions(program.command('keys'))
    .description('where every key is, who has it, since when')
    .argument('[text]', 'only keys with this in id or name')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  $ latchkey keys\n  $ latchkey keys flat\n  $ latchkey keys place flat-3 --slot lobby:3',
    )
    .action((text: string | undefined, options: ApiOptions & Json) => list(text, options));
  keys
    .command('place')
    .description('state where a key is; for the journal, in your name')
    .argument('<key>', 'its id, as `latchkey keys` lists it')
    .option('--slot <access-point:slot>', 'it hangs there', slot)
    .option('--holder <id>', 'this person has it')
    .option('--due <time>', 'until when, ISO 8601 with offset', givenMoment)
    .option('--unknown', 'nobody knows')
    .option('--lost', 'it is gone')
    .option('--why <text>', 'for the journal')
    .addHelpText('after', alsoOf('keys'))
    .action((key: string, _: unknown, command: Command) => place(key, command.optsWithGlobals()));
}

async function list(text: string | undefined, options: ApiOptions & Json): Promise<void> {
  const query = text === undefined ? '' : `?text=${encodeURIComponent(text)}`;
  const path = `/api/v1/keys${query}`;
  const { keys } = await ApiClient.find(options).get(
    path,
    reply<{ readonly keys: readonly KeyReply[] }>(),
  );
  if (options.json) return printJson(keys);
  printTable(
    ['key', 'name', 'place', 'flags'],
    keys.map((key) => [key.id, key.name, placeText(key), key.flags.join(', ')]),
  );
}

function placeText({ place }: KeyReply): string {
  switch (place.kind) {
    case 'slot':
      return `slot ${place.slot} of ${place.accessPoint ?? place.box}`;
    case 'holder':
      return `${place.holder} since ${place.since}${place.due === null ? '' : `, due ${place.due}`}`;
    case 'unknown':
      return place.since === null ? 'unknown' : `unknown since ${place.since}`;
    case 'none':
      return 'virtual';
    default:
      return place satisfies never;
  }
}

async function place(key: string, options: PlaceOptions): Promise<void> {
  const stated = [
    ...(options.slot === undefined ? [] : [{ kind: 'slot', ...options.slot }]),
    ...(options.holder === undefined
      ? []
      : [{ kind: 'holder', holder: options.holder, due: options.due }]),
    ...(options.unknown ? [{ kind: 'unknown' }] : []),
    ...(options.lost ? [{ kind: 'lost' }] : []),
  ];
  const [only, ...more] = stated;
  if (only === undefined || more.length > 0) {
    throw new CommandFailure('one of --slot, --holder, --unknown and --lost', EXIT.badInput);
  }
  const path = `/api/v1/keys/${encodeURIComponent(key)}/place`;
  const body = { ...only, why: options.why };
  const outcome = await ApiClient.find(options).send(
    'PUT',
    path,
    body,
    reply<{ readonly result: string; readonly reason?: string }>(),
  );
  if (outcome.result !== 'done') process.exitCode = EXIT.failed;
  if (options.json) return printJson(outcome);
  printLine(
    outcome.result === 'done'
      ? styled('green', 'stated')
      : `${outcome.result}: ${outcome.reason ?? ''}`,
  );
}

function slot(text: string): { readonly accessPoint: string; readonly slot: number } {
  const [, accessPoint, number] = /^(.+):(\d{1,4})$/.exec(text) ?? [];
  if (accessPoint === undefined)
    throw new InvalidArgumentError('ACCESS-POINT:SLOT, such as lobby:3');
  return { accessPoint, slot: Number(number) };
}
