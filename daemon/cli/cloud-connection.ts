/** What every `latchkey cloud` command shares: where to, with which key, how to print, and how to end. */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { BrokerError } from '../cloud/broker.ts';
import { type BodyIn, type CloudClient, NoReplyError } from '../cloud/client.ts';
import type { CommandType } from '../cloud/commands.ts';
import type { Reply } from '../cloud/messages.ts';
import { type ConnectedSite, connectToSite } from '../cloud-client.ts';
import { realClock } from '../platform/clock.ts';
import { givenText } from './given-file.ts';

/** Where to, with which key, and how to print; the same for every command. */
export interface Common {
  readonly broker?: string;
  readonly bridge?: string;
  readonly root?: string;
  readonly key?: string;
  readonly ca?: string;
  readonly cert?: string;
  readonly certKey?: string;
  readonly timeout: number;
  readonly json?: boolean;
}

/** 0 done, 1 the site said no, 2 not understood here, 3 no answer. */
export const EXIT = { done: 0, refused: 1, usage: 2, silent: 3 } as const;

export const clock = realClock();

export const KEY_HELP = `Commands are signed with the key in cloud-key.json: --key FILE, else in the directory that
$LATCHKEY_DEMO names, else in ${join(tmpdir(), 'latchkey-demo')}, where \`npm start\` puts it.`;

export const STATUS_HELP =
  'Exit status: 0 done, 1 the site refused or failed, 2 what was given is wrong, 3 no broker or no reply.';

export function withCommon(command: Command): Command {
  return command
    .option('--broker <url>', 'mqtt:// or mqtts:// address of the broker')
    .option('--bridge <id>', 'bridge id, kb-…')
    .option('--root <topic>', 'first part of all topics')
    .option('--key <file>', 'cloud-key.json')
    .option('--ca <file>', 'certificates to trust, PEM')
    .option('--cert <file>', 'client certificate, PEM')
    .option('--cert-key <file>', 'its private key, PEM')
    .option('--timeout <ms>', 'how long to wait for a reply', integer, 15_000)
    .option('--json', 'print JSON');
}

export async function ask<T extends CommandType>(
  flags: Common,
  type: T,
  body: BodyIn<T>,
): Promise<void> {
  await withClient(flags, async (client) =>
    told(flags, await client.send(type, body, within(flags))),
  );
}

export function told(flags: Common, reply: Reply): void {
  if (flags.json) console.log(JSON.stringify(reply));
  else if (reply.status === 'ok') console.log(`${reply.type}: done ${JSON.stringify(reply.data)}`);
  else {
    const why = [reply.code, reply.data['reason'], reply.msg].filter((each) => each != null);
    console.log(`${reply.type}: ${[...new Set(why)].join(', ')} ${JSON.stringify(reply.data)}`);
  }
  process.exitCode = reply.status === 'ok' ? EXIT.done : EXIT.refused;
}

export function misuse(flags: Common, message: string): void {
  if (flags.json) console.log(JSON.stringify({ error: { code: 'bad_request', message } }));
  else console.error(message);
  process.exitCode = EXIT.usage;
}

export async function withClient(
  flags: Common,
  work: (client: CloudClient, site: ConnectedSite) => Promise<void>,
): Promise<void> {
  const { broker: url, bridge, root, ca, cert, certKey } = flags;
  const keyFile = keyPath(flags);
  try {
    const tls = only({ ca: pem(ca), cert: pem(cert), key: pem(certKey) });
    await using site = await connectToSite({ keyFile, tls, ...only({ url, bridge, root }) });
    await work(site.client, site);
  } catch (problem) {
    if (!(problem instanceof BrokerError || problem instanceof NoReplyError)) {
      return misuse(flags, messageOf(problem));
    }
    const code = problem instanceof NoReplyError ? 'timeout' : 'unreachable';
    if (flags.json) console.log(JSON.stringify({ error: { code, message: problem.message } }));
    else console.error(problem.message);
    process.exitCode = EXIT.silent;
  }
}

function pem(path: string | undefined): string | undefined {
  return path === undefined ? undefined : givenText(path);
}

function keyPath({ key }: Common): string {
  return (
    key ?? join(process.env['LATCHKEY_DEMO'] ?? join(tmpdir(), 'latchkey-demo'), 'cloud-key.json')
  );
}

export function within({ timeout }: Common) {
  return { within: timeout };
}

export function integer(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new InvalidArgumentError('a whole number is wanted');
  return value;
}

export function jsonObject(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new InvalidArgumentError('JSON is wanted');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new InvalidArgumentError('a JSON object is wanted');
  }
  return { ...value };
}

function messageOf(problem: unknown): string {
  return problem instanceof Error ? problem.message : String(problem);
}

/** Without the fields that are undefined. */
export function only<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const present = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(present) as { [K in keyof T]?: Exclude<T[K], undefined> };
}
