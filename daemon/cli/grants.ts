/** `latchkey grants`: who may open what, and giving and taking that. */
import type { Command } from 'commander';
import type { GrantReply } from '../local-api/grant-fields.ts';
import { ApiClient, type ApiOptions, alsoOf, withApiOptions } from './api-client.ts';
import { CommandFailure, EXIT } from './failure.ts';
import { givenText } from './given-file.ts';
import { printJson, printLine, printTable, styled } from './output.ts';
import { reply } from './status.ts';
import { wholeNumber } from './whole-number.ts';

type Json = { readonly json?: boolean };

interface ListOptions extends ApiOptions, Json {
  readonly holder?: string;
  readonly target?: string;
  readonly source?: string;
  readonly after?: string;
  readonly limit: number;
}

interface PutReply {
  readonly grant: GrantReply;
  readonly outcome: string;
  readonly pins: readonly { readonly credential: string; readonly digits: string }[];
  readonly collides: boolean;
  readonly unanswered: readonly string[];
}

interface RevokeReply {
  readonly devices: readonly { readonly device: string; readonly state: string }[];
}

export function grantsCommand(program: Command): void {
  const grants = withApiOptions(program.command('grants'))
    .description('grants that are stored, some at a time')
    .argument('[text]', 'only with this in id or holder')
    .option('--holder <id>', 'of this person')
    .option('--target <id>', 'key, lock, access point')
    .option('--source <vendor>', 'cloud, local, keycafe, seam, intserv')
    .option('--after <id>', 'go on after this one')
    .option('--limit <count>', 'how many', wholeNumber(1, 1000), 100)
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  $ latchkey grants anna\n  $ latchkey grants show g-3f2\n' +
        `  $ echo '{"holder":"anna","targets":[{"kind":"key","id":"flat-3"}],"credentials":[{"kind":"pin"}]}' | latchkey grants put g-3f2 -\n` +
        '  $ latchkey grants revoke g-3f2',
    )
    .action((text: string | undefined, options: ListOptions) => list(text, options));
  grants
    .command('show')
    .description('one grant')
    .argument('<grant>', 'its id')
    .addHelpText('after', alsoOf('grants'))
    .action(async (grant: string, _: unknown, command: Command) => {
      const options: ApiOptions = command.optsWithGlobals();
      printJson(await ApiClient.find(options).get(pathOf(grant), reply<GrantReply>()));
    });
  grants
    .command('put')
    .description('make or change a grant; a PIN without digits is drawn, and printed here only')
    .argument('<grant>', 'its id')
    .argument('<file>', 'JSON as the API takes it, or - for stdin')
    .addHelpText('after', alsoOf('grants'))
    .action((grant: string, file: string, _: unknown, command: Command) =>
      put(grant, file, command.optsWithGlobals()),
    );
  grants
    .command('revoke')
    .description('revoke a grant for good')
    .argument('<grant>', 'its id')
    .addHelpText('after', alsoOf('grants'))
    .action((grant: string, _: unknown, command: Command) =>
      revoke(grant, command.optsWithGlobals()),
    );
}

function pathOf(grant: string): string {
  return `/api/v1/grants/${encodeURIComponent(grant)}`;
}

async function list(text: string | undefined, options: ListOptions): Promise<void> {
  const { holder, target, source, after, limit } = options;
  const query = new URLSearchParams({ limit: String(limit) });
  for (const [name, value] of Object.entries({ text, holder, target, source, after })) {
    if (value !== undefined) query.set(name, value);
  }
  const page = await ApiClient.find(options).get(
    `/api/v1/grants?${query}`,
    reply<{
      readonly grants: readonly GrantReply[];
      readonly next: string | null;
      readonly all: number;
    }>(),
  );
  if (options.json) return printJson(page);
  printTable(
    ['grant', 'holder', 'opens', 'from', 'until', 'source'],
    page.grants.map(({ id, holder: who, targets, starts, ends, source: from }) => [
      id,
      who,
      targets.map((each) => `${each.kind} ${each.id}`).join(', '),
      starts ?? '',
      ends ?? '',
      from.vendor,
    ]),
  );
  if (page.next !== null)
    printLine(styled('dim', `of ${page.all}; go on with --after ${page.next}`));
}

async function put(grant: string, file: string, options: ApiOptions & Json): Promise<void> {
  const api = ApiClient.find(options);
  const done = await api.send('PUT', pathOf(grant), jsonIn(file), reply<PutReply>());
  if (options.json) return printJson(done);
  printLine(`${styled('green', done.outcome)}  ${grant} revision ${done.grant.rev}`);
  for (const { credential, digits } of done.pins)
    printLine(`PIN of ${credential}: ${styled('bold', digits)}`);
  if (done.collides) printLine(styled('yellow', 'Another holder has the same code.'));
  for (const target of done.unanswered)
    printLine(styled('yellow', `This site has no ${target}, or not yet: nothing opens for that.`));
}

async function revoke(grant: string, options: ApiOptions & Json): Promise<void> {
  const done = await ApiClient.find(options).send(
    'DELETE',
    pathOf(grant),
    undefined,
    reply<RevokeReply>(),
  );
  if (options.json) return printJson(done);
  printLine(`${styled('green', 'revoked')}  ${grant}`);
  for (const { device, state } of done.devices) printLine(`${device}: ${state}`);
}

function jsonIn(file: string): unknown {
  const text = givenText(file);
  try {
    return JSON.parse(text) satisfies unknown;
  } catch {
    throw new CommandFailure(`${file} is no JSON`, EXIT.badInput);
  }
}
