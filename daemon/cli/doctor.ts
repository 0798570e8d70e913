/** `latchkey doctor`: everything around the daemon that it needs, looked at without changing anything. */
import type { Command } from 'commander';
import { loadConfig } from '../../config/load.ts';
import type { Config } from '../../config/schema.ts';
import type { SecretSource } from '../../config/secrets.ts';
import { ConfigError } from '../../drivers/contract/errors.ts';
import { accountOf } from '../doctor/account.ts';
import { addressFinding, healthFindings } from '../doctor/daemon.ts';
import { AREAS, advice, type Finding, fault, well } from '../doctor/finding.ts';
import { clockFindings, diskFindings, serviceFindings, storeFindings } from '../doctor/machine.ts';
import { brokerFindings, vendorFindings } from '../doctor/online.ts';
import { secretFindings } from '../doctor/secrets.ts';
import { wireFindings } from '../doctor/wires.ts';
import { realClock } from '../platform/clock.ts';
import { UndiciClient } from '../platform/http-client.ts';
import { lastTimeContact } from '../platform/time-contact.ts';
import { brokerOf } from './broker-access.ts';
import { BUILT_AT } from './built-at.ts';
import { isAlive } from './commission-lock.ts';
import { EXIT } from './failure.ts';
import { givenHead } from './given-file.ts';
import { printJson, printLine, styled } from './output.ts';
import { working } from './progress.ts';
import { readRunFile } from './run-file.ts';
import { variableOption } from './variables.ts';

interface DoctorOptions {
  readonly config: string;
  readonly set: ReadonlyMap<string, string>;
  readonly json?: boolean;
}

export function doctorCommand(program: Command): void {
  program
    .command('doctor')
    .description('look at everything that the daemon needs, and say what would mend it')
    .option('--config <file>', 'the site', '/etc/latchkey/config.yaml')
    .addOption(variableOption())
    .option('--json', 'print {"ok", "findings"} as JSON')
    .addHelpText(
      'after',
      `
Looks at the config, secrets and their modes, the store, the disk, serial ports, gateways and radios, the clock, the
API, the broker (and how long it takes to acknowledge a message), clouds of vendors, and the service. Best as root:
then it sees what the service sees. Nothing is changed, and nothing opens.

Examples:
  $ sudo latchkey doctor
  $ latchkey doctor --config config.yaml --json

Exit status: 0 nothing is wrong (there may be advice), 1 something is, 2 there is no such config.`,
    )
    .action((options: DoctorOptions) => doctor(options));
}

async function doctor(options: DoctorOptions): Promise<void> {
  // No config at all is most often a name mistyped; one with faults is a finding like others.
  givenHead(options.config, 1);
  const findings = await working('looking', () => examine(options));
  const ok = findings.every(({ state }) => state !== 'fault');
  if (!ok) process.exitCode = EXIT.failed;
  if (options.json) printJson({ ok, findings });
  else print(findings);
}

async function examine({ config: file, set }: DoctorOptions): Promise<readonly Finding[]> {
  let config: Config;
  try {
    config = loadConfig(file, { variables: set });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.faults.map(({ path, found, remedy }) =>
      fault('config', `${path === '' ? file : path}: found ${found}`, remedy),
    );
  }
  const { directory } = config.store;
  const account = accountOf(directory);
  const secrets: SecretSource = { credentialsDirectory: process.env['CREDENTIALS_DIRECTORY'] };
  const running = readRunFile(directory);
  const isRunning = running !== undefined && isAlive(running.pid);
  const clock = realClock();
  await using http = new UndiciClient();
  const found = await Promise.all([
    [well('config', file)],
    secretFindings(config, account, secrets.credentialsDirectory),
    storeFindings(directory, account),
    diskFindings(directory),
    wireFindings(config, account, isRunning),
    clockFindings(
      clock.now(),
      BUILT_AT,
      lastTimeContact(),
      config.site.policies.clockSource === 'assumed',
    ),
    isRunning ? healthFindings(running) : addressFinding(config.api.listen).then((one) => [one]),
    broker(config, secrets),
    vendorFindings(config, http),
    serviceFindings(),
  ]);
  return found.flat();
}

/** Its password may be one that only the service is given. */
function broker(config: Config, secrets: SecretSource): Promise<readonly Finding[]> {
  try {
    const access = brokerOf(config.cloud?.mqtt, 'cloud.mqtt', secrets);
    return brokerFindings(config, access, realClock());
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const remedy =
      'systemd-run with the same LoadCredentialEncrypted= shows it as the service sees it';
    return Promise.resolve([advice('broker', `cannot be tried from here: ${why}`, remedy)]);
  }
}

const SIGNS = {
  well: ['green', 'well  '],
  advice: ['yellow', 'advice'],
  fault: ['red', 'FAULT '],
} as const;

function print(findings: readonly Finding[]): void {
  for (const area of AREAS) {
    for (const { state, what, remedy } of findings.filter((each) => each.area === area)) {
      const [colour, sign] = SIGNS[state];
      printLine(`${styled(colour, sign)}  ${area.padEnd(8)} ${what}`);
      if (remedy !== undefined) printLine(`                  ${styled('dim', `-> ${remedy}`)}`);
    }
  }
  const faults = findings.filter(({ state }) => state === 'fault').length;
  const hints = findings.filter(({ state }) => state === 'advice').length;
  printLine();
  printLine(
    faults === 0
      ? `${styled('green', 'Nothing is wrong')}, ${hints} ${hints === 1 ? 'piece' : 'pieces'} of advice.`
      : styled('red', `${faults} ${faults === 1 ? 'thing is' : 'things are'} wrong.`),
  );
}
