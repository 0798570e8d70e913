/** `latchkey cloud …`: sends one signed command and prints its reply, or follows a site's events. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { pause } from '../../drivers/contract/time.ts';
import type { BodyIn, CloudClient } from '../cloud/client.ts';
import { COMMAND_BODIES, COMMAND_TYPES, type CommandType } from '../cloud/commands.ts';
import type { WireEvent } from '../cloud/messages.ts';
import {
  ask,
  type Common,
  clock,
  EXIT,
  integer,
  jsonObject,
  KEY_HELP,
  misuse,
  only,
  STATUS_HELP,
  told,
  withClient,
  withCommon,
  within,
} from './cloud-connection.ts';
import { addGrantCommands, addKeyPut } from './cloud-grant.ts';
import { addOperations } from './cloud-operations.ts';

export function cloudCommand(program: Command): void {
  const cloud = program
    .command('cloud')
    .description('send a signed command to a site over its broker, and print the reply')
    .addHelpText('after', `\n${KEY_HELP}\n\n${STATUS_HELP}`);
  const add = (name: string, what: string) => withCommon(cloud.command(name).description(what));

  add('ping', 'ask for a sign of life')
    .option('--echo <text>', 'text to come back')
    .action((flags: Common & { echo?: string }) => ask(flags, 'ping', only({ echo: flags.echo })));
  for (const type of ['slot.open', 'unlock'] as const) {
    add(type, type === 'unlock' ? 'open a lock' : 'open a slot of a box')
      .requiredOption('--dev <device>', "device, as in the site's config")
      .addOption(slotOption(type === 'slot.open'))
      .option('--ms <ms>', 'how long it is held open', integer)
      .option('--by <id>', 'pseudonymous person on whose behalf')
      .option('--reason <text>', 'why, for the journal')
      .action((flags: Common & BodyIn<'slot.open'>) => {
        const { dev, slot, ms, by, reason } = flags;
        return ask(flags, type, { dev, slot, ...only({ ms, by, reason }) });
      });
  }
  for (const type of ['lock', 'keypad.reset', 'device.identify'] as const) {
    add(type, DEVICE_COMMANDS[type])
      .requiredOption('--dev <device>', "device, as in the site's config")
      .action((flags: Common & { dev: string }) => ask(flags, type, { dev: flags.dev }));
  }
  addGrantCommands(add);
  add('uses.confirm', 'say how often a counted grant was used, after a journal was lost')
    .requiredOption('--id <id>', 'id of the grant')
    .requiredOption('--count <n>', 'uses so far', integer)
    .action((flags: Common & { id: string; count: number }) =>
      ask(flags, 'uses.confirm', { grant: flags.id, count: flags.count }),
    );
  addKeyPut(add);
  add('lockdown', 'let nobody in (never in the way of leaving or returning)')
    .option('--scope <scope>', '"site" or an access point', 'site')
    .option('--no-allow-staff', 'staff neither')
    .action((flags: Common & { scope: string; allowStaff: boolean }) => {
      const { scope, allowStaff } = flags;
      return ask(flags, 'lockdown', { scope, level: 'deny_entry', allowStaff });
    });
  add('release', 'end a lockdown')
    .argument('[lockdown]', 'its id; without it the one that stands')
    .action((id: string | undefined, flags: Common) => release(flags, id));
  add('events.resend', 'have events sent once more')
    .requiredOption('--from <seq>', 'first', integer)
    .requiredOption('--to <seq>', 'last', integer)
    .option('--epoch <epoch>', 'journal they belong to; without it the one that is in use')
    .action((flags: Common & { from: number; to: number; epoch?: string }) => resend(flags));
  add('time', 'tell the site the time').action((flags: Common) => {
    const body = { unixMs: clock.now(), errMs: 500 };
    return ask(flags, 'time', body);
  });
  add('config', 'change settings that may be changed from afar')
    .requiredOption('--settings-version <n>', 'above the one in force', integer)
    .requiredOption('--set <json>', 'settings as a JSON object', jsonObject)
    .action((flags: Common & { settingsVersion: number; set: Record<string, unknown> }) =>
      ask(flags, 'config', { version: flags.settingsVersion, set: flags.set }),
    );
  addOperations(add);
  add('diag.get', 'what the site can say of itself').action((flags: Common) =>
    ask(flags, 'diag.get', {}),
  );
  add('send', 'send any command, its body given as JSON')
    .argument('<type>', `one of ${COMMAND_TYPES.join(', ')}`, commandType)
    .argument('<body>', 'JSON object', jsonObject)
    .action((type: CommandType, body: Record<string, unknown>, flags: Common) =>
      askRaw(flags, type, body),
    );
  add('state', 'print what the site last told of itself').action((flags: Common) => state(flags));
  add('follow', 'print events as they arrive')
    .option('--ack', 'tell the site what was seen; for the one follower that keeps the events')
    .action((flags: Common & { ack?: boolean }) => follow(flags));
}

const DEVICE_COMMANDS = {
  lock: 'lock a lock',
  'keypad.reset': 'let a keypad that is locked out take codes again',
  'device.identify': 'make a device show itself',
} as const;

async function askRaw(
  flags: Common,
  type: CommandType,
  body: Record<string, unknown>,
): Promise<void> {
  const read = COMMAND_BODIES[type].safeParse(body);
  if (!read.success) return misuse(flags, read.error.issues[0]?.message ?? 'not understood');
  // The body was read by the schema of this very type.
  await ask(flags, type, body as BodyIn<typeof type>);
}

async function release(flags: Common, id: string | undefined): Promise<void> {
  await withClient(flags, async (client) => {
    await client.until(({ state }) => state !== undefined, 10_000);
    const lockdownId = id ?? client.state?.lockdowns[0]?.id;
    if (lockdownId === undefined) return misuse(flags, 'no lockdown stands');
    return told(flags, await client.send('release', { lockdownId }, within(flags)));
  });
}

async function resend(flags: Common & { from: number; to: number; epoch?: string }): Promise<void> {
  await withClient(flags, async (client) => {
    await client.until(({ state }) => state !== undefined, 10_000);
    const { from, to, epoch = client.state?.epoch ?? '' } = flags;
    return told(flags, await client.send('events.resend', { epoch, from, to }, within(flags)));
  });
}

async function state(flags: Common): Promise<void> {
  await withClient(flags, async (client) => {
    await client.until((each) => each.state !== undefined && each.status !== undefined, 10_000);
    await devicesTold(client);
    const { nonces: _nonces, ...shown } = client.state ?? { nonces: [] };
    const devices = Object.fromEntries(client.devices);
    const all = { status: client.status, state: shown, devices };
    console.log(JSON.stringify(all, undefined, flags.json ? 0 : 2));
  });
}

/** What is retained comes in no order, and nothing says which was the last: once no device was new for a while, milliseconds. */
const DEVICES_QUIET = 250;

