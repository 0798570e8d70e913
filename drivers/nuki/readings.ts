/** Jobs that only read, or set the clock: states, config, battery, log, time. */
import { uptime } from '../contract/time.ts';
import { REPLY_WITHIN, waitLonger } from './exchange.ts';
import { COMMAND, type Message } from './frame.ts';
import { parseLogEntry } from './log-entry.ts';
import { takeBattery, takeConfig } from './observations.ts';
import { REQUEST_CONFIG, type Request, requestData, requestLog, updateTime } from './requests.ts';
import { parseBatteryReport, parseConfig } from './states.ts';
import {
  clear,
  dropJob,
  hasPin,
  type Job,
  raise,
  replaceJob,
  type Talk,
  type Turn,
  tell,
  want,
} from './talk.ts';

export type Reading = Extract<Job, { kind: 'states' | 'config' | 'battery' | 'time' | 'log' }>;

const DAY = 86_400_000;
const TRIES_MAX = 2;
const LOG_PAGE = 20;
/** Read in one go; a lock that was away for long tells the rest at the next. */
const LOG_PAGES = 10;
/** No door is moved so often. */
const LOG_A_DAY = 1000;

export function nextOfReading(turn: Turn, talk: Talk, job: Reading): Request | undefined {
  switch (job.kind) {
    case 'states':
      return requestData(COMMAND.states);
    case 'battery':
      return requestData(COMMAND.batteryReport);
    case 'config':
      return REQUEST_CONFIG;
    case 'time': {
      const wall = turn.bus.wall?.();
      if (wall !== undefined && hasPin(talk)) return updateTime(wall);
      break;
    }
    case 'log': {
      if (!hasPin(talk) || isTalkative(turn, talk)) break;
      const { logIndex } = talk;
      return logIndex === undefined
        ? requestLog(0, talk.options.logEntries, 'descending', false)
        : requestLog(logIndex, LOG_PAGE, 'ascending', false);
    }
  }
  dropJob(talk);
  return undefined;
}

/** `true` ends the exchange; the job has been dropped or goes on by itself. */
export function hearOfReading(turn: Turn, talk: Talk, job: Reading, message: Message): boolean {
  const { command, payload } = message;
  switch (job.kind) {
    case 'states':
      if (command !== COMMAND.states) return false;
      if (job.actuation !== undefined) {
        const told = { result: 'done', sent: true, acknowledged: true, observed: true } as const;
        tell(turn, talk, job.actuation.id, told);
      }
      break;
    case 'config': {
      const config = command === COMMAND.config ? parseConfig(payload) : undefined;
      if (config === undefined) return false;
      takeConfig(turn, talk, config);
      break;
    }
    case 'battery': {
      const report = command === COMMAND.batteryReport ? parseBatteryReport(payload) : undefined;
      if (report === undefined) return false;
      takeBattery(turn, talk, report);
      break;
    }
    case 'time':
      if (command !== COMMAND.status || payload[0] !== 0) return false;
      talk.timeAt = uptime(turn.now + DAY);
      dropJob(talk);
      want(talk, 'states'); // read back: the clock is only right once it is seen to be
      return true;
    case 'log':
      return hearOfLog(turn, talk, job, message);
  }
  dropJob(talk);
  return true;
}

/** A reading that failed comes again with the next poll. */
export function readingFailed(turn: Turn, talk: Talk, job: Reading, detail: string): void {
  if (job.kind === 'states' && job.actuation !== undefined) {
    const nothing = { acknowledged: false, observed: false };
    tell(turn, talk, job.actuation.id, { result: 'failed', sent: true, ...nothing, detail });
  }
  if (job.kind === 'time') talk.timeAt = uptime(turn.now + DAY / 24);
  dropJob(talk);
}

export function readingLost(turn: Turn, talk: Talk, job: Reading, why: string): void {
  if (job.tries + 1 >= TRIES_MAX) readingFailed(turn, talk, job, why);
  else if (job.kind === 'log') replaceJob(talk, { ...job, tries: job.tries + 1, entries: [] });
  else replaceJob(talk, { ...job, tries: job.tries + 1 });
}

function hearOfLog(
  turn: Turn,
  talk: Talk,
  job: Extract<Reading, { kind: 'log' }>,
  { command, payload }: Message,
): boolean {
  if (command === COMMAND.logEntry) {
    waitLonger(turn, talk, REPLY_WITHIN);
    const most = talk.logIndex === undefined ? talk.options.logEntries : LOG_PAGE;
    if (job.entries.length < most) {
      replaceJob(talk, { ...job, entries: [...job.entries, payload] });
    }
    return false;
  }
  if (command !== COMMAND.status || payload[0] !== 0) return false;
  const known = new Map((talk.codes ?? []).map(({ id, tag }) => [id, tag]));
  const entries = job.entries
    .map((each) => parseLogEntry(each, talk.credentials.authorization, (id) => known.get(id)))
    .filter((entry) => entry !== undefined)
    .filter(({ index }) => index > (talk.logIndex ?? 0))
    .toSorted((a, b) => a.index - b.index);
  for (const entry of entries) {
    turn.events.push({ kind: 'device-log', device: talk.id, ...entry });
    talk.logIndex = entry.index;
  }
  talk.logTold = { ...talk.logTold, entries: talk.logTold.entries + entries.length };
  const pages = job.pages + 1;
  const isLast =
    talk.logIndex === undefined ||
    job.entries.length < LOG_PAGE ||
    entries.length === 0 ||
    pages >= LOG_PAGES;
  if (isLast) {
    talk.logIndex ??= 0;
    dropJob(talk);
  } else replaceJob(talk, { ...job, entries: [], pages });
  return true;
}

/** It tells more than can be true: nothing is read of it until the day is over. */
function isTalkative(turn: Turn, talk: Talk): boolean {
  if (turn.now - talk.logTold.since >= DAY) {
    talk.logTold = { since: turn.now, entries: 0 };
    clear(turn, talk, 'garbage', 'its log is read again');
  }
  if (talk.logTold.entries < LOG_A_DAY) return false;
  raise(turn, talk, 'garbage', `its log has more than ${LOG_A_DAY} new entries a day`);
  return true;
}
