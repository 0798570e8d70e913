/** Moments as the lock writes them: year(2) month day hour minute second, without a zone. */
import { u16 } from './frame.ts';

export const DATE_BYTES = 7;

/** In UTC, moved by `offsetMinutes` where the lock keeps another time. Whole seconds, rounded as asked. */
export function lockDate(at: number, offsetMinutes: number, round: 'up' | 'down'): Uint8Array {
  const seconds = round === 'up' ? Math.ceil(at / 1000) : Math.floor(at / 1000);
  const date = new Date((seconds + offsetMinutes * 60) * 1000);
  return Uint8Array.of(
    ...u16(date.getUTCFullYear()),
    date.getUTCMonth() + 1,
    date.getUTCDate(),
    date.getUTCHours(),
    date.getUTCMinutes(),
    date.getUTCSeconds(),
  );
}

/** `undefined` where the bytes are no date. */
export function fromLockDate(bytes: Uint8Array, offsetMinutes: number): number | undefined {
  const [low = 0, high = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = bytes;
  if (bytes.length < DATE_BYTES || month < 1 || month > 12 || day < 1 || day > 31) return undefined;
  if (hour > 23 || minute > 59 || second > 59) return undefined;
  const at = Date.UTC(low | (high << 8), month - 1, day, hour, minute, second);
  return at - offsetMinutes * 60_000;
}
