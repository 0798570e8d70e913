/**
 * The daemon as a process, until it is asked to stop. Doors first: what is imported here is what a first decision
 * needs; all else (`daemon-rest.ts`) is loaded once whoever stood there has an answer.
 */
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { remoteDevicesFile } from '../../config/remote-devices-file.ts';
import type { Config } from '../../config/schema.ts';
import { readConfigText } from '../../config/text.ts';
import {
  type Clock,
  type Instant,
  instant,
  type Millis,
  pause,
} from '../../drivers/contract/time.ts';
import { drivers } from '../../drivers/drivers.ts';
import { openersOf } from '../configured/openers.ts';
import { type Core, type CoreOutside, openCore } from '../core.ts';
import { machineBoot } from '../platform/boot.ts';
import { realClock } from '../platform/clock.ts';
import { readHardwareClock } from '../platform/hardware-clock.ts';
import { keepPausesShort, keepSlabsSmall } from '../platform/heap.ts';
import { LateLog } from '../platform/late-log.ts';
import { LateRadios } from '../platform/late-radios.ts';
import { realRandom } from '../platform/random.ts';
import { lastTimeContact } from '../platform/time-contact.ts';
import { checkedBefore } from '../start/checked-config.ts';
import { countStart, forgetStarts } from '../start/starts.ts';
import { type Journal, StorageError } from '../store/ports.ts';
import { BUILT_AT } from './built-at.ts';
import { CommandFailure, EXIT, orSay } from './failure.ts';

export interface RunOptions {
  /** The file. */
  readonly config: string;
  /** For the `${NAME}`s in it. */
  readonly set: ReadonlyMap<string, string>;
  /** What has not ended so long after it was asked to stop is ended. */
  readonly stopWithin: Millis;
  /** Told once, before anything else is loaded: whether the first that stood there was answered. */
  readonly begun?: (hasAnswered: boolean) => void;
}

/** Nothing else is done by this process. It writes to no stream of Node's, whose making takes 1.5 ms. */
export function runDaemonAlone(options: RunOptions): Promise<void> {
  return orSay(() => runDaemon(options));
}

/** @throws ConfigError, CommandFailure for what an operator can mend; all else is ours, and ends it with its trace. */
export async function runDaemon(options: RunOptions): Promise<void> {
  keepSlabsSmall();
  try {
    await run(options);
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    throw error.code === 'fenced'
      ? new CommandFailure(error.message, EXIT.fenced)
      : new CommandFailure(`the store cannot be used: ${error.message}`);
  }
}

async function run({ config: file, set, stopWithin, begun }: RunOptions): Promise<void> {
  const text = readConfigText(file);
  // What `--set` gives may be a secret, and is written nowhere.
  const cache = set.size === 0 ? process.env['CACHE_DIRECTORY'] : undefined;
  // In the bundle the name of this file changes with all that is loaded from it.
  const program = `${ownVersion()} ${import.meta.url}`;
  const copy = { directory: cache, program, text };
  const read = checkedBefore(copy) ?? (await parsed(text, set, file));
  const log = new LateLog(read.log.level);
  const clock = realClock();
  const { directory } = read.store;
  const safeMode = countStart(directory, clock.now());
  const allowed = (all: Config): Config =>
    safeMode ? { ...all, vendors: {}, homeAssistant: undefined } : all;
  const config = allowed(read);
  if (safeMode) log.error('safe-mode', { without: 'vendors, homeAssistant' });
  const stopping = stopSignal((signal) => {
    log.info('stopping', { signal });
    // What does not end in time is ended: the service manager would do it with less grace (conventions 3.5).
    const overdue = () => {
      log.error('stop-overdue', {});
      endAtOnce();
    };
    setTimeout(overdue, stopWithin).unref();
  });

  await using radios = new LateRadios(async () => {
    const { Radios } = await import('../platform/ble-backend.ts');
    return new Radios(clock, (adapter, news) => {
      if (news.kind === 'alarm') log.error('radio-alarm', { adapter, why: news.why });
      else if (news.kind === 'down') log.warn('radio-down', { adapter, why: news.why });
      else if (news.kind === 'up') log.info('radio-up', { adapter });
      else log.debug('radio', { adapter, line: news.line });
    });
  });
  if (Object.values(config.buses).some(({ ble }) => ble !== undefined)) await radios.load();
  const boot = machineBoot();
  const outside: CoreOutside = {
    clock,
    random: realRandom(),
    secrets: { credentialsDirectory: process.env['CREDENTIALS_DIRECTORY'] },
    log: (event, fields) => log.info(event, fields),
    logLevel: (level) => log.from(level),
    openers: (now) =>
      openersOf(now, {
        clock,
        catalogue: drivers,
        radios,
        advise: (bus, advice) => log.warn('port-advice', { bus, advice }),
      }),
    lastTimeContact:
      config.site.policies.clockSource === 'assumed' ? contactAtAnyTime(clock) : lastTimeContact,
    hardwareClock: readHardwareClock,
    versions: {
      latchkey: ownVersion(),
      node: process.versions.node,
      tzdata: process.versions['tz'] ?? '',
    },
    ...(boot === undefined ? {} : { boot }),
    builtAt: instant(BUILT_AT),
    safeMode,
  };
  // Devices that were changed from afar are laid over the file first, and checked with it.
  const isComplete = !existsSync(remoteDevicesFile(directory));
  await using core = isComplete ? await openCore(config, outside) : undefined;
  const failed = new AbortController();
  const until = AbortSignal.any([stopping, failed.signal]);
  // Where the rest of the start fails, what runs already is ended in good order before its parts are taken away.
  await using unfinished = new AsyncDisposableStack();
  if (core !== undefined && isSettled(core)) {
    const running = core.run(until);
    unfinished.defer(async () => {
      failed.abort();
      await Promise.allSettled([running]); // a failure of its own was thrown below
    });
    begun?.(await firstAnswer(core.opened.journal, clock));
  }
  // Not before: V8 takes compiled code back only under the flags under which it was kept.
  keepPausesShort();
  await radios.load();
  const { runRest } = await import('./daemon-rest.ts');
  const { isFenced } = await runRest({
    ...{ text, set, read, config, allowed, outside, core, log, stopping, until },
    copy,
    fail: () => failed.abort(),
  });
  forgetStarts(directory);
  log.info('stopped', {});
  if (isFenced) process.exitCode = EXIT.fenced;
}

/** Nothing of the config is still to be told to the store. */
function isSettled(core: Core): boolean {
  const { changes, places } = core.configuredKeys();
  return changes.length + places.length === 0;
}

/** Where the text is not the one of the last start. */
async function parsed(text: string, variables: RunOptions['set'], file: string): Promise<Config> {
  const { parseConfig } = await import('../../config/load.ts');
  return parseConfig(text, { variables, file });
}

/** As long as it takes to open a port and read what was typed. */
const FIRST_ANSWER_MS = 100;

/** Resolves when somebody was granted or denied something (`true`), or nobody stands there. */
async function firstAnswer(journal: Journal, clock: Clock): Promise<boolean> {
  const answered = new AbortController();
  const unfollow = journal.follow((entries) => {
    if (entries.some(({ type }) => ANSWERS.includes(type))) answered.abort();
  });
  await pause(clock, FIRST_ANSWER_MS, answered.signal);
  unfollow();
  return answered.signal.aborted;
}

const ANSWERS: readonly string[] = ['access.granted', 'access.denied'];

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
