/** `latchkey cloud …`: sends one signed command and prints its reply, or follows a site's events. */
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type Broker, BrokerError } from '../cloud/broker.ts';
import { type BodyIn, CloudClient, NoReplyError } from '../cloud/client.ts';
import { type ClientKeyFile, keyInFile, readClientKey } from '../cloud/client-key.ts';
import { COMMAND_BODIES, COMMAND_TYPES, type CommandType } from '../cloud/commands.ts';
import { sendSnapshot } from '../cloud/grant-sync.ts';
import type { Reply, WireEvent } from '../cloud/messages.ts';
import { topicsOf } from '../cloud/topics.ts';
import { type UnderstoodGrant, understoodGrantSchema } from '../cloud/wire-grant.ts';
import { realClock } from '../platform/clock.ts';
import { mqttBroker } from '../platform/mqtt-broker.ts';
import { realRandom } from '../platform/random.ts';
import { uuid7 } from '../store/chain.ts';

/** Where to, with which key, and how to print; the same for every command. */
interface Common {
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
const EXIT = { done: 0, refused: 1, usage: 2, silent: 3 } as const;

const clock = realClock();
const random = realRandom();

export function cloudCommand(program: Command): void {
  const cloud = program
    .command('cloud')
    .description('send a signed command to a site over its broker, and print the reply')
    .addHelpText('after', `\n${KEY_HELP}`);
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

const KEY_HELP = `Commands are signed with the key in cloud-key.json: --key FILE, else in the directory that
$LATCHKEY_DEMO names, else in ${join(tmpdir(), 'latchkey-demo')}, where \`npm start\` puts it.`;

type Add = (name: string, what: string) => Command;

interface PutFlags extends Common {
  readonly id?: string;
  readonly rev?: number;
  readonly holder?: string;
  readonly pin?: string;
  readonly fob?: string;
  readonly target?: string[];
  readonly operation?: string[];
  readonly from?: string;
  readonly until?: string;
  readonly zone?: string;
  readonly uses?: number;
}

function addGrantCommands(add: Add): void {
  add('grant.put', 'let a holder open a lock or take a key')
    .argument('[file]', 'the grant as JSON ("-": stdin); secrets in clear as "secret" leave sealed')
    .option('--id <id>', 'grant id')
    .option('--rev <n>', 'revision; without it the present moment', integer)
    .option('--holder <id>', 'pseudonymous holder')
    .option('--pin <digits>', 'PIN; sealed before it leaves')
    .option('--fob <number>', 'number of a fob or card; sealed before it leaves')
    .option('--target <kind:id...>', 'key:…, lock:…, slot:<box>:<n>, access_level:…, location:…')
    .option('--operation <word...>', 'pickup, dropoff, unlock, attach-fob')
    .option('--from <time>', 'local time with --zone, or with offset')
    .option('--until <time>', 'local time with --zone, or with offset')
    .option('--zone <zone>', 'IANA zone of --from and --until')
    .option('--uses <n>', 'how often', integer)
    .action((file: string | undefined, flags: PutFlags) => putGrant(flags, file));
  add('grant.revoke', 'end a grant for good')
    .argument('[id]', 'grant id')
    .option('--id <id>', 'grant id')
    .option('--rev <n>', 'revision; without it the present moment', integer)
    .action((id: string | undefined, flags: Common & { id?: string; rev?: number }) => {
      const grant = id ?? flags.id;
      if (grant === undefined) return misuse(flags, 'which grant?');
      return ask(flags, 'grant.revoke', { id: grant, rev: flags.rev ?? clock.now() });
    });
  add('grants.snapshot', 'replace all grants of the cloud')
    .argument('<file>', '{"version": n, "grants": […]}, secrets as in grant.put')
    .action((file: string, flags: Common) => snapshot(flags, file));
}

function addKeyPut(add: Add): void {
  add('key.put', 'make a physical key known')
    .requiredOption('--id <id>', 'key id')
    .requiredOption('--name <text>', 'what is on its tag')
    .option('--rev <n>', 'revision; without it the present moment', integer)
    .option('--fob <number>', 'number of the fob on its ring; sealed before it leaves')
    .option('--home <location>', 'access point it belongs to')
    .option('--roaming', 'may be returned anywhere')
    .action(
      (
        flags: Common & {
          id: string;
          name: string;
          rev?: number;
          fob?: string;
          home?: string;
          roaming?: boolean;
        },
      ) =>
        withClient(flags, async (client) => {
          const { id, name, rev = clock.now(), fob, home, roaming } = flags;
          const sealedFob = fob === undefined ? undefined : await client.seal(fob);
          const key = { id, name, rev, ...only({ home, roaming, sealedFob }) };
          return told(flags, await client.send('key.put', { key }, within(flags)));
        }),
    );
}

function withCommon(command: Command): Command {
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

async function ask<T extends CommandType>(flags: Common, type: T, body: BodyIn<T>): Promise<void> {
  await withClient(flags, async (client) =>
    told(flags, await client.send(type, body, within(flags))),
  );
}

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

async function putGrant(flags: PutFlags, file: string | undefined): Promise<void> {
  await withClient(flags, async (client) => {
    const wish = file === undefined ? grantFrom(flags) : parseFile(file);
    if (typeof wish === 'string') return misuse(flags, wish);
    const grant = await sealedGrant(client, wish);
    if (typeof grant === 'string') return misuse(flags, grant);
    return told(flags, await client.send('grant.put', { grant }, within(flags)));
  });
}

async function snapshot(flags: Common, file: string): Promise<void> {
  await withClient(flags, async (client) => {
    const { version, grants } = parseFile(file);
    if (typeof version !== 'number' || !Array.isArray(grants)) {
      return misuse(flags, `${file}: {"version": n, "grants": […]} is wanted`);
    }
    const sealed: UnderstoodGrant[] = [];
    for (const each of grants) {
      const grant = await sealedGrant(client, each);
      if (typeof grant === 'string') return misuse(flags, grant);
      sealed.push(grant);
    }
    const snap = uuid7(clock.now(), random);
    return told(flags, await sendSnapshot(client, snap, version, sealed));
  });
}

/** What was wrong with the flags, or the grant they describe. */
function grantFrom(flags: PutFlags): Record<string, unknown> | string {
  const { id, holder, target, pin, fob, uses, rev = clock.now() } = flags;
  if (id === undefined || target === undefined) return '--id and --target are needed';
  const targets = target.map((text) => {
    const [kind = '', ...rest] = text.split(':');
    return { kind, id: rest.join(':') };
  });
  const operations =
    flags.operation ??
    (targets.some(({ kind }) => kind === 'lock') ? ['unlock'] : ['pickup', 'dropoff']);
  return {
    id,
    rev,
    holder: holder ?? `p_${id}`,
    credentials: [
      ...(pin === undefined ? [] : [{ id: `${id}-pin`, kind: 'pin', secret: pin }]),
      ...(fob === undefined ? [] : [{ id: `${id}-fob`, kind: 'fob', secret: fob }]),
    ],
    targets,
    window: windowFrom(flags),
    ...(uses === undefined ? {} : { uses: { max: uses } }),
    operations,
  };
}

function windowFrom({ from, until, zone }: PutFlags): Record<string, unknown> {
  if (from === undefined && until === undefined) return { kind: 'ongoing' };
  if (zone !== undefined) return { kind: 'wall', start: from, end: until, zone };
  return {
    kind: 'instants',
    ...(from === undefined ? {} : { start: Date.parse(from) }),
    ...(until === undefined ? {} : { end: Date.parse(until) }),
  };
}

/** The grant with each `secret` sealed, or what is wrong with it. */
async function sealedGrant(client: CloudClient, wish: unknown): Promise<UnderstoodGrant | string> {
  if (typeof wish !== 'object' || wish === null) return 'a grant is a JSON object';
  const given = 'credentials' in wish && Array.isArray(wish.credentials) ? wish.credentials : [];
  const credentials = await Promise.all(
    given.map(async (each: Record<string, unknown>) => {
      const { secret, ...rest } = each;
      return typeof secret === 'string' ? { ...rest, sealed: await client.seal(secret) } : rest;
    }),
  );
  const read = understoodGrantSchema.safeParse({ ...wish, credentials });
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  return `${issue?.path.join('.') ?? 'grant'}: ${issue?.message ?? 'not understood'}`;
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
    const { nonces: _nonces, ...shown } = client.state ?? { nonces: [] };
    const devices = Object.fromEntries(client.devices);
    const all = { status: client.status, state: shown, devices };
    console.log(JSON.stringify(all, undefined, flags.json ? 0 : 2));
  });
}

async function follow(flags: Common & { ack?: boolean }): Promise<void> {
  await withClient(flags, async (client) => {
    const stopped = Promise.withResolvers<void>();
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stopped.resolve);
    await client.follow({
      acknowledge: flags.ack === true,
      event: (event, genuine) =>
        console.log(flags.json ? JSON.stringify(event) : line(event, genuine)),
    });
    const lost = client
      .until(({ isConnected }) => !isConnected, 2 ** 31)
      .then(() => {
        console.error('the connection was lost');
        process.exitCode = EXIT.silent;
      });
    await Promise.race([stopped.promise, lost]);
  });
}

