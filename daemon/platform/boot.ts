/** Which boot of the machine this is: as long as it lasts, the monotonic clock counts on. */
import { readFileSync } from 'node:fs';

const BOOT_ID = '/proc/sys/kernel/random/boot_id';

/**
 * Twelve hexadecimal digits, as entries carry them; `undefined` where nobody names one. `told` is what the service
 * manager says (`%b` of systemd): the `/proc` that it gives to a service may hold processes only.
 */
export function machineBoot(
  file = BOOT_ID,
  told = process.env['LATCHKEY_BOOT_ID'],
): string | undefined {
  return digitsOf(read(file)) ?? digitsOf(told);
}

function digitsOf(id: string | undefined): string | undefined {
  const digits = id?.trim().replaceAll('-', '') ?? '';
  return /^[0-9a-f]{32}$/.test(digits) ? digits.slice(0, 12) : undefined;
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
