/** `latchkey cloud grant.*`, `grants.*` and `key.put`: what is described in clear leaves sealed. */
import { type Command, InvalidArgumentError } from 'commander';
import type { CloudClient } from '../cloud/client.ts';
import { type UnderstoodGrant, understoodGrantSchema } from '../cloud/wire-grant.ts';
import {
  ask,
  type Common,
  clock,
  integer,
  jsonObject,
  misuse,
  only,
  told,
  withClient,
  within,
} from './cloud-connection.ts';
import { givenText } from './given-file.ts';
import { givenMoment } from './moment.ts';

export type Add = (name: string, what: string) => Command;

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

export function addGrantCommands(add: Add): void {
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

export function addKeyPut(add: Add): void {
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

async function putGrant(flags: PutFlags, file: string | undefined): Promise<void> {
  if (file !== undefined) return sendGrant(flags, () => parseFile(file));
  const wish = grantFrom(flags);
  return typeof wish === 'string' ? misuse(flags, wish) : sendGrant(flags, () => wish);
}

async function sendGrant(flags: PutFlags, wish: () => Record<string, unknown>): Promise<void> {
  await withClient(flags, async (client) => {
    const grant = await sealedGrant(client, wish());
    if (typeof grant === 'string') return misuse(flags, grant);
    return told(flags, await client.send('grant.put', { grant }, within(flags)));
  });
}

async function snapshot(flags: Common, file: string): Promise<void> {
  await withClient(flags, async (client, site) => {
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
    return told(flags, await site.sendSnapshot(version, sealed));
  });
}

/** What was wrong with the flags, or the grant they describe. */
function grantFrom(flags: PutFlags): Record<string, unknown> | string {
  const { id, holder, target, pin, fob, uses, rev = clock.now() } = flags;
  if (id === undefined || target === undefined) return '--id and --target are needed';
  const wrong = momentFault(flags);
  if (wrong !== undefined) return wrong;
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

/** With a zone they are as its clocks show them, which the site reads. */
function momentFault({ from, until, zone }: PutFlags): string | undefined {
  for (const [name, text] of Object.entries({ from, until })) {
    if (text === undefined || zone !== undefined) continue;
    try {
      givenMoment(text);
    } catch (error) {
      if (!(error instanceof InvalidArgumentError)) throw error;
      return `--${name}: ${error.message}, or --zone`;
    }
  }
  return undefined;
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

function parseFile(file: string): Record<string, unknown> {
  return jsonObject(givenText(file));
}