function line({ ts, seq, type, dev, sub, body }: WireEvent, genuine: boolean): string {
  const where = [dev, sub].filter((each) => each !== undefined).join(' ');
  const mark = genuine ? '' : '  (NOT GENUINE)';
  return `${ts}  ${String(seq).padStart(6)}  ${type.padEnd(26)} ${where} ${JSON.stringify(body)}${mark}`;
}

function told(flags: Common, reply: Reply): void {
  if (flags.json) console.log(JSON.stringify(reply));
  else if (reply.status === 'ok') console.log(`${reply.type}: done ${JSON.stringify(reply.data)}`);
  else {
    const why = [reply.code, reply.data['reason'], reply.msg].filter((each) => each != null);
    console.log(`${reply.type}: ${why.join(', ')} ${JSON.stringify(reply.data)}`);
  }
  process.exitCode = reply.status === 'ok' ? EXIT.done : EXIT.refused;
}

function misuse(flags: Common, message: string): void {
  if (flags.json) console.log(JSON.stringify({ error: { code: 'bad_request', message } }));
  else console.error(message);
  process.exitCode = EXIT.usage;
}

async function withClient(
  flags: Common,
  work: (client: CloudClient) => Promise<void>,
): Promise<void> {
  let found: { readonly path: string; readonly file: ClientKeyFile };
  try {
    const path = keyPath(flags);
    found = { path, file: readClientKey(path) };
  } catch (problem) {
    return misuse(flags, `no key to sign with: ${messageOf(problem)}`);
  }
  const { path, file } = found;
  const url = flags.broker ?? file.broker;
  if (url === undefined) return misuse(flags, '--broker is needed: the key file names none');
  try {
    await using client = await CloudClient.connect({
      broker: brokerOf(flags, url),
      topics: topicsOf(flags.root ?? file.root, flags.bridge ?? file.bridge),
      key: keyInFile(path, clock),
      requester: `cli-${Buffer.from(random.bytes(5)).toString('hex')}`,
      clock,
      random,
    });
    await work(client);
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

function brokerOf({ ca, cert, certKey }: Common, url: string): Broker {
  const pem = (path: string | undefined) =>
    path === undefined ? undefined : readFileSync(path, 'utf8');
  return mqttBroker({ url, tls: only({ ca: pem(ca), cert: pem(cert), key: pem(certKey) }) });
}

function keyPath({ key }: Common): string {
  return (
    key ?? join(process.env['LATCHKEY_DEMO'] ?? join(tmpdir(), 'latchkey-demo'), 'cloud-key.json')
  );
}

function within({ timeout }: Common) {
  return { within: timeout };
}

function parseFile(file: string): Record<string, unknown> {
  return jsonObject(readFileSync(file === '-' ? 0 : file, 'utf8'));
}

function slotOption(isNeeded: boolean): Option {
  return new Option('--slot <n>', 'slot, as printed on its door')
    .argParser(integer)
    .makeOptionMandatory(isNeeded);
}

function integer(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new InvalidArgumentError('a whole number is wanted');
  return value;
}

function jsonObject(text: string): Record<string, unknown> {
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

function commandType(text: string): CommandType {
  const found = COMMAND_TYPES.find((type) => type === text);
  if (found === undefined) throw new InvalidArgumentError(`one of ${COMMAND_TYPES.join(', ')}`);
  return found;
}

function messageOf(problem: unknown): string {
  return problem instanceof Error ? problem.message : String(problem);
}

/** Without the fields that are undefined. */
function only<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const present = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(present) as { [K in keyof T]?: Exclude<T[K], undefined> };
}
