/** `latchkey token`: who may use the local API. Works on the store's directory; a running daemon follows within a second. */
import { existsSync } from 'node:fs';
import { type Command, Option } from 'commander';
import { SCOPES, type Scope } from '../local-api/endpoint.ts';
import {
  drawToken,
  readTokens,
  type StoredToken,
  storedToken,
  writeTokens,
} from '../local-api/tokens.ts';
import { realClock } from '../platform/clock.ts';
import { realRandom } from '../platform/random.ts';
import { type ApiOptions, directoriesOf, withDirectoryOptions } from './api-client.ts';
import { keepOwner } from './commission-lock.ts';
import { CommandFailure, EXIT } from './failure.ts';
import { printJson, printLine, printTable, styled } from './output.ts';

type Options = ApiOptions & { readonly json?: boolean };

export function tokenCommand(program: Command): void {
  const token = program.command('token').description('who may use the local API');
  withDirectoryOptions(token.command('add'))
    .description('make a token; it is printed once, and only its hash is kept')
    .argument('<name>', '1 to 32 of a-z, 0-9 and "-"; goes into the journal')
    .addOption(
      new Option('--scope <scope>', 'read; operate: also open and reset; admin: also grant')
        .choices(SCOPES)
        .default('read'),
    )
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  $ latchkey token add panel --scope operate')
    .action((name: string, options: Options & { readonly scope: Scope }) => add(name, options));
  withDirectoryOptions(token.command('list'))
    .description('names and scopes of the tokens')
    .option('--json', 'print JSON')
    .action((options: Options) => list(options));
  withDirectoryOptions(token.command('remove'))
    .description('take a token back')
    .argument('<name>', 'as `latchkey token list` has it')
    .action((name: string, options: Options) => remove(name, options));
}

function add(name: string, options: Options & { readonly scope: Scope }): void {
  if (!/^[a-z0-9-]{1,32}$/.test(name)) {
    throw new CommandFailure('a name is 1 to 32 of a-z, 0-9 and "-"', EXIT.badInput);
  }
  const directory = directoryOf(options);
  const tokens = tokensIn(directory);
  if (tokens.some((each) => each.name === name)) {
    throw new CommandFailure(`there is a token ${name} already; remove it first`, EXIT.badInput);
  }
  const token = drawToken(realRandom());
  store(directory, [...tokens, storedToken(name, options.scope, token, realClock().now())]);
  if (options.json) {
    printJson({ name, scope: options.scope, token });
    return;
  }
  printLine(token);
  process.stderr.write('This is shown once. Send it as "Authorization: Bearer …".\n');
}

function list(options: Options): void {
  const tokens = tokensIn(directoryOf(options));
  if (options.json) {
    printJson(tokens.map(({ name, scope, made }) => ({ name, scope, made })));
    return;
  }
  printTable(
    ['name', 'scope', 'made'],
    tokens.map(({ name, scope, made }) => [name, scope, new Date(made).toISOString()]),
  );
}

function remove(name: string, options: Options): void {
  const directory = directoryOf(options);
  const tokens = tokensIn(directory);
  const rest = tokens.filter((each) => each.name !== name);
  if (rest.length === tokens.length)
    throw new CommandFailure(`there is no token ${name}`, EXIT.badInput);
  store(directory, rest);
  printLine(`${styled('green', 'removed')}  ${name}`);
}

function tokensIn(directory: string): readonly StoredToken[] {
  try {
    return readTokens(directory);
  } catch (error) {
    const why = error instanceof Error && 'code' in error ? error.message : 'it is damaged';
    const remedy = 'move api-tokens.json away, and make its tokens anew';
    throw new CommandFailure(`the tokens in ${directory} cannot be read: ${why}; ${remedy}`);
  }
}

function store(directory: string, tokens: readonly StoredToken[]): void {
  writeTokens(directory, tokens);
  keepOwner(directory);
}

function directoryOf(options: ApiOptions): string {
  const directories = directoriesOf(options);
  const found = directories.find((each) => existsSync(each));
  if (found !== undefined) return found;
  throw new CommandFailure(
    `there is no ${directories.join(' or ')}: give --directory`,
    EXIT.badInput,
  );
}
