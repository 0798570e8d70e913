/** `latchkey ble`: what is on the air, pairing with a lock, and what an adapter needs. */
import { closeSync, existsSync, openSync, readFileSync, unlinkSync, writeSync } from 'node:fs';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { LinkError } from '../../drivers/contract/errors.ts';
import type { Advertisement, GattListener } from '../../drivers/contract/link.ts';
import { authorizationText, readAuthorization, readPin } from '../../drivers/nuki/credentials.ts';
import { pairWith, unpairFrom } from '../../drivers/nuki/pairing-talk.ts';
import { KEYTURNER_SERVICE, PAIRING_SERVICE } from '../../drivers/nuki/uuids.ts';
import { toHex } from '../../drivers/wire/hex.ts';
import { missingAdapter, radioBackend } from '../platform/ble-backend.ts';
import { type BleRadio, bleTransport } from '../platform/ble-transport.ts';
import { realClock } from '../platform/clock.ts';
import { realRandom } from '../platform/random.ts';
import { checkAdapter, type Finding } from './ble-doctor.ts';
import { CommandFailure, EXIT } from './failure.ts';
import { printJson, printLine, printTable, styled } from './output.ts';

interface AdapterOptions {
  readonly adapter: string;
  readonly via?: 'bluez' | 'hci';
  readonly json?: boolean;
}

interface PairOptions extends AdapterOptions {
  readonly out: string;
  readonly name: string;
  readonly as: 'app' | 'bridge';
}

interface UnpairOptions extends AdapterOptions {
  readonly authorization: string;
  readonly pin: string;
}

const EXAMPLES = `
Examples:
  $ latchkey ble scan
  $ latchkey ble pair 54:d2:72:ab:cd:ef --out front-door.json
  $ latchkey ble doctor --adapter hci0 --via hci

The adapter is hci0, tcp:HOST:PORT, or the path of a UART dongle. A daemon that runs on the same adapter
without BlueZ has to be stopped first: it has the adapter to itself.`;

const CONNECT_WITHIN = 20_000;

export function bleCommand(program: Command): void {
  const ble = program
    .command('ble')
    .description('Bluetooth: what is on the air, pairing with locks, what an adapter needs')
    .addHelpText('after', EXAMPLES);
  withAdapter(ble.command('scan'))
    .description('locks and other peripherals that can be heard')
    .option('--seconds <n>', 'how long to listen', count, 8)
    .action((options: AdapterOptions & { readonly seconds: number }) => scan(options));
  withAdapter(ble.command('pair'))
    .description('make this box a user of a Nuki lock; press its button for five seconds first')
    .argument('<address>', 'as `latchkey ble scan` shows it', address)
    .requiredOption('--out <file>', 'where the key is put, for its owner only')
    .option('--name <text>', "shown in the owner's app", 'Latchkey')
    .addOption(
      new Option('--as <kind>', 'a bridge would drop a Nuki Bridge that is in use')
        .choices(['app', 'bridge'])
        .default('app'),
    )
    .action((to: string, options: PairOptions) => pair(to, options));
  withAdapter(ble.command('unpair'))
    .description('take this box out of the users of a Nuki lock')
    .argument('<address>', 'of the lock', address)
    .requiredOption('--authorization <file>', 'what `pair` wrote')
    .requiredOption('--pin <file>', 'file with the security PIN of the lock')
    .action((to: string, options: UnpairOptions) => unpair(to, options));
  withAdapter(ble.command('doctor'))
    .description('what an adapter needs, what of it is there, and whether it hears anything')
    .action((options: AdapterOptions) => doctor(options));
}

function withAdapter(command: Command): Command {
  return command
    .option('--adapter <name>', 'hci0, tcp:HOST:PORT, or a path', 'hci0')
    .addOption(
      new Option(
        '--via <stack>',
        'of hci0: through the system, or straight to the adapter',
      ).choices(['bluez', 'hci']),
    )
    .option('--json', 'print JSON');
}

async function withRadio<Result>(
  { adapter, via }: AdapterOptions,
  use: (radio: BleRadio) => Promise<Result>,
): Promise<Result> {
  const backend = backendOf(adapter, via);
  const missing = missingAdapter(backend);
  if (missing !== undefined) throw new CommandFailure(missing);
  const radio = bleTransport({ name: adapter, backend, clock: realClock() });
  try {
    return await use(radio);
  } catch (error) {
    if (error instanceof LinkError) {
      throw new CommandFailure(`${error.message}\n\`latchkey ble doctor\` tells what is missing`);
    }
    throw error;
  } finally {
    await radio.close();
  }
}

function backendOf(adapter: string, via: 'bluez' | 'hci' | undefined) {
  try {
    return radioBackend(adapter, via);
  } catch (error) {
    if (error instanceof RangeError) throw new CommandFailure(error.message, EXIT.badInput);
    throw error;
  }
}

async function scan(options: AdapterOptions & { readonly seconds: number }): Promise<void> {
  const heard = new Map<string, Advertisement>();
  await withRadio(options, async (radio) => {
    await radio.scan(
      (advertisement) => heard.set(advertisement.address, merged(heard, advertisement)),
      options.seconds * 1000,
      new AbortController().signal,
    );
  });
  const found = [...heard.values()].toSorted((a, b) => b.rssi - a.rssi);
  if (options.json) {
    return printJson(
      found.map((each) => ({
        address: each.address,
        addressType: each.addressType,
        name: each.name ?? null,
        rssi: each.rssi,
        what: whatIs(each),
      })),
    );
  }
  if (found.length === 0) return printLine('nothing was heard');
  printTable(
    ['address', 'type', 'rssi', 'name', 'what'],
    found.map((each) => [
      each.address,
      each.addressType,
      String(each.rssi),
      each.name ?? '',
      whatIs(each),
    ]),
  );
}

