/** `latchkey open`: a slot or a lock, now, in the caller's name. `latchkey lockdown`: nobody in, until it is ended. */
import { randomUUID } from 'node:crypto';
import type { Command } from 'commander';
import { ApiClient, type ApiOptions, withApiOptions } from './api-client.ts';
import { CommandFailure, EXIT } from './failure.ts';
import { printJson, printLine, styled } from './output.ts';
import { reply } from './status.ts';
import { wholeNumber } from './whole-number.ts';

interface Outcome {
  readonly result: string;
  readonly reason?: string;
  readonly lockdown?: string;
}

interface OpenOptions extends ApiOptions {
  readonly holder?: string;
  readonly hold?: number;
  readonly why?: string;
  readonly json?: boolean;
}

interface LockdownOptions extends ApiOptions {
  readonly staff: boolean;
  readonly end?: string;
  readonly why?: string;
  readonly json?: boolean;
}

export function openCommand(program: Command): void {
  withApiOptions(program.command('open'))
    .description('open a slot of a box, or a lock; the journal says who asked')
    .argument('<place>', 'access point and slot, lobby:3; or a lock')
    .option('--holder <id>', 'who takes the key that hangs there')
    .option('--hold <ms>', 'how long, 100 to 30000', wholeNumber(100, 30_000))
    .option('--why <text>', 'for the journal')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  $ latchkey open lobby:3 --why "stranded guest"\n  $ latchkey open front-door\n\nExit status: 0 it was seen to open, 1 it was not.',
    )
    .action((place: string, options: OpenOptions) => open(place, options));
}

export function lockdownCommand(program: Command): void {
  withApiOptions(program.command('lockdown'))
    .description(
      'let nobody in at the site or one access point; never keeps anybody in, nor a key out',
    )
    .argument('[access-point]', 'the whole site, if missing')
    .option('--no-staff', 'not even staff')
    .option('--end <lockdown>', 'end this lockdown (`latchkey status` names it)')
    .option('--why <text>', 'for the journal')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  $ latchkey lockdown\n  $ latchkey lockdown lobby --no-staff\n  $ latchkey lockdown --end 6f2c…',
    )
    .action((scope: string | undefined, options: LockdownOptions) => lockdown(scope, options));
}

async function open(place: string, options: OpenOptions): Promise<void> {
  const { hold: holdMs, why, holder } = options;
  const [, accessPoint, slot] = /^(.+):(\d{1,4})$/.exec(place) ?? [];
  if (accessPoint !== undefined) {
    const point = encodeURIComponent(accessPoint);
    const path = `/api/v1/access-points/${point}/slots/${slot}/open`;
    return ask('POST', path, { holdMs, why, holder }, options);
  }
  try {
    const path = `/api/v1/devices/${encodeURIComponent(place)}/unlock`;
    await ask('POST', path, { holdMs, why }, options);
  } catch (error) {
    if (!(error instanceof CommandFailure) || error.exitCode !== EXIT.badInput) throw error;
    const hint = `a slot of a box is opened as ACCESS-POINT:SLOT, such as ${place}:3`;
    throw new CommandFailure(`${error.message}; ${hint}`, error.exitCode);
  }
}

async function lockdown(scope: string | undefined, options: LockdownOptions): Promise<void> {
  const { end, staff: allowStaff, why } = options;
  if (end !== undefined) {
    await ask('DELETE', `/api/v1/lockdowns/${encodeURIComponent(end)}`, undefined, options);
  } else {
    await ask('POST', '/api/v1/lockdowns', { scope, allowStaff, why }, options);
  }
}

async function ask(
  method: 'POST' | 'DELETE',
  path: string,
  body: object | undefined,
  options: ApiOptions & { readonly json?: boolean },
): Promise<void> {
  const key = { 'idempotency-key': randomUUID() };
  const outcome = await ApiClient.find(options).send(method, path, body, reply<Outcome>(), key);
  if (outcome.result !== 'done') process.exitCode = EXIT.failed;
  if (options.json) printJson(outcome);
  else {
    const isDone = outcome.result === 'done';
    const reason = outcome.reason === undefined ? '' : `: ${outcome.reason}`;
    printLine(
      `${styled(isDone ? 'green' : 'red', outcome.result)}${reason}  ${outcome.lockdown ?? ''}`.trimEnd(),
    );
  }
}
