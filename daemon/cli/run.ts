/** `latchkey run`: the daemon itself, until it is asked to stop. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { parseConfig, readConfigText } from '../../config/load.ts';
import type { MqttAccess } from '../../config/online-schema.ts';
import type { Config } from '../../config/schema.ts';
import type { SecretSource } from '../../config/secrets.ts';
import {
  type Clock,
  type Instant,
  instant,
  type Millis,
  pause,
} from '../../drivers/contract/time.ts';
import { drivers } from '../../drivers/drivers.ts';
import type { Broker } from '../cloud/broker.ts';
import { openersOf } from '../openers.ts';
import { Radios } from '../platform/ble-backend.ts';
import { machineBoot } from '../platform/boot.ts';
import { realClock } from '../platform/clock.ts';
import { readHardwareClock } from '../platform/hardware-clock.ts';
import { UndiciClient } from '../platform/http-client.ts';
import { openLog } from '../platform/log.ts';
import { realRandom } from '../platform/random.ts';
import { openServiceManager } from '../platform/service-manager.ts';
import { lastTimeContact } from '../platform/time-contact.ts';
import { countStart, forgetStarts } from '../starts.ts';
import { JournalThread } from '../store/journal-writer.ts';
import { type Journal, StorageError } from '../store/ports.ts';
import { isAllowed } from '../vendors/webhook-target.ts';
import { type Outside, wire } from '../wiring.ts';
import { BUILT_AT } from './built-at.ts';
import { CommandFailure, EXIT } from './output.ts';
import { lengthOption, variableOption } from './variables.ts';

interface RunOptions {
  readonly config: string;
  readonly set: ReadonlyMap<string, string>;
  readonly stopWithin: Millis;
}

export function runCommand(program: Command): void {
  program
    .command('run')
    .description('run the daemon until it is asked to stop (SIGTERM)')
    .requiredOption('--config <file>', 'the site, as `latchkey check-config` accepts it')
    .addOption(variableOption())
    .addOption(
      lengthOption('--stop-within <time>', 'what has not ended by then is ended, 1s to 15s', {
        from: '1s',
        to: '15s',
      }),
    )
    .addHelpText(
      'after',
      '\nExample:\n  $ latchkey run --config /etc/latchkey/config.yaml\n\nExit status: 0 asked to stop, 1 it could not start, 2 the config is wrong, 3 another unit of the site acts now. Asked twice, or not at its end in time, it ends itself by SIGKILL: nothing that was acknowledged is lost.',
    )
    .action((options: RunOptions) => run(options).catch(tellWhatCanBeMended));
}

async function run({ config: file, set, stopWithin }: RunOptions): Promise<void> {
  await using journalThread = new JournalThread(); // starts while the config is read
  const text = readConfigText(file);
  const whole = parseConfig(text, { variables: set });
  const log = openLog(whole.log.level);
  const clock = realClock();
  const { directory } = whole.store;
  const safeMode = countStart(directory, clock.now());
  const allowed = (all: Config): Config =>
    safeMode ? { ...all, vendors: {}, homeAssistant: undefined } : all;
  const config = allowed(whole);
  if (safeMode) log.error('safe-mode', { without: 'vendors, homeAssistant' });
  const secrets: SecretSource = { credentialsDirectory: process.env['CREDENTIALS_DIRECTORY'] };
  const manager = await openServiceManager(process.env, process.pid, (why) =>
    log.warn('service-manager', { why }),
  );
  const stopping = stopSignal((signal) => {
    log.info('stopping', { signal });
    manager.stopping();
    // What does not end in time is ended: the service manager would do it with less grace (conventions 3.5).
    const overdue = () => {
      log.error('stop-overdue', {});
      endAtOnce();
    };
    setTimeout(overdue, stopWithin).unref();
  });

  await using radios = new Radios(clock, (adapter, news) => {
    if (news.kind === 'alarm') log.error('radio-alarm', { adapter, why: news.why });
    else if (news.kind === 'down') log.warn('radio-down', { adapter, why: news.why });
    else if (news.kind === 'up') log.info('radio-up', { adapter });
    else log.debug('radio', { adapter, line: news.line });
  });
  await using http = new UndiciClient({ allows: isAllowed });
  const boot = machineBoot();
  const outside: Outside = {
    clock,
    random: realRandom(),
    secrets,
    log: (event, fields) => log.info(event, fields),
    reconfigured: (remote) => allowed(parseConfig(text, { variables: set, remote })),
    logLevel: (level) => log.from(level),
    openers: (now) =>
      openersOf(now, {
        clock,
        catalogue: drivers,
        radios,
        advise: (bus, advice) => log.warn('port-advice', { bus, advice }),
      }),
    broker: await brokerAt(config.cloud?.mqtt, 'cloud.mqtt', secrets),
    homeAssistant: await brokerAt(config.homeAssistant, 'homeAssistant', secrets),
    http,
    lastTimeContact:
      config.site.policies.clockSource === 'assumed' ? contactAtAnyTime(clock) : lastTimeContact,
    hardwareClock: readHardwareClock,
    versions: {
      latchkey: ownVersion(),
      node: process.versions.node,
      tzdata: process.versions['tz'] ?? '',
    },
    watchdog: { alive: () => manager.alive(), every: manager.watchdogMs },
    ...(boot === undefined ? {} : { boot }),
    builtAt: instant(BUILT_AT),
    safeMode,
    journalThread,
    updates: process.env['LATCHKEY_UPDATES'],
  };
  await using daemon = await wire(config, outside);
  // Where the rest of the start fails, what runs already is ended in good order before its parts are taken away.
  const failed = new AbortController();
  const running = daemon.run(AbortSignal.any([stopping, failed.signal]));
  await using unfinished = new AsyncDisposableStack();
  unfinished.defer(async () => {
    failed.abort();
    await Promise.allSettled([running]); // a failure of its own was thrown below
  });
  // Doors open already; the server is loaded once whoever stood there meanwhile has an answer.
  await firstAnswer(daemon.desk.journal, clock);
  const { serveApi } = await import('./api-server.ts');
  await using api = await serveApi({
    config,
    desk: daemon.desk,
    vendors: daemon.vendors,
    secrets,
    broken: (error, where) => log.error('api-broke', { where, error }),
  });
  log.info('started', {
    site: config.site.id,
    directory: config.store.directory,
    api: api.url,
  });
  manager.ready();
  await running;
  forgetStarts(directory);
  log.info('stopped', {});
  if (daemon.fenced.aborted) process.exitCode = EXIT.fenced;
}

/** As long as it takes to open a port and read what was typed. */
const FIRST_ANSWER_MS = 100;

