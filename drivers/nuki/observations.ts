/** What the lock says of itself, and what of it is news. */
import { uptime } from '../contract/time.ts';
import { forecast, percentOf, withSample } from './battery.ts';
import type { BatteryReport, KeyturnerStates, LockConfig } from './states.ts';
import { clear, count, hasPin, raise, type Talk, type Turn, want } from './talk.ts';

/** More than this from true time, and the windows of codes are wrong. */
const DRIFT_MAX_MS = 60_000;
/** Less than this, and a person should buy batteries. */
const WARN_DAYS = 14;

export function seen(turn: Turn, talk: Talk): void {
  talk.statistics = { ...talk.statistics, lastSeen: turn.now };
  count(talk, 'replies');
  if (talk.isOnline === true) return;
  talk.isOnline = true;
  turn.events.push({ kind: 'online', device: talk.id });
}

/** Nothing that was known before holds any more. */
export function goOffline(turn: Turn, talk: Talk, why: string): void {
  if (talk.isOnline === false) return;
  talk.isOnline = false;
  talk.states = undefined;
  turn.events.push({ kind: 'offline', device: talk.id, why });
}

/** `anew`: everything is told, as a state and not as a change. */
export function takeStates(turn: Turn, talk: Talk, states: KeyturnerStates, anew: boolean): void {
  const before = talk.states;
  const first = anew || before === undefined;
  talk.states = states;
  const device = talk.id;
  if (first || before.state !== states.state) {
    turn.events.push({ kind: 'lock-state', device, state: states.state, first });
  }
  if (states.doorOpen !== undefined && (first || before.doorOpen !== states.doorOpen)) {
    turn.events.push({ kind: 'door-contact', device, isOpen: states.doorOpen, first });
  }
  if (states.state === 'jammed') raise(turn, talk, 'jammed', 'the lock reports a blocked motor');
  else if (states.state === 'locked' || states.state === 'unlocked') {
    clear(turn, talk, 'jammed', `the lock is ${states.state}`);
  }
  if (before !== undefined && before.configCount !== states.configCount) want(talk, 'config');
  if (states.batteryPercent === undefined && talk.measuredPercent === undefined)
    want(talk, 'battery');
  battery(turn, talk, states);
  drift(turn, talk, states);
}

export function takeConfig(turn: Turn, talk: Talk, config: LockConfig): void {
  const isNews = talk.config === undefined || talk.config.firmware !== config.firmware;
  talk.config = config;
  if (!isNews) return;
  turn.events.push({
    kind: 'identity',
    device: talk.id,
    model: config.hasKeypad ? 'Nuki Smart Lock with keypad' : 'Nuki Smart Lock',
    serial: config.id.toString(16).padStart(8, '0'),
    firmware: config.firmware,
  });
}

export function takeBattery(turn: Turn, talk: Talk, report: BatteryReport): void {
  talk.measuredPercent = percentOf(report.lowestMillivolts || report.millivolts);
  if (talk.states !== undefined) battery(turn, talk, talk.states);
}

function battery(turn: Turn, talk: Talk, states: KeyturnerStates): void {
  const percent = states.batteryPercent ?? talk.measuredPercent;
  const critical = states.batteryCritical;
  if (percent !== undefined) {
    talk.samples = withSample(talk.samples, { at: turn.now, percent });
    const told = `${percent} ${critical}`;
    if (told !== talk.toldBattery) {
      talk.toldBattery = told;
      turn.events.push({ kind: 'battery', device: talk.id, percent, critical });
    }
  }
  const ahead = forecast(talk.samples);
  const keypad = states.keypadBatteryCritical === true;
  const isShort = ahead !== undefined && ahead.daysLeft < WARN_DAYS;
  if (critical || keypad || isShort) {
    const slope =
      ahead === undefined
        ? 'no forecast yet'
        : `${ahead.perWeek.toFixed(1)} % a week, about ${Math.floor(ahead.daysLeft)} days left`;
    const what = keypad ? 'keypad battery critical' : `${percent ?? 'unknown'} %`;
    raise(turn, talk, 'battery', `${what}; ${slope}`);
  } else clear(turn, talk, 'battery', `${percent ?? 'unknown'} %`);
}

/** The lock judges its codes by its own clock, so that clock is ours to keep right. */
function drift(turn: Turn, talk: Talk, states: KeyturnerStates): void {
  const wall = turn.bus.wall?.();
  if (wall === undefined || states.clock === undefined) return;
  const wrong = states.clock - wall;
  if (Math.abs(wrong) <= DRIFT_MAX_MS) {
    clear(turn, talk, 'clock-drift', 'right again');
    return;
  }
  const seconds = Math.round(wrong / 1000);
  raise(turn, talk, 'clock-drift', `its clock is ${seconds} s from UTC`);
  if (hasPin(talk)) talk.timeAt = uptime(Math.min(talk.timeAt, turn.now));
}
