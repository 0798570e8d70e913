/** `latchkey journal`: what happened, as it happens, and whether it is what was written. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { type Clock, pause } from '../../drivers/contract/time.ts';
import { ENTRY_CLASSES } from '../access/entry.ts';
import type { EntryReply } from '../local-api/entry-reply.ts';
import type { StatusReply } from '../local-api/site.ts';
import { realClock } from '../platform/clock.ts';
import { verifyJournalFile } from '../store/journal-verify.ts';
import {
  ApiClient,
  type ApiOptions,
  directoriesOf,
  withApiOptions,
  withDirectoryOptions,
} from './api-client.ts';
import { entryLine } from './entry-line.ts';
import { CommandFailure, EXIT } from './failure.ts';
import { printJson, printLine, styled } from './output.ts';
import { working } from './progress.ts';
import { reply } from './status.ts';
import { wholeNumber } from './whole-number.ts';

interface JournalOptions extends ApiOptions {
  readonly follow?: boolean;
  readonly limit: number;
  readonly class?: string;
  readonly type?: string;
  readonly device?: string;
  readonly holder?: string;
  readonly text?: string;
  readonly json?: boolean;
}

/** After the daemon went away, it is asked again this often. */
const ASK_AGAIN_MS = 2000;

export function journalCommand(program: Command): void {
  const journal = withApiOptions(program.command('journal'))
    .description('what happened at the site, oldest first')
    .option('-f, --follow', 'go on with what happens from now')
    .option('-n, --limit <count>', 'how many of the newest', wholeNumber(1, 1000), 50)
    .option('--class <list>', ENTRY_CLASSES.join(', '), classList)
    .option('--type <list>', 'such as access.granted,access.denied')
    .option('--device <name>', 'of this device, as the config names it')
    .option('--holder <id>', 'of this person')
    .option('--text <text>', 'in type or body')
    .option('--json', 'print one JSON object a line')
    .addHelpText(
      'after',
      '\nExamples:\n  $ latchkey journal --follow\n  $ latchkey journal -n 200 --class access,security\n' +
        '  $ latchkey journal --holder anna --json\n  $ latchkey journal verify',
    )
    .action((options: JournalOptions) => print(options));
  withDirectoryOptions(journal.command('verify'))
    .description('walk the chain of hashes on the disk, fold the ledger again, and compare')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nWorks beside a running daemon and without one.\n\nExit status: 0 it is what was written, 1 it is not.',
    )
    .action((_: unknown, command: Command) => verify(command.optsWithGlobals()));
}

async function print(options: JournalOptions): Promise<void> {
  const api = ApiClient.find(options);
  const { zone } = await api.get('/api/v1/status', reply<StatusReply>());
  const show = (entry: EntryReply) =>
    options.json
      ? process.stdout.write(`${JSON.stringify(entry)}\n`)
      : printLine(entryLine(entry, zone));
  const query = queryOf(options);
  query.set('limit', String(options.limit));
  const { entries, lastSeq } = await api.get(
    `/api/v1/journal?${query}`,
    reply<{ readonly entries: readonly EntryReply[]; readonly lastSeq: number }>(),
  );
  for (const entry of entries.toReversed()) show(entry);
  if (options.follow) await follow(options, lastSeq, show, realClock());
}

/** Goes on after restarts of the daemon from the entry that was seen last, until interrupted. */
async function follow(
  options: JournalOptions,
  from: number,
  show: (entry: EntryReply) => void,
  clock: Clock,
): Promise<void> {
  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort());
  process.once('SIGTERM', () => stop.abort());
  process.stdout.once('error', () => stop.abort()); // whoever read us is gone
  let last = from;
  while (!stop.signal.aborted) {
    try {
      const query = queryOf(options);
      query.set('after', String(last));
      for await (const { id, data } of ApiClient.find(options).events(
        `/api/v1/events?${query}`,
        stop.signal,
      )) {
        last = id;
        show(reply<EntryReply>().parse(data));
      }
    } catch (error) {
      if (stop.signal.aborted) return;
      if (error instanceof CommandFailure && error.exitCode === EXIT.badInput) throw error;
    }
    await pause(clock, ASK_AGAIN_MS, stop.signal);
  }
}

function queryOf({ class: classes, type, device, holder, text }: JournalOptions): URLSearchParams {
  const given = { classes, types: type, device, holder, text };
  return new URLSearchParams(
    Object.entries(given).flatMap(([name, value]): [string, string][] =>
      value === undefined ? [] : [[name, value]],
    ),
  );
}

async function verify(options: ApiOptions & { readonly json?: boolean }): Promise<void> {
  const directories = directoriesOf(options);
  const directory = directories.find((each) => existsSync(join(each, 'journal.db')));
  if (directory === undefined) {
    throw new CommandFailure(
      `there is no journal in ${directories.join(' or ')}: give --directory`,
      EXIT.badInput,
    );
  }
  const report = await working('verifying', (bar) =>
    verifyJournalFile(join(directory, 'journal.db'), bar.at),
  );
  if (!report.ok) process.exitCode = EXIT.failed;
  if (options.json) {
    printJson(report);
    return;
  }
  for (const fault of report.faults) printLine(fault);
  printLine(
    report.ok
      ? `${styled('green', 'whole')}  ${report.entries} entries up to ${report.lastSeq}, ${report.lastHash}`
      : `${styled('red', 'not whole')}  ${directory}`,
  );
}

function classList(text: string): string {
  const isOne = (name: string) => ENTRY_CLASSES.some((each) => each === name);
  if (text.split(',').every(isOne)) return text;
  throw new InvalidArgumentError(`one or more of ${ENTRY_CLASSES.join(', ')}, with "," between`);
}