/** A name may come in one advertisement and be missing in the next. */
function merged(heard: ReadonlyMap<string, Advertisement>, next: Advertisement): Advertisement {
  const before = heard.get(next.address);
  return {
    ...next,
    name: next.name ?? before?.name,
    manufacturerData: next.manufacturerData ?? before?.manufacturerData,
  };
}

function whatIs({ manufacturerData, serviceData, services }: Advertisement): string {
  if (serviceData.has(PAIRING_SERVICE)) return 'Nuki lock, ready to pair';
  const beacon = manufacturerData && toHex(manufacturerData);
  if (beacon?.startsWith('4c000215') && beacon.slice(8, 40) === KEYTURNER_SERVICE) {
    return 'Nuki lock';
  }
  return services.includes('ffe0') ? 'serial module (relay board?)' : '';
}

async function pair(to: string, options: PairOptions): Promise<void> {
  if (existsSync(options.out)) {
    throw new CommandFailure(`${options.out} is there already`, EXIT.badInput);
  }
  const random = realRandom();
  // Before the lock is asked: a key that cannot be kept is an entry in the lock that nobody can use.
  const kept = openSync(options.out, 'wx', 0o600);
  const authorization = await withRadio(options, (radio) =>
    pairWith(
      opener(radio, to),
      {
        privateKey: random.bytes(32),
        nonce: random.bytes(32),
        appId: 0,
        name: options.name,
        as: options.as,
      },
      realClock(),
    ),
  ).catch((error: unknown) => {
    closeSync(kept);
    unlinkSync(options.out);
    throw error;
  });
  writeSync(
    kept,
    authorizationText(authorization.id, toHex(authorization.key), authorization.lock),
  );
  closeSync(kept);
  if (options.json)
    return printJson({ address: to, authorization: authorization.id, out: options.out });
  printLine(
    styled('green', `paired: authorization ${authorization.id}, written to ${options.out}`),
  );
  printLine(
    `Give it to the service: systemd-creds encrypt --name=NAME ${options.out} /etc/credstore.encrypted/latchkey.NAME`,
  );
}

async function unpair(to: string, options: UnpairOptions): Promise<void> {
  const authorization = readAuthorization(readFile(options.authorization));
  const pin = readPin(readFile(options.pin));
  if (typeof authorization === 'string') {
    throw new CommandFailure(`${options.authorization}: ${authorization}`, EXIT.badInput);
  }
  if (typeof pin === 'string') throw new CommandFailure(`${options.pin}: ${pin}`, EXIT.badInput);
  await withRadio(options, (radio) =>
    unpairFrom(opener(radio, to), { ...authorization, pin }, realClock(), realRandom()),
  );
  if (options.json) return printJson({ address: to, removed: authorization.authorization });
  printLine(styled('green', `authorization ${authorization.authorization} is out of the lock`));
}

async function doctor(options: AdapterOptions): Promise<void> {
  const backend = backendOf(options.adapter, options.via);
  const findings: Finding[] = [...checkAdapter(backend)];
  if (findings.every(({ state }) => state !== 'missing')) findings.push(...(await tried(options)));
  if (options.json) printJson(findings);
  else {
    for (const { state, what, remedy } of findings) {
      const style = state === 'there' ? 'green' : state === 'advice' ? 'yellow' : 'red';
      printLine(`${styled(style, state.padEnd(8))} ${what}`);
      if (remedy !== undefined && state !== 'there') printLine(`         ${remedy}`);
    }
  }
  if (findings.some(({ state }) => state === 'missing')) process.exitCode = EXIT.failed;
}

/** Starts the stack and listens: what no look at files can tell. */
async function tried({ adapter, via }: AdapterOptions): Promise<readonly Finding[]> {
  const clock = realClock();
  const lines: string[] = [];
  const radio = bleTransport({
    name: adapter,
    backend: radioBackend(adapter, via),
    clock,
    news: (news) => {
      if (news.kind === 'down' || news.kind === 'alarm') lines.push(news.why);
    },
  });
  const heard = new Set<string>();
  try {
    await radio.scan((each) => heard.add(each.address), 5000, new AbortController().signal);
    const what = `the stack starts, and hears ${heard.size} peripherals in 5 s`;
    if (heard.size > 0) return [{ state: 'there', what }];
    return [{ state: 'advice', what, remedy: 'an antenna, or something that advertises nearby' }];
  } catch (error) {
    const why = error instanceof LinkError ? error.message : String(error);
    return [{ state: 'missing', what: `the stack does not start: ${why}`, remedy: lines.at(-1) }];
  } finally {
    await radio.close();
  }
}

function opener(radio: BleRadio, to: string) {
  return (listener: GattListener) => radio.connect(to, 'random', listener, CONNECT_WITHIN);
}

function readFile(path: string): Uint8Array {
  try {
    return new Uint8Array(readFileSync(path));
  } catch {
    throw new CommandFailure(`${path} cannot be read`, EXIT.badInput);
  }
}

function address(text: string): string {
  if (!/^([0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}$/.test(text)) {
    throw new InvalidArgumentError('AA:BB:CC:DD:EE:FF');
  }
  return text.toLowerCase();
}

function count(text: string): number {
  const number = Number(text);
  if (!(number >= 1 && number <= 600)) throw new InvalidArgumentError('1 to 600');
  return number;
}