async function devicesTold(client: CloudClient): Promise<void> {
  for (let seen = -1; seen !== client.devices.size; ) {
    seen = client.devices.size;
    await pause(clock, DEVICES_QUIET);
  }
}

/** Milliseconds; nobody follows longer in one go. */
const FOR_EVER = 2 ** 40;

async function follow(flags: Common & { ack?: boolean }): Promise<void> {
  await withClient(flags, async (client) => {
    const stopped = Promise.withResolvers<NodeJS.Signals>();
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stopped.resolve);
    await client.follow({
      acknowledge: flags.ack === true,
      event: (event, genuine) =>
        console.log(flags.json ? JSON.stringify(event) : line(event, genuine)),
    });
    const lost = client.until(({ isConnected }) => !isConnected, FOR_EVER).then(() => 'lost');
    if ((await Promise.race([stopped.promise, lost])) !== 'lost') return;
    console.error('the connection was lost');
    process.exitCode = EXIT.silent;
  });
}

function line({ ts, seq, type, dev, sub, body }: WireEvent, genuine: boolean): string {
  const where = [dev, sub].filter((each) => each !== undefined).join(' ');
  const mark = genuine ? '' : '  (NOT GENUINE)';
  return `${ts}  ${String(seq).padStart(6)}  ${type.padEnd(26)} ${where} ${JSON.stringify(body)}${mark}`;
}

function slotOption(isNeeded: boolean): Option {
  return new Option('--slot <n>', 'slot, as printed on its door')
    .argParser(integer)
    .makeOptionMandatory(isNeeded);
}

function commandType(text: string): CommandType {
  const found = COMMAND_TYPES.find((type) => type === text);
  if (found === undefined) throw new InvalidArgumentError(`one of ${COMMAND_TYPES.join(', ')}`);
  return found;
}
