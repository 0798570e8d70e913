/** Fields that several endpoints have. */
import { z } from 'zod';
import { type DeviceId, deviceId } from '../../drivers/contract/device.ts';
import { type Instant, instant } from '../../drivers/contract/time.ts';
import { ApiError } from './errors.ts';

export const deviceName = z.string().regex(/^[a-z0-9-]{1,32}$/, '1 to 32 of a-z, 0-9 and "-"');
export const placeName = z.string().min(1).max(64);
export const openId = z
  .string()
  .regex(/^[A-Za-z0-9_.:-]{1,128}$/, '1 to 128 of letters, digits and _ . : -');
export const slotField = z.coerce.number().pipe(z.int().min(1).max(4096));
export const holdMs = z
  .int()
  .min(100)
  .max(30_000)
  .optional()
  .describe('what the place is set to, if missing');
export const why = z.string().min(1).max(200).optional().describe('goes into the journal');
/** ISO 8601 with offset, in and out. */
export const moment = z.iso.datetime({
  offset: true,
  error: 'a time with seconds and offset, such as 2026-11-24T22:10:00+01:00',
});

const DAY_MS = 86_400_000;
const DAYS_MAX = 400;
/** `2026-11-24T` by the number of the day: the calendar is most of the work, and a list has few days. */
const days = new Map<number, string>();
const two = Array.from({ length: 60 }, (_, number) => String(number).padStart(2, '0'));

/** As `toISOString` writes it. */
export function iso(at: Instant): string {
  // Beyond what a calendar has, a moment is as good as its end.
  const ms = Math.trunc(Math.max(-8.64e15, Math.min(8.64e15, at)));
  const day = Math.floor(ms / DAY_MS);
  let date = days.get(day);
  if (date === undefined) {
    if (days.size >= DAYS_MAX) days.clear();
    date = new Date(day * DAY_MS).toISOString().slice(0, -13);
    days.set(day, date);
  }
  const rest = ms - day * DAY_MS;
  const seconds = Math.floor(rest / 1000);
  const fraction = rest - seconds * 1000;
  const [hour, minute] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  return `${date}${two[hour]}:${two[minute]}:${two[seconds % 60]}.${fraction < 100 ? '0' : ''}${fraction < 10 ? '0' : ''}${fraction}Z`;
}

export function isoOrNull(at: Instant | undefined): string | null {
  return at === undefined || !Number.isFinite(at) ? null : iso(at);
}

export function instantIn(text: string): Instant {
  return instant(Date.parse(text));
}

export function knownDevice(devices: readonly { readonly id: DeviceId }[], name: string): DeviceId {
  if (!devices.some(({ id }) => id === name)) {
    throw new ApiError('not_found', `there is no device ${name}`, 'device');
  }
  return deviceId(name);
}

/** Text of one query parameter given once. */
export const flag = z.enum(['true', 'false']).transform((text) => text === 'true');
export const limitField = (most: number, usual: number) =>
  z.coerce.number().pipe(z.int().min(1).max(most)).default(usual);
