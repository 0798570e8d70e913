/** Moments as people say them, in the zone of the site and the language of the page. */
import { locale, say } from './language.ts';

let zone: string | undefined;
/** How far the site's clock is ahead of the browser's. */
let ahead = 0;

export function showIn(siteZone: string, siteNow: string): void {
  zone = siteZone;
  ahead = Date.parse(siteNow) - Date.now();
}

/** Milliseconds since 1970 by the clock that decides. */
export function siteNow(): number {
  return Date.now() + ahead;
}

/** `2026-11-24T14:03`, as a clock at the site shows it and fields of forms have it. */
export function wallTime(at: string | number): string {
  const parts = { year: 'numeric', month: '2-digit', day: '2-digit' } as const;
  const time = { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' } as const;
  const whole = { ...parts, ...time, ...(zone === undefined ? {} : { timeZone: zone }) };
  // Swedish writes a date as ISO 8601 does.
  return new Intl.DateTimeFormat('sv-SE', whole).format(new Date(at)).replace(' ', 'T');
}

/** When a day of the site begins, or the one so many days later. */
export function beginOf(day: string, later = 0): string {
  const wall = Date.parse(`${day}T00:00Z`) + later * 86_400_000;
  const offset = (at: number) => Date.parse(`${wallTime(at)}Z`) - at;
  // By the offset at about that time, which may be another after a change of the clocks.
  const about = wall - offset(wall);
  return new Date(wall - offset(about)).toISOString();
}

function format(options: Intl.DateTimeFormatOptions, at: string): string {
  const whole = zone === undefined ? options : { ...options, timeZone: zone };
  return new Intl.DateTimeFormat(locale(), whole).format(new Date(at));
}

const day = (at: string) => format({ year: 'numeric', month: '2-digit', day: '2-digit' }, at);

/** `14:03:22`, with its day where that is not today. */
export function clockTime(at: string, now: string = new Date().toISOString()): string {
  const time = format({ hour: '2-digit', minute: '2-digit', second: '2-digit' }, at);
  return day(at) === day(now) ? time : `${format({ day: 'numeric', month: 'short' }, at)} ${time}`;
}

/** `24 Nov 2026, 14:03` */
export function moment(at: string): string {
  return format(
    { day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit' },
    at,
  );
}

type Unit = 'millisecond' | 'second' | 'minute' | 'hour' | 'day';

const STEPS: readonly (readonly [most: number, ms: number, unit: Unit])[] = [
  [1000, 1, 'millisecond'],
  [120_000, 1000, 'second'],
  [7_200_000, 60_000, 'minute'],
  [172_800_000, 3_600_000, 'hour'],
  [Number.POSITIVE_INFINITY, 86_400_000, 'day'],
];

/** `3 min`, `5 hrs` */
export function span(ms: number): string {
  const [, unitMs, unit] = STEPS.find(([most]) => ms < most) ?? [0, 86_400_000, 'day' as const];
  const count = Math.max(0, Math.floor(ms / unitMs));
  return new Intl.NumberFormat(locale(), { style: 'unit', unit, unitDisplay: 'short' }).format(
    count,
  );
}

/** `3 min ago` */
export function ago(at: string, now: string): string {
  return say('time.ago', { span: span(Math.max(1000, Date.parse(now) - Date.parse(at))) });
}

/** `1.4 GB` */
export function bytes(count: number): string {
  const [size, unit] =
    count >= 1e9
      ? ([count / 1e9, 'gigabyte'] as const)
      : count >= 1e6
        ? ([count / 1e6, 'megabyte'] as const)
        : ([count / 1e3, 'kilobyte'] as const);
  return new Intl.NumberFormat(locale(), {
    style: 'unit',
    unit,
    unitDisplay: 'short',
    maximumFractionDigits: size < 10 ? 1 : 0,
  }).format(size);
}

/** `Monday`, of the week that begins with 1. */
export function weekday(number: number, width: 'short' | 'long' = 'short'): string {
  // The first of January 2024 was a Monday.
  const date = new Date(Date.UTC(2024, 0, number, 12));
  return new Intl.DateTimeFormat(locale(), { weekday: width, timeZone: 'UTC' }).format(date);
}
