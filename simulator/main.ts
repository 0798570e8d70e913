/**
 * `npm run simulate`: the hardware of a config on ptys and TCP ports, until it is told to stop; with `--sites`, many
 * whole sites on one broker instead.
 */
import { lstatSync, readFileSync, unlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { ConfigError } from '../drivers/contract/errors.ts';
import { simulatedKinds } from './devices/catalogue.ts';
import { seededRandom } from './random.ts';
import { DirectoryTaken, type Move, type Simulator, startSimulator } from './simulator.ts';
import { readHardware } from './site/hardware-file.ts';

const HELP = `Serves the hardware that a config describes: each serial bus on a pty, each gateway on a TCP port.

  npm run simulate -- [options]

  --config FILE      the config that the daemon runs with; config/demo.yaml by default
  --directory DIR    ports get their names in DIR/hardware; LATCHKEY_DIRECTORY of the config, /tmp/latchkey-demo
  --contents FILE    JSON list of {"device", "verb", "arguments"}: what is done by hand at the start; without it, the
                     keys of the config hang in their slots
  --port N           port of the control API, 4100 by default; a free one where it is taken
  --seed N           where chance begins, so that faults come in the same places again
  --json             prints one line of JSON once all is up
  --help             prints this

  npm run simulate -- --sites N [--backlog N] [--seconds N] [--spread MS] [--drain N] [--json]

Runs N light sites against one broker (mosquitto where it is installed), takes the broker away and gives it back, and
prints how connecting, events and backlogs went: N events a site while the broker is away, N seconds of ordinary life,
all connecting within MS, N events a second and site of a backlog. Ends with 1 if an event was lost or out of order.
`;

const DEMO = resolve(import.meta.dirname, '../config/demo.yaml');
const DEMO_DIRECTORY = '/tmp/latchkey-demo';

const moves = z.array(
  z.strictObject({
    device: z.string(),
    verb: z.string(),
    arguments: z.record(z.string(), z.json()).optional(),
  }),
);

/** Faults of the caller's; anything else is ours. */
class UsageError extends Error {
  override readonly name = 'UsageError';
}

const stopped = new Promise<void>((stop) => {
  process.once('SIGTERM', () => stop());
  process.once('SIGINT', () => stop());
});

process.exitCode = await main().catch((error: unknown) => {
  const isTheirs = [UsageError, ConfigError, DirectoryTaken, RangeError].some(
    (kind) => error instanceof kind,
  );
  if (!isTheirs || !(error instanceof Error)) throw error;
  process.stderr.write(`${error.message}\n`);
  return 2;
});

async function main(): Promise<number> {
  const line = process.argv.slice(2);
  if (line.some((word) => /^--sites(=|$)/.test(word)) && !line.includes('--help')) {
    const { fleetCommand } = await import('./site/fleet.ts'); // with the daemon in it: only for who asks
    return await fleetCommand(line);
  }
  const options = readOptions();
  if (options.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const file = resolve(options.config ?? DEMO);
  const directory = resolve(
    options.directory ?? process.env['LATCHKEY_DIRECTORY'] ?? DEMO_DIRECTORY,
  );
  forgetDeadLink(directory);
  const variables = new Map(
    Object.entries({ ...process.env, LATCHKEY_DIRECTORY: directory }).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, value] as const],
    ),
  );
  const { description, contents } = readHardware(file, variables);
  await using simulator = await startSimulator({
    description,
    directory: join(directory, 'hardware'),
    kinds: simulatedKinds,
    contents: options.contents === undefined ? contents : readMoves(options.contents),
    title: `Hardware of ${file}, simulated`,
    ...(options.port === undefined ? {} : { controlPort: wholeNumber('port', options.port) }),
    ...(options.seed === undefined
      ? {}
      : { random: seededRandom(wholeNumber('seed', options.seed)) }),
  });
  if (options.json) process.stdout.write(`${JSON.stringify(readyLine(simulator, directory))}\n`);
  else process.stdout.write(told(simulator, file));
  await stopped;
  return 0;
}

function readOptions() {
  try {
    return parseArgs({
      options: {
        config: { type: 'string' },
        directory: { type: 'string' },
        contents: { type: 'string' },
        port: { type: 'string' },
        seed: { type: 'string' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }).values;
  } catch (error) {
    throw new UsageError(`${error instanceof Error ? error.message : error}\n\n${HELP}`);
  }
}

function readMoves(file: string): readonly Move[] {
  let found: unknown;
  try {
    found = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new UsageError(`${file}: ${error instanceof Error ? error.message : error}`);
  }
  const read = moves.safeParse(found);
  if (!read.success) throw new UsageError(`${file}: ${z.prettifyError(read.error)}`);
  return read.data.map(({ device, verb, arguments: given }) => ({
    device,
    verb,
    ...(given === undefined ? {} : { arguments: given }),
  }));
}

function wholeNumber(name: string, text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new UsageError(`--${name} is a whole number, not "${text}"`);
  return Number(text);
}

/** A demo that ended leaves its name behind, leading nowhere. */
function forgetDeadLink(directory: string): void {
  const found = lstatSync(directory, { throwIfNoEntry: false });
  if (!found?.isSymbolicLink()) return;
  try {
    lstatSync(join(directory, '.'));
  } catch {
    unlinkSync(directory);
  }
}

function readyLine({ url, addresses, hardware }: Simulator, directory: string) {
  return {
    ready: true,
    simulator: url,
    directory,
    addresses,
    devices: hardware.deviceNames,
    unsimulated: hardware.unsimulated,
  };
}

function told({ url, addresses, hardware }: Simulator, file: string): string {
  const rows = hardware.busNames.map((name) => {
    const devices = [...(hardware.bus(name)?.devices.values() ?? [])]
      .map((device) => `${device.name} (${device.kind})`)
      .join(', ');
    return [name, addresses[name] ?? '', devices] as const;
  });
  const width = (column: 0 | 1) => Math.max(0, ...rows.map((row) => row[column].length));
  const lines = rows.map(
    ([name, address, devices]) =>
      `  ${name.padEnd(width(0))}  ${address.padEnd(width(1))}  ${devices}`,
  );
  const missing = hardware.unsimulated.map(({ name, why }) => `  not simulated: ${name}, ${why}`);
  return [
    `Hardware of ${file}`,
    '',
    ...lines,
    ...missing,
    '',
    `  control    ${url}/   lists what can be done by hand`,
    `  for example    curl -X POST -d '{"chance": 0.1}' ${url}/v1/buses/${hardware.busNames[0] ?? 'NAME'}/garble`,
    '',
    'Ctrl-C ends it.',
    '',
  ].join('\n');
}
