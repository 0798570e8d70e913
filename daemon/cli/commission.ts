/** `latchkey commission`: proves every slot, lock and reader of a site once, and signs what was seen. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join, resolve } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { busWay } from '../../config/bus-way.ts';
import { loadConfig, parseConfig } from '../../config/load.ts';
import type { Config } from '../../config/schema.ts';
import { readSecret, type SecretSource, secretReferences } from '../../config/secrets.ts';
import { catalogue } from '../../drivers/catalogue.ts';
import type { Clock } from '../../drivers/contract/time.ts';
import type { PrivateJwk } from '../cloud/jose.ts';
import { type Commissioned, commission } from '../commission/commission.ts';
import { faultsOf, fragmentText, type Written, writtenIn } from '../commission/fragment.ts';
import { type OsdpTrace, openOsdpTrace } from '../commission/osdp-trace.ts';
import { judge, type Sheet, sheetText } from '../commission/sheet.ts';
import { signSheet } from '../commission/signed-sheet.ts';
import { openersOf } from '../configured/openers.ts';
import { Radios } from '../platform/ble-backend.ts';
import { realClock } from '../platform/clock.ts';
import { realRandom } from '../platform/random.ts';
import { lastTimeContact } from '../platform/time-contact.ts';
import { openAsk } from './ask.ts';
import { signingKey } from './commission-key.ts';
import { keepOwner, locked, mustNotRun } from './commission-lock.ts';
import type { VerifyOptions } from './commission-verify.ts';
import { verify } from './commission-verify.ts';
import { CommandFailure, EXIT } from './failure.ts';
import { printJson } from './output.ts';
import { variableOption } from './variables.ts';

interface CommissionOptions {
  readonly config: string;
  readonly set: ReadonlyMap<string, string>;
  readonly bus: readonly string[];
  readonly find?: boolean;
  readonly without: ReadonlyMap<string, ReadonlySet<'fob' | 'pin'>>;
  readonly within: number;
  readonly who?: string;
  readonly out: string;
  readonly osdpTrace?: string;
  readonly yes?: boolean;
  readonly json?: boolean;
}

const EXAMPLES = `
Examples:
  $ systemctl stop latchkey
  $ latchkey commission --config /etc/latchkey/config.yaml --out acceptance
  $ latchkey commission --config config.yaml --bus box-bus --find
  $ latchkey commission verify acceptance/acceptance.json --config config.yaml

Written to the directory: acceptance.txt, acceptance.json (both signed) and devices.yaml, the sections of the
config with the names, addresses and polarities that were found. Ctrl-C ends the run: nothing stays energised,
and what was proven until then is written. Codes and fob numbers are neither printed nor kept.

Exit status: 0 accepted, 1 not accepted or stopped, 2 what was given is wrong.`;

export function commissionCommand(program: Command): void {
  const command = program
    .command('commission')
    .description('prove every slot, lock and reader once, and sign an acceptance sheet')
    .option('--config <file>', 'the site, as `latchkey check-config` accepts it')
    .addOption(variableOption())
    .addOption(
      new Option('--bus <name>', 'only this bus; may be given several times')
        .argParser(several)
        .default([], 'all'),
    )
    .option('--find', 'look for devices also on buses that have some')
    .addOption(
      new Option(
        '--without <device:part>',
        'a reader without fob or pin, such as keypad:fob; may be given several times',
      )
        .argParser(withoutPart)
        .default(new Map(), 'none'),
    )
    .option('--within <seconds>', 'how long a hand may take for each thing', count, 60)
    .option('--who <name>', 'the installer; asked for without it')
    .option('--out <dir>', 'where the sheet is put', '.')
    .option(
      '--osdp-trace <file>',
      'add the frames on OSDP buses to a file (.osdpcap), without what was shown or typed and without keys',
    )
    .option('--yes', 'ask nothing: every question has its default answer')
    .option('--json', 'print the sheet as JSON; all else goes to stderr')
    .addHelpText('after', EXAMPLES)
    .action((options: CommissionOptions) => prove(options));
  command
    .command('verify')
    .description('check the signature of a sheet, text or JSON')
    .argument('<sheet>', 'acceptance.json or acceptance.txt')
    .option('--config <file>', 'site whose key must have signed it')
    .addOption(variableOption())
    .option('--key <file>', 'public key (JWK) that must have signed it')
    .option('--json', 'print JSON')
    .action((file: string, _: unknown, own: Command) =>
      // The command around it has options of the same names, and takes them first.
      verify(file, own.optsWithGlobals<VerifyOptions>()),
    );
}

async function prove(options: CommissionOptions): Promise<void> {
  if (options.config === undefined) {
    throw new CommandFailure('--config FILE: which site?', EXIT.badInput);
  }
  const config = loadConfig(options.config, { variables: options.set });
  const written = writtenIn(readFileSync(options.config, 'utf8'), options.set);
  const buses = busesOf(config, options.bus);
  mustHaveDevices(config, options.without);
  const { directory } = config.store;
  mustNotRun(directory);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  mkdirSync(options.out, { recursive: true });
  using _lock = locked(directory);
  const secrets: SecretSource = { credentialsDirectory: process.env['CREDENTIALS_DIRECTORY'] };
  const key = signingKey(config, secrets);
  keepOwner(directory);

  const stop = new AbortController();
  const interrupted = () => {
    if (stop.signal.aborted) process.exit(EXIT.failed);
    process.stderr.write('\nstopping: what is proven will be written; once more ends at once\n');
    stop.abort();
  };
  process.on('SIGINT', interrupted);
  process.on('SIGTERM', interrupted);
  const clock = realClock();
  const output = options.json ? process.stderr : process.stdout;
  using ask = openAsk({
    input: process.stdin,
    output,
    clock,
    signal: stop.signal,
    takeDefaults: options.yes === true,
    stopped: () => stop.abort(),
  });
  await using radios = new Radios(clock, (adapter, news) => {
    if (news.kind === 'alarm' || news.kind === 'down') ask.tell(`radio ${adapter}: ${news.why}`);
  });
  using trace = traceIn(options.osdpTrace, clock, (why) => ask.tell(why));
  const begunAt = clock.now();
  const who =
    options.who ?? (await ask.text('Who proves this site?', userInfo().username).catch(() => ''));
  const outcome = await commission({
    config,
    written,
    catalogue,
    secrets: deviceSecrets(config, secrets),
    ask,
    clock,
    random: realRandom(),
    signal: stop.signal,
    patience: options.within * 1000,
    buses,
    searched: buses.filter((bus) => isSearched(config, bus, options.find === true)),
    without: options.without,
    read: (each) => parseConfig(JSON.stringify({ ...each.rest, ...sections(each) })),
    openers: (from) => {
      const openers = openersOf(from, {
        clock,
        catalogue,
        radios,
        advise: (bus, text) => ask.tell(`${bus}: ${text}`),
      });
      return trace === undefined
        ? openers
        : new Map(Array.from(openers, ([bus, opener]) => [bus, trace.of(opener)]));
    },
  });
  const sheet = sheetOf(config, who, outcome, begunAt, clock.now());
  write(
    options,
    sheet,
    outcome.written,
    config.cloud?.mqtt?.bridgeId ?? config.site.id,
    key,
    output,
  );
  process.off('SIGINT', interrupted);
  process.off('SIGTERM', interrupted);
  if (sheet.result !== 'accepted') process.exitCode = EXIT.failed;
}

function traceIn(
  file: string | undefined,
  clock: Clock,
  told: (why: string) => void,
): OsdpTrace | undefined {
  if (file === undefined) return undefined;
  try {
    return openOsdpTrace(file, clock, told);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new CommandFailure(
      `--osdp-trace: ${why}; name a file that can be written`,
      EXIT.badInput,
    );
  }
}

function sections({ buses, devices }: Written) {
  return { buses, devices };
}

function sheetOf(
  config: Config,
  who: string,
  { devices, proofs, isComplete }: Commissioned,
  begunAt: number,
  endedAt: number,
): Sheet {
  const { id, name, zone, policies } = config.site;
  const isSynchronised = lastTimeContact() !== undefined;
  return {
    v: 1,
    site: { id, ...(name === undefined ? {} : { name }) },
    who,
    begunAt: new Date(begunAt).toISOString(),
    endedAt: new Date(endedAt).toISOString(),
    clock: {
      zone,
      tzdata: process.versions['tz'] ?? 'unknown',
      state:
        policies.clockSource === 'assumed'
          ? 'assumed'
          : isSynchronised
            ? 'synchronised'
            : 'not-synchronised',
    },
    versions: { latchkey: ownVersion(), node: process.versions.node },
    devices: [...devices],
    proofs: [...proofs],
    ...judge(devices, proofs, isComplete),
  };
}

function write(
  { out, json }: CommissionOptions,
  sheet: Sheet,
  written: Written,
  kid: string,
  key: PrivateJwk,
  output: NodeJS.WritableStream,
): void {
  const files = signSheet(sheet, kid, key);
  writeFileSync(join(out, 'acceptance.json'), files.json);
  writeFileSync(join(out, 'acceptance.txt'), files.text);
  writeFileSync(join(out, 'devices.yaml'), fragmentText(written));
  const faults = faultsOf(written);
  output.write(`\n${sheetText(sheet)}\n`);
  for (const { path, found, remedy } of faults) {
    output.write(`devices.yaml does not pass check-config: ${path}: found ${found}; ${remedy}\n`);
  }
  output.write(`written to ${resolve(out)}: acceptance.txt, acceptance.json, devices.yaml\n`);
  if (json) printJson(sheet);
}

function busesOf({ buses }: Config, wanted: readonly string[]): readonly string[] {
  const all = Object.keys(buses);
  for (const name of wanted) {
    if (all.includes(name)) continue;
    throw new CommandFailure(`there is no bus ${name}; there are ${all.join(', ')}`, EXIT.badInput);
  }
  return wanted.length === 0 ? all : wanted;
}

function mustHaveDevices({ devices }: Config, without: CommissionOptions['without']): void {
  for (const name of without.keys()) {
    if (Object.hasOwn(devices, name)) continue;
    throw new CommandFailure(`--without: there is no device ${name}`, EXIT.badInput);
  }
}

/** A bus with nothing on it is looked at in any case. Radios and keyboards cannot be asked. */
function isSearched({ buses, devices }: Config, name: string, find: boolean): boolean {
  const bus = buses[name];
  if (bus === undefined) return false;
  const { way } = busWay(bus);
  if (way !== 'serial' && way !== 'tcp') return false;
  return find || !Object.values(devices).some((device) => device.bus === name);
}

function deviceSecrets({ devices }: Config, source: SecretSource): ReadonlyMap<string, Uint8Array> {
  return new Map(
    Object.entries(devices).flatMap(([id, { options }]) =>
      secretReferences(options, `devices.${id}`).map(
        ({ reference, path }) => [reference, readSecret(reference, path, source)] as const,
      ),
    ),
  );
}

function ownVersion(): string {
  const text = readFileSync(resolve(import.meta.dirname, '../../package.json'), 'utf8');
  const { version } = Object(JSON.parse(text));
  return String(version);
}

function several(text: string, before: readonly string[]): readonly string[] {
  return [...before, text];
}

function withoutPart(
  text: string,
  before: CommissionOptions['without'],
): CommissionOptions['without'] {
  const [, device, part] = /^([a-z0-9-]{1,32}):(fob|pin)$/.exec(text) ?? [];
  if (device === undefined || (part !== 'fob' && part !== 'pin')) {
    throw new InvalidArgumentError('DEVICE:fob or DEVICE:pin');
  }
  return new Map([...before, [device, new Set([...(before.get(device) ?? []), part] as const)]]);
}

function count(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 3600) {
    throw new InvalidArgumentError('a number of seconds, 1 to 3600');
  }
  return value;
}
