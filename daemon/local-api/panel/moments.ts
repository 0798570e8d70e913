/** Moments as people say them, in the zone of the site. */
let zone: string | undefined;

export function showIn(siteZone: string): void {
  zone = siteZone;
}

function format(options: Intl.DateTimeFormatOptions, at: string): string {
  const whole = zone === undefined ? options : { ...options, timeZone: zone };
  return new Intl.DateTimeFormat('en-GB', whole).format(new Date(at));
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

const STEPS: readonly (readonly [most: number, ms: number, unit: string])[] = [
  [120_000, 1000, 's'],
  [7_200_000, 60_000, 'min'],
  [172_800_000, 3_600_000, 'h'],
  [Number.POSITIVE_INFINITY, 86_400_000, 'days'],
];

/** `3 min`, `5 h` */
export function span(ms: number): string {
  const [, unitMs, unit] = STEPS.find(([most]) => ms < most) ?? [0, 86_400_000, 'days'];
  return `${Math.max(0, Math.floor(ms / unitMs))} ${unit}`;
}
