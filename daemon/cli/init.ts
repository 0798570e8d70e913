/** `latchkey init`: a config that starts with nothing connected, the keys of the box, and what its cloud needs of it. */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { parseConfig } from '../../config/load.ts';
import { BRIDGE_ID } from '../../config/online-schema.ts';
import { writeClientKey } from '../cloud/client-key.ts';
import { type Enrolment, enrol } from '../cloud/enrolment.ts';
import { keepOwner } from './commission-lock.ts';
import { CommandFailure, EXIT } from './failure.ts';
import { printJson, printLine, styled } from './output.ts';

interface InitOptions {
  readonly site: string;
  readonly zone: string;
  readonly directory: string;
  readonly store: string;
  readonly broker?: string;
  readonly bridge?: string;
  readonly json?: boolean;
}

const ROOT = 'latchkey';

export function initCommand(program: Command): void {
  program
    .command('init')
    .description('write a config that starts with nothing connected, and make the keys of this box')
    .requiredOption('--site <id>', 'never changes: stored codes belong to it; a-z, 0-9 and "-"')
    .addOption(
      new Option('--zone <zone>', 'time zone of the doors').default(
        Intl.DateTimeFormat().resolvedOptions().timeZone,
        'that of this machine',
      ),
    )
    .option('--directory <path>', 'where config.yaml and the secrets go', '/etc/latchkey')
    .option('--store <path>', 'where the daemon keeps what it must not lose', '/var/lib/latchkey')
    .option('--broker <url>', 'mqtts://HOST:PORT of the own cloud; without it, the box has none')
    .option('--bridge <id>', 'name of this box at its cloud; drawn if missing', bridgeId)
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Writes config.yaml, pin-pepper and, with --broker, trust.json and cloud-key.json; nothing that is there is changed,
but for a config.yaml that is still as the package left it.
cloud-key.json signs commands for this box: move it to the cloud, by hand, and delete it here.

Example:
  $ latchkey init --site harbour-12 --zone Europe/Stockholm --broker mqtts://broker.example.com:8883`,
    )
    .action((options: InitOptions) => init(options));
}

function init(options: InitOptions): void {
  const directory = resolve(options.directory);
  const store = resolve(options.store);
  const file = join(directory, 'config.yaml');
  const isPackaged = isAsPackaged(file);
  if (existsSync(file) && !isPackaged) {
    throw new CommandFailure(
      `${file} is there already; another --directory, or move it away`,
      EXIT.badInput,
    );
  }
  const bridge = options.bridge ?? `kb-${randomBytes(4).toString('hex')}`;
  const pepper = isPackaged ? undefined : join(directory, 'pin-pepper');
  const text = configText(options, store, bridge, pepper);
  parseConfig(text); // what was given is refused before anything is written
  mkdirSync(directory, { recursive: true, mode: 0o755 });

  if (pepper !== undefined && !existsSync(pepper)) {
    writeFileSync(pepper, randomBytes(32), { mode: 0o600 });
  }
  const enrolment =
    options.broker === undefined ? undefined : enrolWith(store, directory, bridge, options.broker);
  if (enrolment !== undefined) keepOwner(store);
  if (isPackaged) rmSync(file);
  writeFileSync(file, text, { mode: 0o644, flag: 'wx' });

  const made = {
    config: file,
    ...(pepper === undefined ? {} : { pepper }),
    ...(enrolment === undefined
      ? {}
      : {
          bridge,
          cloudKey: join(directory, 'cloud-key.json'),
          publicSealing: enrolment.identity.publicSealing,
          publicSigning: enrolment.identity.publicSigning,
        }),
  };
  if (options.json === true) printJson(made);
  else tell(made, store);
}

/** The sender's key goes into a file of its own, to be carried to the cloud. */
function enrolWith(store: string, directory: string, bridge: string, broker: string): Enrolment {
  const key = join(directory, 'cloud-key.json');
  if (existsSync(key)) throw new CommandFailure(`${key} is there already`, EXIT.badInput);
  const enrolment = enrol(
    store,
    bridge,
    ROOT,
    [`cc-${bridge.slice(3)}`, `ops-${bridge.slice(3)}`],
    broker,
  );
  const [sender, operations] = enrolment.senders;
  if (sender !== undefined) writeClientKey(key, sender);
  if (operations !== undefined) writeClientKey(join(directory, 'cloud-ops-key.json'), operations);
  return enrolment;
}

function configText(
  { site, zone, broker }: InitOptions,
  store: string,
  bridge: string,
  pepper: string | undefined,
): string {
  const cloud =
    broker === undefined
      ? ''
      : `
cloud:
  mqtt:
    url: ${JSON.stringify(broker)}
    bridgeId: ${bridge}
    trust: ${JSON.stringify(join(store, 'trust.json'))}
`;
  return `# Check with \`latchkey check-config\`; config/example.yaml explains every setting.
site:
  id: ${JSON.stringify(site)}
  zone: ${JSON.stringify(zone)}

store:
  directory: ${JSON.stringify(store)}

secrets:
  pinPepper: ${JSON.stringify(pepper === undefined ? 'credential:pin-pepper' : `file:${pepper}`)}

# Wires, what is on them, and where people stand; \`latchkey commission\` helps to find them.
buses: {}
devices: {}
accessPoints: {}
${cloud}`;
}

function tell(
  made: {
    readonly config: string;
    readonly pepper?: string;
    readonly bridge?: string;
    readonly cloudKey?: string;
    readonly publicSealing?: object;
    readonly publicSigning?: object;
  },
  store: string,
): void {
  printLine(`${styled('green', 'written')}  ${made.config}`);
  printLine(
    made.pepper === undefined
      ? '         the pepper, what stored codes are worth, is the one that the package made'
      : `         ${made.pepper}: what stored codes are worth; keep a copy apart from the backups`,
  );
  if (made.bridge !== undefined) {
    printLine();
    printLine(`For the cloud, by hand, never over a topic:`);
    printLine(`  bridge        ${made.bridge}`);
    printLine(`  sealing key   ${JSON.stringify(made.publicSealing)}`);
    printLine(`  signing key   ${JSON.stringify(made.publicSigning)}`);
    printLine(
      `  ${made.cloudKey}: signs commands for this box; move it to the cloud and delete it here`,
    );
  }
  printLine();
  printLine(
    made.pepper === undefined
      ? `Next: name its wires in ${made.config}, latchkey check-config ${made.config}, latchkey commission`
      : `Next: latchkey check-config ${made.config} && latchkey run --config ${made.config}`,
  );
  printLine(`The daemon keeps its store in ${store}.`);
}

/** The config that the package left, which nobody has touched: its pepper is made already, and sealed to the machine. */
function isAsPackaged(file: string): boolean {
  const packaged = resolve(import.meta.dirname, '../../config/packaged.yaml');
  return existsSync(file) && readFileSync(file).equals(readFileSync(packaged));
}

function bridgeId(text: string): string {
  if (BRIDGE_ID.test(text)) return text;
  throw new InvalidArgumentError('kb- and 6 to 12 of a-z and 0-9');
}