/** Resolves when somebody was granted or denied something, or nobody stands there. */
async function firstAnswer(journal: Journal, clock: Clock): Promise<void> {
  const answered = new AbortController();
  const unfollow = journal.follow((entries) => {
    if (entries.some(({ type }) => ANSWERS.includes(type))) answered.abort();
  });
  await pause(clock, FIRST_ANSWER_MS, answered.signal);
  unfollow();
}

const ANSWERS: readonly string[] = ['access.granted', 'access.denied'];

/** What speaks MQTT is loaded where something is to be spoken to. */
async function brokerAt(
  access: MqttAccess | undefined,
  where: string,
  secrets: SecretSource,
): Promise<Broker | undefined> {
  if (access === undefined) return undefined;
  const { brokerOf } = await import('./broker-access.ts');
  return brokerOf(access, where, secrets);
}

/** The first asks to stop, the second stops at once. */
function stopSignal(asked: (signal: string) => void): AbortSignal {
  const controller = new AbortController();
  const stop = (signal: NodeJS.Signals) => {
    if (controller.signal.aborted) endAtOnce();
    asked(signal);
    controller.abort();
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  return controller.signal;
}

/** Not `process.exit`, which waits for each thread: one that closes a port whose driver hangs never comes back. */
function endAtOnce(): never {
  process.kill(process.pid, 'SIGKILL');
  return process.exit(EXIT.failed);
}

/** Something else sees to the clock: each look at it is as good as a contact. */
function contactAtAnyTime(clock: Clock): () => Instant {
  return () => clock.now();
}

function ownVersion(): string {
  const text = readFileSync(resolve(import.meta.dirname, '../../package.json'), 'utf8');
  const found: unknown = JSON.parse(text);
  return typeof found === 'object' && found !== null && 'version' in found
    ? String(found.version)
    : '';
}

/** What an operator can mend is told in a line; all else is ours, and ends the daemon with its trace. */
function tellWhatCanBeMended(error: unknown): never {
  if (!(error instanceof StorageError)) throw error;
  throw error.code === 'fenced'
    ? new CommandFailure(error.message, EXIT.fenced)
    : new CommandFailure(`the store cannot be used: ${error.message}`);
}
