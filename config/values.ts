/** The kinds of value that settings are made of. */
import { z } from 'zod';
import { SECRET } from './secrets.ts';

export const NAME = /^[a-z0-9-]{1,32}$/;
const NAME_HINT = '1 to 32 of a-z, 0-9 and "-"';

/** Name of a bus, device, access point or access level. */
export const name = z.string().regex(NAME, NAME_HINT);

/** Ids that clouds and vendors give too: of keys. */
export const openId = z
  .string()
  .regex(/^[A-Za-z0-9_.:-]{1,128}$/, '1 to 128 of letters, digits and _ . : -');

/** Where a secret is; the secret itself is never written into a config. */
export const secretReference = z
  .string()
  .regex(SECRET, 'credential:NAME (a systemd credential), or file:/PATH that nobody else can read');

export const hostAndPort = z
  .string()
  .regex(
    /^(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9.-]{1,253}):(6553[0-5]|655[0-2]\d|65[0-4]\d\d|6[0-4]\d{3}|[1-5]?\d{1,4})$/,
    'HOST:PORT, such as 192.168.1.20:4001',
  );

export const filePath = z.string().regex(/^\/.{1,1023}$/, 'an absolute path, from /');

/** IANA name of a time zone, as the time zone data of this Node knows it. */
export const zone = z.string().refine(isZone, {
  error: ({ input }) => `a time zone such as Europe/Stockholm${similarZone(input)}`,
});

export const timeOfDay = z
  .string()
  .regex(/^(([01]\d|2[0-3]):[0-5]\d|24:00)$/, 'HH:MM in quotes, from "00:00" to "24:00"');

export const calendarDate = z.iso.date('a day as YYYY-MM-DD');

export const hours = z.strictObject({
  from: timeOfDay.describe('first minute'),
  to: timeOfDay.describe('end; "24:00" is midnight, an earlier time than `from` crosses it'),
});

const UNITS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const DURATION = /^(\d{1,9})(ms|s|m|h|d)$/;

/** A length of time with its unit, `30s`; milliseconds once read. */
export function duration(from: string, to: string) {
  return z
    .union([z.literal(0), z.string().regex(DURATION)], {
      error: 'a number with its unit: ms, s, m, h or d, such as 30s',
    })
    .refine((text) => millis(text) >= millis(from) && millis(text) <= millis(to), {
      error: `a length of time from ${from} to ${to}`,
    })
    .transform(millis);
}

function millis(text: string | 0): number {
  const [, count, unit] = DURATION.exec(String(text)) ?? [];
  if (unit !== 'ms' && unit !== 's' && unit !== 'm' && unit !== 'h' && unit !== 'd') return 0;
  return Number(count) * UNITS[unit];
}

function isZone(text: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: text }).resolvedOptions().timeZone !== '';
  } catch {
    return false; // RangeError: the only one it throws for a text
  }
}

function similarZone(input: unknown): string {
  const found =
    typeof input === 'string' ? nearest(input, Intl.supportedValuesOf('timeZone')) : undefined;
  return found === undefined ? '' : `; did you mean ${found}?`;
}

/** The candidate that is a slip of the pen away from `text`, if there is one. */
export function nearest(text: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined;
  let fewest = Math.max(2, Math.floor(text.length / 3)) + 1;
  for (const candidate of candidates) {
    const slips = distance(text.toLowerCase(), candidate.toLowerCase(), fewest);
    if (slips < fewest) {
      best = candidate;
      fewest = slips;
    }
  }
  return best;
}

/** Levenshtein, given up at `limit`. */
function distance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit;
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? limit;
}
