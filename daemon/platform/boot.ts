/** Which boot of the machine this is: as long as it lasts, the monotonic clock counts on. */
import { readFileSync } from 'node:fs';

const BOOT_ID = '/proc/sys/kernel/random/boot_id';

/** Twelve hexadecimal digits, as entries carry them; `undefined` where the kernel names none. */
export function machineBoot(file = BOOT_ID): string | undefined {
  try {
    return /^[0-9a-f-]{36}$/
      .exec(readFileSync(file, 'utf8').trim())?.[0]
      .replaceAll('-', '')
      .slice(0, 12);
  } catch {
    return undefined;
  }
}
