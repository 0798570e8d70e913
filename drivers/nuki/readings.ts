/** Jobs that only read, or set the clock: states, config, battery, log, time. */
import { uptime } from '../contract/time.ts';
import { REPLY_WITHIN, waitLonger } from './exchange.ts';
import { COMMAND, type Message } from './frame.ts';
import { parseLogEntry } from './log-entry.ts';
import { takeBattery, takeConfig } from './observations.ts';
import { REQUEST_CONFIG, type Request, requestData, requestLog, updateTime } from './requests.ts';
import { parseBatteryReport, parseConfig } from './states.ts';
import { dropJob, hasPin, type Job, replaceJob, type Talk, type Turn, tell, want } from './talk.ts';

export type Reading = Extract<Job, { kind: 'states' | 'config' | 'battery' | 'time' | 'log' }>;

const DAY = 86_400_000;
const TRIES_MAX = 2;
const LOG_PAGE = 20;

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
      if (!hasPin(talk)) break;
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
    replaceJob(talk, { ...job, entries: [...job.entries, payload] });
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
  const isFirst =
    talk.logIndex === undefined || job.entries.length < LOG_PAGE || entries.length === 0;
  if (isFirst) {
    talk.logIndex ??= 0;
    dropJob(talk);
  } else replaceJob(talk, { ...job, entries: [] });
  return true;
}
