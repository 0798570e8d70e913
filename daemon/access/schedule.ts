/** Weekly windows in local time, with exception dates and holidays; tested by the wall time of now. */
import { type Instant, instant } from '../../drivers/contract/time.ts';
import type { DayWindow, Policies, Schedule } from './model.ts';
import { isZone, Temporal } from './temporal.ts';
import { isWallTime } from './window.ts';

export type Holidays = Policies['holidays'];

/** Minutes since midnight; `24:00` is 1440. Undefined: not a time of day. */
export function minuteOfDay(text: string): number | undefined {
  const parts = /^([01]\d|2[0-4]):([0-5]\d)$/.exec(text);
  if (parts === null) return undefined;
  const minutes = Number(parts[1]) * 60 + Number(parts[2]);
  return minutes <= 1440 ? minutes : undefined;
}

/** What would do instead of a fault. */
export const SCHEDULE_REMEDY = 'from and to that differ, dates that exist, and an IANA time zone';

/** What is wrong with a schedule, told for who made it; empty: nothing. A schedule with a fault is never inside. */
export function scheduleFaults(schedule: Schedule): readonly string[] {
  const faults: string[] = [];
  if (schedule.zone !== 'site' && !isZone(schedule.zone)) faults.push(`zone ${schedule.zone}`);
  const windows = [
    ...schedule.weekly,
    ...(schedule.exceptions ?? []).flatMap((exception) => exception.windows),
  ];
  for (const { from, to } of windows) {
    const start = minuteOfDay(from);
    const end = minuteOfDay(to);
    if (start === undefined || end === undefined || start === 1440 || start === end) {
      faults.push(`window ${from}-${to}`);
    }
  }
  for (const { date } of schedule.exceptions ?? []) {
    // 30 February never comes, and whoever wrote it would find their door open on the day they meant.
    if (!isWallTime(`${date}T00:00`)) faults.push(`date ${date}`);
  }
  return faults;
}

/** A place in the week as a clock on the wall shows it. */
interface WallClock {
  readonly date: string;
  readonly weekday: number;
  readonly yesterday: string;
  readonly yesterdaysWeekday: number;
  /** Minutes since midnight, with the seconds as a fraction. */
  readonly minute: number;
}

function wallClock(at: Instant, zone: string): WallClock {
  const local = Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(zone);
  const before = local.toPlainDate().subtract({ days: 1 });
  return {
    date: local.toPlainDate().toString(),
    weekday: local.dayOfWeek,
    yesterday: before.toString(),
    yesterdaysWeekday: before.dayOfWeek,
    minute: local.hour * 60 + local.minute + (local.second + local.millisecond / 1000) / 60,
  };
}

/** A window belongs to the local day it starts on; so does an exception, which stands instead of that day's windows. */
function windowsOf(
  schedule: Schedule,
  holidays: Holidays,
  date: string,
  weekday: number,
): readonly DayWindow[] {
  const exception = schedule.exceptions?.find((each) => each.date === date);
  if (exception !== undefined) return exception.windows;
  const holiday = schedule.holidays ? holidays.find((each) => each.date === date) : undefined;
  if (holiday !== undefined) return holiday.windows;
  return schedule.weekly.filter(({ days }) => days.some((day) => day === weekday));
}

function isInside(schedule: Schedule, holidays: Holidays, now: WallClock): boolean {
  const today = windowsOf(schedule, holidays, now.date, now.weekday);
  const before = windowsOf(schedule, holidays, now.yesterday, now.yesterdaysWeekday);
  return (
    today.some((window) => {
      const { start, end } = edges(window);
      if (start <= end) return start <= now.minute && now.minute < end;
      return start <= now.minute;
    }) ||
    before.some((window) => {
      const { start, end } = edges(window);
      return end < start && now.minute < end;
    })
  );
}

/** A window that is none (equal ends, or no time of day) ends where it starts. */
function edges({ from, to }: DayWindow): { readonly start: number; readonly end: number } {
  const start = minuteOfDay(from);
  const end = minuteOfDay(to);
  if (start === undefined || end === undefined || start === end) return { start: 1, end: 1 };
  return { start, end };
}

/** How a schedule stands over a stretch of time `[lo, hi)`, because now is somewhere in it. */
export interface ScheduleStanding {
  /** Inside at every moment of the stretch. */
  readonly certain: boolean;
  /** Inside at some moment of it. */
  readonly possible: boolean;
  /** Outside only because of an exception date or holiday. */
  readonly holiday: boolean;
}

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
/** A longer stretch is looked at for this long: a week repeats, but for exceptions, which are then uncertain. */
export const LONGEST_STRETCH = 8 * DAY;

export function standing(
  schedule: Schedule,
  policies: Pick<Policies, 'zone' | 'holidays'>,
  lo: Instant,
  hi: Instant,
): ScheduleStanding {
  const zone = schedule.zone === 'site' ? policies.zone : schedule.zone;
  const isCut = hi - lo > LONGEST_STRETCH;
  const end = isCut ? instant(lo + LONGEST_STRETCH) : hi;
  const inside = insideOver(schedule, policies.holidays, zone, lo, end);
  const hasExceptions = (schedule.exceptions ?? []).length > 0 || schedule.holidays === true;
  const possible = inside.includes(true);
  // Without its exceptions: a schedule of its own, with edges of its own.
  const plain: Schedule = { zone, weekly: schedule.weekly };
  const holiday = !possible && hasExceptions && insideOver(plain, [], zone, lo, end).includes(true);
  return { certain: !inside.includes(false) && !(isCut && hasExceptions), possible, holiday };
}

/** Whether the schedule holds at `lo`, and from each moment on at which that may change. */
function insideOver(
  schedule: Schedule,
  holidays: Holidays,
  zone: string,
  lo: Instant,
  hi: Instant,
): readonly boolean[] {
  return [lo, ...changes(schedule, holidays, zone, lo, hi)].map((moment) =>
    isInside(schedule, holidays, wallClock(moment, zone)),
  );
}

/**
 * Moments within (lo, hi) at which the schedule may change: each edge of a window, each midnight, each change of
 * the zone's offset. Between two of them it does not. Under a minute the ends suffice, since edges are whole minutes.
 */
function changes(
  schedule: Schedule,
  holidays: Holidays,
  zone: string,
  lo: Instant,
  hi: Instant,
): Instant[] {
  if (hi - lo <= 1) return [];
  if (hi - lo < MINUTE) return [instant(hi - 1)];
  const found: number[] = [];
  const first = Temporal.Instant.fromEpochMilliseconds(lo).toZonedDateTimeISO(zone);
  const days = Math.ceil((hi - lo) / DAY) + 2;
  for (let day = -1; day < days; day++) {
    const date = first.toPlainDate().add({ days: day });
    const windows = windowsOf(schedule, holidays, date.toString(), date.dayOfWeek);
    const minutes = new Set([0, ...windows.flatMap((each) => Object.values(edges(each)))]);
    for (const minute of minutes) {
      for (const shift of minute === 0 ? [0] : [0, 1]) {
        const wall = date
          .add({ days: shift })
          .toPlainDateTime({ hour: Math.floor(minute / 60) % 24, minute: minute % 60 });
        for (const disambiguation of ['earlier', 'later'] as const) {
          found.push(wall.toZonedDateTime(zone, { disambiguation }).epochMilliseconds);
        }
      }
    }
  }
  for (let at = first.getTimeZoneTransition('next'); at !== null; ) {
    if (at.epochMilliseconds >= hi) break;
    found.push(at.epochMilliseconds);
    at = at.getTimeZoneTransition('next');
  }
  return [...new Set(found)]
    .filter((at) => at > lo && at < hi)
    .sort((a, b) => a - b)
    .map(instant);
}
